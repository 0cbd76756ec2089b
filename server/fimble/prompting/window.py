"""Chooses the lines around the cursor that fit the budget, so that the choice seldom changes.

A window that slides with every line would make the model evaluate everything again at each step. So its first line
lies on a grid, and stays while the cursor moves down until the budget is used up.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fimble.workspace.text import Text

# The first line of a window is a multiple of this. Larger steps move the window less often and leave more of the
# budget unused just after a move.
GRID_LINES = 16
# How many lines are looked at; at 4 tokens a line this is more than any budget here takes.
LINES_MAX = 512
LINE_CHARACTERS_MAX = 1000
# Of the prompt's budget; what comes before the cursor says more about what comes next (0.75 in llama.cpp's
# infill server, 3:1).
PREFIX_SHARE = 0.75
# How far above the window a header is looked for, and how many are shown.
_SCOPE_LINES_MAX = 600
_HEADERS_MAX = 4
_COMMENTS = ("#", "//", "/*", "*")

Count = Callable[[Sequence[str]], Awaitable[list[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The lines `first` to `last` (inclusive, from 0) of a text, around the cursor's line."""

    first: int
    last: int


async def choose_window(text: Text, line: int, tokens_max: int, count: Count) -> Window:
    """Returns the window around `line` whose tokens fit `tokens_max`; it always holds the line itself."""
    earliest = max(0, line - LINES_MAX)
    latest = min(text.line_count - 1, line + LINES_MAX)
    before = await count([clipped(text, number) for number in range(earliest, line)])
    after = await count([clipped(text, number) for number in range(line + 1, latest + 1)])
    # What the text after the cursor does not need is left to the text before it.
    suffix_tokens = min(sum(after), round(tokens_max * (1 - PREFIX_SHARE)))
    first = _first_line(before, earliest, tokens_max - suffix_tokens)
    used = sum(before[first - earliest :])
    last = line + _fitting(after, min(tokens_max - used, tokens_max))
    return Window(first=first, last=last)


def clipped(text: Text, number: int) -> str:
    """Returns a line without its end, cut where it is absurdly long."""
    return text.line(number)[:LINE_CHARACTERS_MAX]


def scope_headers(text: Text, line: int, first: int) -> tuple[str, ...]:
    """Returns the headers of the scopes around `line` that stand above line `first`, outermost first.

    Told by indentation: each is the nearest line above that is indented less than what is inside of it.
    """
    width: int | None = None
    found: list[str] = []
    for number in range(line, max(-1, line - _SCOPE_LINES_MAX), -1):
        content = clipped(text, number)
        stripped = content.lstrip()
        if not stripped:
            continue
        own = len(content) - len(stripped)
        # A bracket closes what was opened at the same depth, which is the header's own first line.
        if width is not None and (own >= width or stripped[0] in ")]}"):
            continue
        if width is not None and number < first and not stripped.startswith(_COMMENTS):
            found.append(content)
        width = own
        if width == 0 and found:
            break
    return tuple(reversed(found[-_HEADERS_MAX:]))


def _first_line(counts: list[int], earliest: int, tokens_max: int) -> int:
    """Returns the first line of the window, given the counts of the lines from `earliest` up to the cursor's."""
    end = earliest + len(counts)
    fitting = end - _fitting(counts[::-1], tokens_max)
    on_grid = -(-fitting // GRID_LINES) * GRID_LINES
    # Where a few lines fill the whole budget, the grid gives way: some context beats a stable window.
    return on_grid if on_grid < end else fitting


def _fitting(counts: list[int], tokens_max: int) -> int:
    """Returns how many of the first lines fit."""
    total = 0
    for number, tokens in enumerate(counts):
        total += tokens
        if total > tokens_max:
            return number
    return len(counts)
