"""The first step: everything that may help at a cursor, from all sources; runs in the thread of the index."""

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Final

from fimble.index.queries.view import View
from fimble.prompting.context.activity import ActivityMoment
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import Excerpts
from fimble.prompting.context.search import Search
from fimble.prompting.context.secrets import ignored, is_withheld, redacted
from fimble.prompting.context.sources.definitions import (
    definition_called,
    definitions_imported,
    definitions_near,
    imports_shown,
)
from fimble.prompting.context.sources.members import members_at
from fimble.prompting.context.sources.own_file import own_file
from fimble.prompting.context.sources.similar import recent, similar
from fimble.prompting.context.sources.usages import siblings, usages

_EDITS_MAX: Final = 4
_EDIT_HALF_LIFE_S: Final = 60.0
CANDIDATES_MAX: Final = 80

IsCancelled = Callable[[], bool]


def collect(
    view: View,
    path: str,
    cursor: Cursor,
    activity: ActivityMoment,
    is_cancelled: IsCancelled = lambda: False,
    *,
    wanted: Collection[Source] = frozenset(Source),
) -> list[Candidate]:
    """Returns the candidates for `cursor` in the file `path`, those that hold secrets left out.

    Only `wanted` sources are asked. What has been found when the caller's patience ends is returned.
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
        every = (candidate for kind, find in _SOURCES if kind in wanted for candidate in find(search))
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


_SOURCES: Final[tuple[tuple[Source, Callable[[Search], Iterable[Candidate]]], ...]] = (
    (Source.MEMBERS, members_at),
    (Source.CALLEE, definition_called),
    (Source.DEFINITION, definitions_near),
    (Source.IMPORTS, imports_shown),
    (Source.EDIT, _edits),
    (Source.USAGE, usages),
    (Source.OWN_FILE, own_file),
    (Source.SIBLING, siblings),
    (Source.RECENT, recent),
    (Source.SIMILAR, similar),
    (Source.IMPORT, definitions_imported),
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
