"""The text around a hole, as far as stop rules and filters look at it: a bounded number of lines, whatever the file."""

import re
from collections import Counter
from dataclasses import dataclass

from fimble.index.languages import Language, language_of_editor_id, language_of_path
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

# Non-blank lines above and below that rules compare with.
_NEIGHBOURS = 12
_NEIGHBOUR_DISTANCE_MAX = 50
# Lines on each side from which the file's indentation is told.
_STYLE_LINES = 200
# What a line ends with that opens a block.
BLOCK_SIGNS = (":", "{")
_PROSE = frozenset({"markdown", "plaintext", "text", "latex", "restructuredtext", "git-commit"})
_INDENTED = re.compile(r"[ \t]*")


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
    above = range(line - 1, max(-1, line - 1 - _NEIGHBOUR_DISTANCE_MAX), -1)
    below = range(line + 1, min(text.line_count, line + 1 + _NEIGHBOUR_DISTANCE_MAX))
    return Surroundings(
        line_before=current[:character],
        line_after=current[character:],
        above=_non_blank(text, above),
        below=_non_blank(text, below),
        indents=_indents(text, line),
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
    found = _INDENTED.match(line)
    return found.group() if found else ""


def _non_blank(text: Text, numbers: range) -> tuple[str, ...]:
    lines: list[str] = []
    for number in numbers:
        if len(lines) == _NEIGHBOURS:
            break
        if (line := text.line(number)).strip():
            lines.append(line)
    return tuple(lines)


def _indents(text: Text, line: int) -> tuple[str, ...]:
    """Returns the steps by which lines near `line` go deeper than a line that opens a block."""
    steps: Counter[str] = Counter()
    before = ""
    for number in range(max(0, line - _STYLE_LINES), min(text.line_count, line + _STYLE_LINES)):
        current = text.line(number)
        if number == line or not current.strip():
            continue
        outer, blanks = leading_blanks(before), leading_blanks(current)
        if before.rstrip().endswith(BLOCK_SIGNS) and len(blanks) > len(outer) and blanks.startswith(outer):
            step = blanks[len(outer) :]
            if is_indent(step):
                steps[step] += 1
        before = current
    return tuple(step for step, _ in steps.most_common())


def is_indent(step: str) -> bool:
    """Tells whether some blanks may be one level of indentation: a tab, or two spaces and more."""
    return step == "\t" or (len(step) > 1 and not step.strip(" "))
