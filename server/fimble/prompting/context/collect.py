"""The first step: everything that may help at a cursor, from all sources; runs in the thread of the index."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from fimble.index.queries.view import View
from fimble.prompting.context.activity import ActivityMoment
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import Excerpts
from fimble.prompting.context.search import Search
from fimble.prompting.context.secrets import ignored, is_withheld, redacted
from fimble.prompting.context.sources.definitions import definitions_imported, definitions_near, imports_shown
from fimble.prompting.context.sources.members import members_at
from fimble.prompting.context.sources.own_file import own_file
from fimble.prompting.context.sources.similar import recent, similar
from fimble.prompting.context.sources.usages import siblings, usages

_EDITS_MAX: Final = 4
_EDIT_HALF_LIFE_S: Final = 60.0
CANDIDATES_MAX: Final = 80

IsCancelled = Callable[[], bool]


def collect(
    view: View, path: str, cursor: Cursor, activity: ActivityMoment, is_cancelled: IsCancelled = lambda: False
) -> list[Candidate]:
    """Returns the candidates for `cursor` in the file `path`, those that hold secrets left out.

    What has been found when the caller's patience ends is returned.
    """
    search = Search(
        view=view,
        path=path,
        cursor=cursor,
        activity=activity,
        cut=Excerpts(view, cursor.line_likeness),
        is_cancelled=is_cancelled,
    )
    with view.reader.reading():
        every = (candidate for source in _SOURCES for candidate in source(search))
        return _allowed(search, islice(every, CANDIDATES_MAX))


def _edits(search: Search) -> Iterable[Candidate]:
    for edit in search.activity.edits(_EDITS_MAX):
        if edit.path != search.path:
            yield Candidate(
                source=Source.EDIT,
                path=edit.path,
                first_line=edit.first_line,
                last_line=edit.last_line,
                text=edit.diff,
                why="it was edited lately",
                nearness=1 / (1 + edit.age_s / _EDIT_HALF_LIFE_S),
            )


_SOURCES: Final[tuple[Callable[[Search], Iterable[Candidate]], ...]] = (
    members_at,
    definitions_near,
    imports_shown,
    _edits,
    usages,
    own_file,
    siblings,
    recent,
    similar,
    definitions_imported,
)
"""Those first that matter most and cost least, for when there is little time."""


def _allowed(search: Search, found: Iterable[Candidate]) -> list[Candidate]:
    """The one place at which context is refused: nothing of another file reaches a prompt but through here."""
    candidates = list(found)
    left_out = ignored(search.view, {candidate.path for candidate in candidates} - {search.path})
    return [
        candidate
        for candidate in candidates
        if candidate.path not in left_out
        and not is_withheld(candidate.path)
        and redacted(f"{candidate.owner}\n{candidate.text}\n{candidate.signature}") is not None
    ]
