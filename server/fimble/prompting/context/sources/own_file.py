"""Parts of the cursor's own file that are out of sight, and resemble what is around the cursor."""

from collections.abc import Iterator
from typing import Final

from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.excerpt import dedented
from fimble.prompting.context.search import Search

# Some of them may be in the prompt's window.
_PIECES_MAX: Final = 5
_PIECE_LINES: Final = 8
# What is nearer is in the prompt's window anyway, as a rule.
_DISTANCE_MIN: Final = 12
_LINES_MAX: Final = 4_000
_LINE_CHARACTERS_MAX: Final = 300
_CERTAINTY: Final = 0.7
_NAMES_NEAR: Final = 16


def own_file(search: Search) -> Iterator[Candidate]:
    """Yields the runs of lines that share most with the names around the cursor, none of them near it."""
    cursor = search.cursor
    wanted = {near.name: near.nearness for near in cursor.names[:_NAMES_NEAR]}
    count = min(cursor.text.line_count, _LINES_MAX)
    lines = [cursor.text.line(number)[:_LINE_CHARACTERS_MAX] for number in range(count)]
    # Rare names tell more: a name that stands everywhere tells nothing of a place.
    weights = {name: near / (1 + sum(name in line for line in lines)) for name, near in wanted.items()}
    worth = [sum(weight for name, weight in weights.items() if name in line) for line in lines]
    far = (
        first
        for first in range(0, len(lines), _PIECE_LINES // 2)
        if not first - _DISTANCE_MIN <= cursor.line <= first + _PIECE_LINES - 1 + _DISTANCE_MIN
    )
    runs = sorted(((sum(worth[first : first + _PIECE_LINES]), -first) for first in far), reverse=True)
    taken: list[int] = []
    # What is near the cursor nearly always shares more names with it; measured by that, nothing would be worth showing.
    best = runs[0][0] if runs else 0.0
    for score, negative in runs:
        first = -negative
        last = min(first + _PIECE_LINES, len(lines)) - 1
        if score <= 0 or len(taken) == _PIECES_MAX or search.is_cancelled():
            return
        if any(abs(first - other) < _PIECE_LINES for other in taken):
            continue
        taken.append(first)
        yield Candidate(
            source=Source.OWN_FILE,
            path=search.path,
            first_line=first,
            last_line=last,
            text=dedented(lines[first : last + 1]),
            why="it is in the same file, and uses the same names",
            nearness=score / best,
            certainty=_CERTAINTY,
        )
