"""Context from the workspace: the index of the document's folder, and what the user did there lately."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from fimble.features.completion.known_names import BUDGET_S, KnownNames, known_names
from fimble.index.queries.view import View
from fimble.prompting.context.activity import Activity
from fimble.prompting.context.candidate import Candidate
from fimble.prompting.context.collect import collect
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import Excerpts
from fimble.prompting.context.rank import SHOWN
from fimble.prompting.context.search import Search
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

# Of the time that somebody waits; the rest is for handing the answer over.
_SEARCH_SHARE: Final = 0.8
_KIND: Final = "context"
_NAMES_KIND: Final = "known names"


class Look(Protocol):
    """Asks the index of a document's folder; `Navigation.look` outside of tests."""

    async def __call__(
        self, kind: str, snapshot: Snapshot, find: Callable[..., Any], *, nothing: Any, budget_s: float
    ) -> Any:
        """Returns what `find(view, uri_of, path, is_cancelled)` returns in the thread of the index."""
        ...


class WorkspaceContext:
    """Follows what the user does, and collects candidates; on the event loop."""

    def __init__(self, look: Look, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._monotonic_s = monotonic_s
        self._activities: dict[str, Activity] = {}

    def opened(self, folder: str, path: str, text: Text) -> None:
        """Takes a document that was opened."""
        self._activity(folder).opened(path, text, self._monotonic_s())

    def changed(self, folder: str, path: str, text: Text) -> None:
        """Takes a document's new text."""
        self._activity(folder).changed(path, text, self._monotonic_s())

    def closed(self, folder: str, path: str) -> None:
        """Forgets a document's text; that it was changed or looked at still counts."""
        self._activity(folder).closed(path)

    def focused(self, folder: str, path: str) -> None:
        """Takes that the user looks at a document."""
        self._activity(folder).focused(path, self._monotonic_s())

    async def candidates(self, snapshot: Snapshot, offset: int, budget_s: float) -> Sequence[Candidate]:
        """Returns what was found within `budget_s`; nothing where there is no index."""
        cursor, now_s = Cursor(snapshot, offset), self._monotonic_s()
        moments = {folder: activity.moment(now_s) for folder, activity in self._activities.items()}
        nothing = Activity().moment(now_s)
        until_s = now_s + budget_s * _SEARCH_SHARE

        def find(view: View, _: Any, path: str, is_cancelled: Callable[[], bool]) -> list[Candidate]:
            moment = moments.get(str(view.root), nothing)

            def has_to_end() -> bool:
                return is_cancelled() or self._monotonic_s() > until_s

            return collect(view, path, cursor, moment, has_to_end, wanted=SHOWN)

        found: Sequence[Candidate] = await self._look(_KIND, snapshot, find, nothing=(), budget_s=budget_s)
        return found

    async def known_names(self, snapshot: Snapshot, offset: int, owners: tuple[str, ...]) -> KnownNames:
        """Returns the attributes of owners, as far as they are known soon enough."""
        cursor = Cursor(snapshot, offset)
        moment = Activity().moment(self._monotonic_s())

        def find(view: View, _: Any, path: str, is_cancelled: Callable[[], bool]) -> KnownNames:
            search = Search(
                view=view, path=path, cursor=cursor, activity=moment, cut=Excerpts(view), is_cancelled=is_cancelled
            )
            return known_names(search, owners)

        found: KnownNames = await self._look(_NAMES_KIND, snapshot, find, nothing={}, budget_s=BUDGET_S)
        return found

    def _activity(self, folder: str) -> Activity:
        return self._activities.setdefault(folder, Activity())
