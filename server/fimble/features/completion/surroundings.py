"""The text around a hole, as far as stop rules and filters look at it: a bounded number of lines, whatever the file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

from fimble.index.languages import Language, language_of_editor_id, language_of_path
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

# Non-blank lines above and below that rules compare with.
_NEIGHBOURS = 12
_NEIGHBOUR_DISTANCE_MAX = 50
# Lines on each side from which the file's indentation is told.
_STYLE_LINES = 200
# Of the question, the one before, and what may be accepted.
_NEIGHBOURS_KEPT = 4
_KEPT_CHARACTERS_MAX = 100_000
# What a line ends with that opens a block.
BLOCK_SIGNS = (":", "{")
_PROSE = frozenset({"markdown", "plaintext", "text", "latex", "restructuredtext", "git-commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The text around the hole: the line up to the cursor, the rest of it, the lines above and below.

    `above` and `below` hold at most a handful of non-blank lines, the nearest first. `indents` are the steps by which
    blocks near the hole are indented, a tab or some spaces, the most frequent first.
    """

    line_before: str
    line_after: str
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    indents: tuple[str, ...] = ()
    language: Language | None = None
    is_prose: bool = False

    @property
    def indentation(self) -> int:
        """The width of the cursor line's indentation in columns."""
        return indentation_of(self.line_before)

    @property
    def is_blank(self) -> bool:
        """Whether the cursor's line has nothing before the cursor."""
        return not self.line_before.strip()

    @property
    def comment_markers(self) -> tuple[str, ...]:
        """What begins a comment that lasts to the line's end."""
        return ("#", "//") if self.language is None else self.language.line_comments

    @property
    def is_comment(self) -> bool:
        """Whether the cursor's line is a comment."""
        return self.line_before.lstrip().startswith(self.comment_markers)


def surroundings(text: Text, offset: int, snapshot: Snapshot | None = None) -> Surroundings:
    """Returns what rules need to know about the place at `offset` (code points); `snapshot` tells the language."""
    line, character = text.position(offset, Encoding.UTF_32)
    current = text.line(line)
    first, end = text.line_start(max(0, line - _STYLE_LINES)), text.line_start(line + _STYLE_LINES)
    find = _neighbours_kept if end - first <= _KEPT_CHARACTERS_MAX else _neighbours
    neighbours = find(text.slice(first, text.line_start(line)), text.slice(text.line_start(line + 1), end))
    return Surroundings(
        line_before=current[:character],
        line_after=current[character:],
        above=neighbours.above,
        below=neighbours.below,
        indents=neighbours.indents,
        language=language_of(snapshot) if snapshot is not None else None,
        is_prose=snapshot is not None and snapshot.language in _PROSE,
    )


def language_of(snapshot: Snapshot) -> Language | None:
    """Returns the language that the editor names, or that of the file's name."""
    return language_of_editor_id(snapshot.language) or language_of_path(snapshot.path)


def indentation_of(line: str) -> int:
    """Returns the width of a line's indentation in columns; a tab reaches to the next multiple of four."""
    width = 0
    for sign in line:
        if sign == " ":
            width += 1
        elif sign == "\t":
            width += 4 - width % 4
        else:
            break
    return width


def leading_blanks(line: str) -> str:
    """Returns a line's indentation as it is written."""
    return line[: len(line) - len(line.lstrip(" \t"))]


@dataclass(frozen=True, slots=True)
class _Neighbours:
    above: tuple[str, ...]
    below: tuple[str, ...]
    indents: tuple[str, ...]


def _neighbours(above: str, below: str) -> _Neighbours:
    lines_above, lines_below = _lines(above), _lines(below)
    return _Neighbours(
        above=_non_blank(reversed(lines_above[-_NEIGHBOUR_DISTANCE_MAX - 1 :])),
        below=_non_blank(lines_below[:_NEIGHBOUR_DISTANCE_MAX]),
        indents=_indents([*lines_above, *lines_below]),
    )


# The lines around the cursor's stay the same from key to key.
_neighbours_kept = lru_cache(_NEIGHBOURS_KEPT)(_neighbours)


def _lines(content: str) -> list[str]:
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    return content.split("\n")


def _non_blank(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice((line for line in lines if line.strip()), _NEIGHBOURS))


def _indents(lines: Iterable[str]) -> tuple[str, ...]:
    """Returns the steps by which lines go deeper than a line that opens a block."""
    steps: Counter[str] = Counter()
    for before, current in pairwise([line for line in lines if line.strip()]):
        if not before.rstrip().endswith(BLOCK_SIGNS):
            continue
        outer, blanks = leading_blanks(before), leading_blanks(current)
        if len(blanks) > len(outer) and blanks.startswith(outer):
            step = blanks[len(outer) :]
            if is_indent(step):
                steps[step] += 1
    return tuple(step for step, _ in steps.most_common())


def is_indent(step: str) -> bool:
    """Tells whether some blanks may be one level of indentation: a tab, or two spaces and more."""
    return step == "\t" or (len(step) > 1 and not step.strip(" "))
