"""What the grammar says about a text that is being written into a hole: where its node ends, and how broken it is.

Only a window of whole lines around the hole is parsed, again and again with the tree of the time before. A parse that
takes too many steps is given up, and with it all of the hole's syntax: the rules for text and indentation decide then.
"""

import importlib
import re
import warnings
from functools import cache, cached_property
from typing import Final

import tree_sitter

from fimble.features.completion.surroundings import indentation_of, language_of
from fimble.index.languages import Language
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

# As much as is parsed in about a millisecond.
BEFORE_CHARACTERS_MAX: Final = 6_000
AFTER_CHARACTERS_MAX: Final = 3_000
# Tree-sitter asks after every 100 operations whether to go on. Counted, so that a busy machine changes nothing.
STEPS_MAX: Final = 400
# All parses for one hole together.
STEPS_IN_ALL_MAX: Final = 1_000
_NODES_MAX: Final = 200
# Places at which a window may begin, and errors in front of the hole with which one is good: open braces, not nonsense.
_STARTS_MAX: Final = 4
_START_ERRORS_MAX: Final = 3
_CLIMB_MAX: Final = 60

# Nodes whose children are statements, declarations or the like, in the grammars that the index knows.
_CONTAINER: Final = re.compile(
    r"^(?:module|program|source_file|source|translation_unit|compilation_unit|chunk|document|stylesheet|statements)$"
    r"|block$|_body$|^body$|body_statement$|statement_list$|compound_statement$|declaration_list$|^do_group$|^then$"
    r"|^suite$|^switch_"
)
_TEXT: Final = re.compile(r"string|comment|heredoc|template_literal|regex")
_DECORATION: Final = re.compile(r"^attribute_item$|^decorator$|^(?:marker_)?annotation$")
# Inside of a string, these hold code again.
_CODE: Final = re.compile(r"interpolation|substitution|expansion|embedded")
_TEXT_CLIMB_MAX: Final = 4
_PIECE_BYTES: Final = 4_096


class Syntax:
    """The parsed window around one hole."""

    def __init__(self, text: Text, offset: int, language: tree_sitter.Language, *, steps_max: int = STEPS_MAX) -> None:
        """`offset` is the hole's, in code points."""
        self._parser = tree_sitter.Parser(language)
        self._steps_max, self._steps_left = steps_max, STEPS_IN_ALL_MAX
        self._written: _Parsed | None = None
        self._filled: _Parsed | None = None
        self._ends: dict[tuple[str, str], bool | None] = {}
        self._counts: dict[tuple[str, str, int], int | None] = {}
        self.is_given_up = False
        before, self._after, is_whole = _window(text, offset)
        self._before = before if is_whole else self._from_good_start(before)
        self._cursor_line = self._before.rpartition("\n")[2]

    @classmethod
    def of(cls, snapshot: Snapshot, offset: int) -> "Syntax | None":
        """Returns the syntax around a place, None where no grammar is installed for the document's language."""
        language = language_of(snapshot)
        grammar = _grammar(language) if language is not None else None
        return None if grammar is None else cls(snapshot.text, offset, grammar)

    def ends_before(self, written: str, line: str) -> bool | None:
        """Tells whether the node in which the hole is ends before `line`, which was written after the lines `written`.

        With text before the cursor, that is its statement, else the block of what was written first. None where the
        grammar cannot tell.
        """
        key = written, line
        if key not in self._ends:
            self._ends[key] = self._ends_before(written, line)
        return self._ends[key]

    def first_statement(self, written: str, skipped: int = 0) -> str | None:
        """Returns a text that begins on a blank line up to the end of the first statement after `skipped` characters.

        That is all of the text where the hole is inside of a statement, and None where none is whole.
        """
        root = self._parse_written(written)
        start = self._first_sign(written)
        if root is None or start is None:
            return None
        rest = written[skipped:]
        place = len(f"{self._before}{written[:skipped]}{rest.removesuffix(rest.lstrip())}".encode())
        statement = _statement_at(root, place)
        if statement is None or statement.type == "ERROR" or statement.has_error:
            return None
        if statement.start_byte < start:
            return written
        source = f"{self._before}{written}".encode()
        end = source.find(b"\n", statement.end_byte - 1)
        return source[: end if end >= 0 else len(source)].decode("utf-8", "replace")[len(self._before) :].rstrip()

    def errors(self, written: str, covered: int = 0) -> int | None:
        """Returns how many errors the window has with a text in the hole; None where it cannot be parsed in time.

        `covered` is how many characters after the cursor it replaces.
        """
        return self._count(self._before, written, covered)

    def errors_without_line(self) -> int | None:
        """Returns how many errors the window has without what stands on the cursor's line before the cursor."""
        return self._count(self._before.removesuffix(self._cursor_line), "", 0)

    @cached_property
    def is_text(self) -> bool:
        """Whether the hole is inside of a string or a comment."""
        root = self._parse_filled(self._before, "", 0)
        place = len(self._before.encode())
        return root is not None and _text_at(root, place, is_line_comment=bool(self._cursor_line.strip())) is not None

    def _from_good_start(self, before: str) -> str:
        """Returns the text before the hole from a line at which a parse can begin.

        In the middle of a string, everything would be taken for the opposite of what it is.
        """
        lines = before.split("\n")
        found: list[tuple[int, str]] = []
        for number in _starts(lines[:-1]):
            tree = self._parse("\n".join(lines[number:-1]).encode(), None)
            if tree is None:
                return before
            found.append((_errors(tree.tree.root_node), "\n".join(lines[number:])))
            if found[-1][0] <= _START_ERRORS_MAX:
                return found[-1][1]
        return min(found, key=lambda one: one[0])[1] if found else before

    def _count(self, before: str, written: str, covered: int) -> int | None:
        key = before, written, covered
        if key not in self._counts:
            root = self._parse_filled(before, written, covered)
            self._counts[key] = None if root is None else _errors(root)
        return self._counts[key]

    def _ends_before(self, written: str, line: str) -> bool | None:
        # With what follows, since most grammars make nothing of a block that is not closed.
        root = self._parse_written(f"{written}\n{line}{self._after}")
        start = self._first_sign(written)
        if root is None or start is None or not line.strip():
            return None
        place = len(f"{self._before}{written}\n".encode()) + len(line) - len(line.lstrip())
        text = _text_at(root, place)
        if text is not None:
            # A string that was begun goes on, whatever its indentation; of one that was there already, nobody knows.
            return False if text.start_byte >= len(self._before.encode()) else None
        statement = _statement_at(root, start)
        if statement is None or statement.type == "ERROR" or statement.has_error:
            return None
        if not self._is_new_block(written):
            cursor_row = self._before.count("\n")
            # Of a statement that began further up, one more line may be all that is wanted.
            return statement.end_byte <= place if statement.start_point.row == cursor_row else None
        block = statement.parent
        if block is None or block.parent is None:
            return None
        if block.end_byte <= place:
            return True
        closer = root.descendant_for_byte_range(place, place + 1)
        return True if closer is not None and not closer.is_named and closer.parent == block else None

    def _is_new_block(self, written: str) -> bool:
        """Tells whether the text begins on a line of its own."""
        return not self._cursor_line.strip() or not written.partition("\n")[0].strip()

    def _first_sign(self, written: str) -> int | None:
        """Returns where the first sign of the cursor's line is, or of a text on a line of its own, in bytes."""
        line, text = self._cursor_line, written.lstrip()
        if not self._is_new_block(written):
            return len(self._before.encode()) - len(line.lstrip().encode())
        return len(f"{self._before}{written.removesuffix(text)}".encode()) if text else None

    def _parse_written(self, written: str) -> tree_sitter.Node | None:
        self._written = self._parse(f"{self._before}{written}".encode(), self._written)
        return self._written.tree.root_node if self._written is not None else None

    def _parse_filled(self, before: str, written: str, covered: int) -> tree_sitter.Node | None:
        self._filled = self._parse(f"{before}{written}{self._after[covered:]}".encode(), self._filled)
        return self._filled.tree.root_node if self._filled is not None else None

    def _parse(self, source: bytes, old: "_Parsed | None") -> "_Parsed | None":
        if self.is_given_up:
            return None
        steps = 0

        def has_to_stop(_offset: int, _has_error: bool) -> bool:
            nonlocal steps
            steps += 1
            return steps > min(self._steps_max, self._steps_left)

        def read(offset: int, _point: object) -> bytes:
            return source[offset : offset + _PIECE_BYTES]

        if old is not None:
            old.edit(source)
        try:
            if old is None:
                tree = self._parser.parse(read, progress_callback=has_to_stop)
            else:
                tree = self._parser.parse(read, old.tree, progress_callback=has_to_stop)
        except ValueError:
            self.is_given_up = True
            return None
        self._steps_left -= steps
        return _Parsed(source, tree)


class _Parsed:
    """A source and its tree."""

    def __init__(self, source: bytes, tree: tree_sitter.Tree) -> None:
        self.source = source
        self.tree = tree

    def edit(self, newer: bytes) -> None:
        """Tells the tree what `newer` has in place of what."""
        old = self.source
        start = _common(old, newer)
        rest = _common(old[start:][::-1], newer[start:][::-1])
        self.tree.edit(
            start_byte=start,
            old_end_byte=len(old) - rest,
            new_end_byte=len(newer) - rest,
            start_point=_point(old, start),
            old_end_point=_point(old, len(old) - rest),
            new_end_point=_point(newer, len(newer) - rest),
        )


@cache
def _grammar(language: Language) -> tree_sitter.Language | None:
    # The index's grammars come with compiled tag queries, which take some of them 200 ms.
    try:
        module = importlib.import_module(language.module)
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # As in the index.
        return tree_sitter.Language(getattr(module, language.function)())


def _window(text: Text, offset: int) -> tuple[str, str, bool]:
    """Returns the text before and after a hole, whole lines except for the hole's own.

    Also tells whether that is all there is before it.
    """
    line = text.line_at(offset)
    first = line
    while first > 0 and offset - text.line_start(first - 1) <= BEFORE_CHARACTERS_MAX:
        first -= 1
    start = max(text.line_start(first), offset - BEFORE_CHARACTERS_MAX)
    last = line
    while last + 1 < text.line_count and text.line_start(last + 2) - offset <= AFTER_CHARACTERS_MAX:
        last += 1
    end = min(text.line_start(last + 1), offset + AFTER_CHARACTERS_MAX)
    before, after = text.slice(start, offset), text.slice(offset, end)
    return _with_plain_line_ends(before), _with_plain_line_ends(after), start == 0


def _starts(lines: list[str]) -> list[int]:
    """Returns a few lines that look like the beginning of a declaration: far to the left, below a blank line."""
    below_blank = [number for number in range(1, len(lines)) if lines[number].strip() and not lines[number - 1].strip()]
    widths = [indentation_of(lines[number]) for number in below_blank]
    left = [number for number, width in zip(below_blank, widths, strict=True) if width == min(widths)] or [0]
    return sorted({left[len(left) * part // _STARTS_MAX] for part in range(_STARTS_MAX)})


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _statement_at(root: tree_sitter.Node, place: int) -> tree_sitter.Node | None:
    """Returns the statement, or whatever else stands in a block, that has the sign at `place`."""
    node = root.descendant_for_byte_range(place, place + 1)
    for _ in range(_CLIMB_MAX):
        if node is None or node.parent is None:
            return None
        is_in_block = _CONTAINER.search(node.parent.type) or node.parent.parent is None
        # A block's own brackets belong to the statement around it.
        if (is_in_block and node.is_named) or _DECORATION.search(node.type):
            return node
        node = node.parent
    return None


def _text_at(root: tree_sitter.Node, place: int, *, is_line_comment: bool = False) -> tree_sitter.Node | None:
    """Returns the string or the comment that begins before the byte `place` and goes on after it.

    A comment may also end there (`is_line_comment`).
    """
    node = root.descendant_for_byte_range(max(0, place - 1), place)
    for _ in range(_TEXT_CLIMB_MAX):
        if node is None or _CODE.search(node.type):
            return None
        reaches = node.end_byte > place or (is_line_comment and "comment" in node.type and node.end_byte == place)
        if _TEXT.search(node.type) and node.start_byte < place and reaches:
            return node
        node = node.parent
    return None


def _errors(root: tree_sitter.Node) -> int:
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


def _common(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(source: bytes, place: int) -> tuple[int, int]:
    return source.count(b"\n", 0, place), place - source.rfind(b"\n", 0, place) - 1
