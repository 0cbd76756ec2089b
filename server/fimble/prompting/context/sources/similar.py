"""Code that resembles the text around the cursor: in files that were open lately, and anywhere in the workspace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fimble.index.queries.nearness import family_of
from fimble.index.queries.similar import similar_chunks
from fimble.index.queries.windows import RecentWindows
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import dedented
from fimble.prompting.context.search import Search

_CHUNKS_MAX: Final = 3
_WINDOWS_MAX: Final = 2
# A piece as long as a chunk would fill a small prompt; the lines that share most with the cursor's are taken.
_LINES_MAX: Final = 16
_WINDOW_SCORE_MIN: Final = 0.08
_FILES_MAX: Final = 12
# Likeness says less than a name that leads there.
_CERTAINTY: Final = 0.5


def similar(search: Search) -> Iterator[Candidate]:
    """Yields chunks of other files that share the rarest words around the cursor."""
    if search.is_cancelled():
        return
    chunks = similar_chunks(search.view, search.cursor.around, path=search.path, limit=_CHUNKS_MAX)
    best = max((chunk.score for chunk in chunks), default=0.0)
    for chunk in chunks:
        if chunk.score > 0:
            why = "it resembles the code around the cursor"
            place = _Place(Source.SIMILAR, chunk.path, chunk.first_line, why)
            lines = search.cut.lines(chunk.path)[chunk.first_line : chunk.end_line]
            yield _narrowed(place, lines, search.cursor, chunk.score / best)


def recent(search: Search) -> Iterator[Candidate]:
    """Yields parts of files that were open lately, that share names with the text around the cursor."""
    windows = RecentWindows()
    family = family_of(search.path)
    paths = [entry.path for entry in search.activity.recent_paths()][:_FILES_MAX]
    for other in reversed(paths):
        if search.is_cancelled():
            return
        if other != search.path and family_of(other) == family:
            windows.update(other, "\n".join(search.cut.lines(other)))
    for window in windows.similar(search.cursor.around, _WINDOWS_MAX, path=search.path):
        if window.score >= _WINDOW_SCORE_MIN:
            why = "the file was open lately, and this resembles the code around the cursor"
            place = _Place(Source.RECENT, window.path, window.first_line, why)
            yield _narrowed(place, window.text.split("\n"), search.cursor, min(1.0, 2 * window.score))


@dataclass(frozen=True, slots=True)
class _Place:
    source: Source
    path: str
    first_line: int
    why: str


def _narrowed(place: _Place, lines: list[str], cursor: Cursor, nearness: float) -> Candidate:
    """Returns the run of lines that shares most names with the text around the cursor."""
    wanted = {near.name: near.nearness for near in cursor.names}
    worth = [sum(weight for name, weight in wanted.items() if name in line) for line in lines]
    starts = range(max(1, len(lines) - _LINES_MAX + 1))
    first = max(starts, key=lambda start: (sum(worth[start : start + _LINES_MAX]), -start))
    taken = lines[first : first + _LINES_MAX]
    return Candidate(
        source=place.source,
        path=place.path,
        first_line=place.first_line + first,
        last_line=place.first_line + first + len(taken) - 1,
        text=dedented(taken),
        why=place.why,
        nearness=nearness,
        certainty=_CERTAINTY,
    )
