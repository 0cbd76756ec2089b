"""The lines around a hole's own line, parsed once for all that is typed and written between them.

A parse of the whole window takes about a millisecond, one that goes on from the frame's a tenth of that. Each text in
the hole is parsed from the frame alone, never from another text, so that what was asked before changes no answer.
"""

import importlib
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import Final

import tree_sitter

from fimble.features.completion.surroundings import indentation_of
from fimble.index.languages import Language
from fimble.workspace.text import Text

# As much as is parsed in about a millisecond.
BEFORE_CHARACTERS_MAX: Final = 6_000
AFTER_CHARACTERS_MAX: Final = 3_000
# What is typed on a line takes room from the lines above in steps of so much, not to move their first one at each key.
_ROOM_STEP: Final = 500
# Tree-sitter asks after every 100 operations whether to go on. Counted, so that a busy machine changes nothing.
STEPS_MAX: Final = 400
# All parses for one hole together.
STEPS_IN_ALL_MAX: Final = 1_000
FRAMES_MAX: Final = 4
# Of one frame: what is typed along a text makes the same text with the rest of it.
_TREES_MAX: Final = 16
_NODES_MAX: Final = 200
# Places at which a window may begin, and errors in front of the hole with which one is good: open braces, not nonsense.
_STARTS_MAX: Final = 4
_START_ERRORS_MAX: Final = 3
_PIECE_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The text around a hole in a few thousand characters: whole lines above and below, and the hole's own.

    `is_from_start` tells that nothing stands above.
    """

    above: str
    line_before: str
    line_after: str
    below: str
    is_from_start: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A source and its tree."""

    source: bytes
    tree: tree_sitter.Tree

    def with_piece(self, start: int, end: int, piece: bytes) -> "Parsed":
        """Returns the source with `piece` in place of the bytes from `start` to `end`; its tree is not parsed yet."""
        newer = b"".join((self.source[:start], piece, self.source[end:]))
        tree = self.tree.copy()
        tree.edit(
            start_byte=start,
            old_end_byte=end,
            new_end_byte=start + len(piece),
            start_point=_point(self.source, start),
            old_end_point=_point(self.source, end),
            new_end_point=_point(newer, start + len(piece)),
        )
        return Parsed(newer, tree)


class BoundedParser:
    """Parses until it has taken too many steps; then it is given up for good."""

    def __init__(self, grammar: tree_sitter.Language, steps_max: int, steps_left: int = STEPS_IN_ALL_MAX) -> None:
        """`steps_max` bounds one parse, `steps_left` all of them."""
        self._parser = tree_sitter.Parser(grammar)
        self._steps_max = steps_max
        self.steps_left = steps_left
        self.is_given_up = False

    def parse(self, source: bytes) -> Parsed | None:
        """Parses from the beginning; None where that takes too long."""
        return self._parse(source, None)

    def parse_again(self, edited: Parsed) -> Parsed | None:
        """Parses what an edit of a parsed source has changed; None where that takes too long."""
        return self._parse(edited.source, edited.tree)

    def allows(self, steps: int) -> bool:
        """Takes the steps of a parse that was done before; tells whether it could have been done now."""
        self.is_given_up = self.is_given_up or steps > min(self._steps_max, self.steps_left)
        if not self.is_given_up:
            self.steps_left -= steps
        return not self.is_given_up

    def _parse(self, source: bytes, old: tree_sitter.Tree | None) -> Parsed | None:
        if self.is_given_up:
            return None
        steps, steps_max = 0, min(self._steps_max, self.steps_left)

        def has_to_stop(_offset: int, _has_error: bool) -> bool:
            nonlocal steps
            steps += 1
            return steps > steps_max

        def read(offset: int, _point: object) -> bytes:
            return source[offset : offset + _PIECE_BYTES]

        try:
            if old is None:
                tree = self._parser.parse(read, progress_callback=has_to_stop)
            else:
                tree = self._parser.parse(read, old, progress_callback=has_to_stop)
        except ValueError:
            self.is_given_up = True
            return None
        self.steps_left -= steps
        return Parsed(source, tree)


class Frame:
    """The lines above and below a hole's own, parsed without it.

    `above` begins at a line at which a parse can begin. `steps_left` is what is left for the parses of one hole, and
    `parsed` None where the frame took too long.
    """

    def __init__(self, grammar: tree_sitter.Language, window: Window, steps_max: int = STEPS_MAX) -> None:
        parser = BoundedParser(grammar, steps_max)
        self.grammar, self.steps_max = grammar, steps_max
        self.above, self.below = window.above, window.below
        self.parsed: Parsed | None = None
        if window.is_from_start:
            self.parsed = parser.parse(f"{self.above}{self.below}".encode())
        elif (began := _good_start(window.above, parser)) is not None:
            self.above, end = began.above, len(began.parsed.source)
            # Both parses together are one of the whole window, and take no longer.
            parser = BoundedParser(grammar, steps_max - began.steps, parser.steps_left)
            self.parsed = parser.parse_again(began.parsed.with_piece(end, end, self.below.encode()))
        self.hole_byte = len(self.above.encode())
        self.steps_left = parser.steps_left
        self._trees: OrderedDict[tuple[str, bool], tuple[tree_sitter.Tree, int]] = OrderedDict()

    def tree(self, inside: str, parser: BoundedParser, *, has_below: bool = True) -> tree_sitter.Tree | None:
        """Returns the tree with a text in place of the hole's line, up to its end or with all that is below.

        None where `parser` would take too long, also if another one did not.
        """
        if self.parsed is None:
            return None
        key = inside, has_below
        if key in self._trees:
            self._trees.move_to_end(key)
            tree, steps = self._trees[key]
            return tree if parser.allows(steps) else None
        end = self.hole_byte if has_below else len(self.parsed.source)
        left = parser.steps_left
        parsed = parser.parse_again(self.parsed.with_piece(self.hole_byte, end, inside.encode()))
        if parsed is None:
            return None
        self._trees[key] = parsed.tree, left - parser.steps_left
        if len(self._trees) > _TREES_MAX:
            self._trees.popitem(last=False)
        return parsed.tree


class Frames:
    """The frames that were used last, by all that they are made of, so that to remember them changes nothing."""

    def __init__(self, frames_max: int = FRAMES_MAX) -> None:
        self._frames_max = frames_max
        self._frames: OrderedDict[tuple[str, str, str, bool], Frame] = OrderedDict()

    def of(self, language: Language, window: Window) -> Frame | None:
        """Returns the frame of a window, None where no grammar is installed for the language."""
        key = language.name, window.above, window.below, window.is_from_start
        frame = self._frames.get(key)
        if frame is None:
            grammar = grammar_of(language)
            if grammar is None:
                return None
            frame = self._frames[key] = Frame(grammar, window)
            if len(self._frames) > self._frames_max:
                self._frames.popitem(last=False)
        self._frames.move_to_end(key)
        return frame


@cache
def grammar_of(language: Language) -> tree_sitter.Language | None:
    """Returns the grammar of a language, None where it is not installed."""
    # The index's grammars come with compiled tag queries, which take some of them 200 ms.
    try:
        module = importlib.import_module(language.module)
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # As in the index.
        return tree_sitter.Language(getattr(module, language.function)())


def window_around(text: Text, offset: int) -> Window:
    """Returns the text around a hole at `offset` (code points)."""
    line = text.line_at(offset)
    line_start = text.line_start(line)
    line_end = line_start + len(text.line(line))
    room = BEFORE_CHARACTERS_MAX - ((offset - line_start) // _ROOM_STEP + 1) * _ROOM_STEP
    start = _line_start_from(text, max(0, line_start - room)) if room > 0 else line_start
    after_end = offset + AFTER_CHARACTERS_MAX
    below_end = len(text) if after_end >= len(text) else text.line_start(text.line_at(after_end))
    return Window(
        above=_with_plain_line_ends(text.slice(start, line_start)),
        line_before=_with_plain_line_ends(text.slice(max(line_start, offset - BEFORE_CHARACTERS_MAX), offset)),
        line_after=text.slice(offset, min(line_end, after_end)),
        below=_with_plain_line_ends(text.slice(max(offset, line_end), max(offset, line_end, below_end))),
        is_from_start=max(start, offset - BEFORE_CHARACTERS_MAX) == 0,
    )


def errors_in(root: tree_sitter.Node) -> int:
    """Returns how many nodes are errors, or missing; a bounded number of nodes is looked at."""
    if not root.has_error:
        return 0
    count, waiting, looked_at = 0, [root], 0
    while waiting and looked_at < _NODES_MAX:
        node = waiting.pop()
        looked_at += 1
        if node.is_error or node.is_missing:
            count += 1
        if node.has_error:
            waiting.extend(node.children)
    return count


def _line_start_from(text: Text, offset: int) -> int:
    """Returns the first start of a line at `offset` or after it."""
    line = text.line_at(offset)
    return offset if text.line_start(line) == offset else text.line_start(line + 1)


@dataclass(frozen=True, slots=True)
class _Start:
    """The lines above a hole's from one at which a parse may begin; `steps` is what that parse took."""

    above: str
    parsed: Parsed
    steps: int
    errors: int


def _good_start(above: str, parser: BoundedParser) -> _Start | None:
    """Returns the lines above a hole's from one at which a parse can begin; None where that takes too long to find out.

    In the middle of a string, everything would be taken for the opposite of what it is.
    """
    lines = above.split("\n")
    found: list[_Start] = []
    for number in _starts(lines[:-1]):
        beginning, left = "\n".join(lines[number:]), parser.steps_left
        parsed = parser.parse(beginning.encode())
        if parsed is None:
            return None
        start = _Start(beginning, parsed, left - parser.steps_left, errors_in(parsed.tree.root_node))
        if start.errors <= _START_ERRORS_MAX:
            return start
        found.append(start)
    return min(found, key=lambda one: one.errors)


def _starts(lines: list[str]) -> list[int]:
    """Returns a few lines that look like the beginning of a declaration: far to the left, below a blank line."""
    below_blank = [number for number in range(1, len(lines)) if lines[number].strip() and not lines[number - 1].strip()]
    widths = [indentation_of(lines[number]) for number in below_blank]
    left = [number for number, width in zip(below_blank, widths, strict=True) if width == min(widths)] or [0]
    return sorted({left[len(left) * part // _STARTS_MAX] for part in range(_STARTS_MAX)})


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _point(source: bytes, place: int) -> tuple[int, int]:
    return source.count(b"\n", 0, place), place - source.rfind(b"\n", 0, place) - 1
