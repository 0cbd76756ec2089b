"""The index of one workspace folder as questions see it: the store, with the open documents laid over it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from fimble.features.navigation.open_documents import Overlay
from fimble.features.navigation.query_thread import IsCancelled, QueryThread
from fimble.index.queries.view import View
from fimble.index.store.progress import Progress
from fimble.index.store.reader import Reader
from fimble.workspace.paths import Folder

_PROGRESS_BUDGET_S: Final = 5.0

T = TypeVar("T")


class Client(Protocol):
    """What keeps an index process alive; `fimble.index.client.IndexClient` outside of tests."""

    folder: Path

    async def start(self) -> None:
        """Begins to keep the process alive; returns at once."""
        ...

    async def stop(self) -> None:
        """Ends the process, if it is ours."""
        ...

    def opened(self, paths: Sequence[str]) -> None:
        """Says which files are open now."""
        ...

    def prioritise(self, paths: Sequence[str]) -> None:
        """Says which files will be wanted next."""
        ...

    def changed(self, paths: Sequence[str]) -> None:
        """Says which files have just been saved."""
        ...


class WorkspaceIndex:
    """Answers questions about one folder; nothing here makes the event loop wait for the disk."""

    def __init__(self, folder: Folder, client: Client | None, store: Path) -> None:
        """`store` is the folder of the database; without a client nobody writes it."""
        self.folder = folder
        self.root = Path(folder.path)
        self._client = client
        self._store = store
        self._reader: Reader | None = None
        self._thread = QueryThread(f"index of {folder.name}")

    async def start(self) -> None:
        """Starts the index process."""
        if self._client is not None:
            await self._client.start()

    async def stop(self) -> None:
        """Ends the questions and the index process."""
        self._thread.close(last=self._close_reader)
        if self._client is not None:
            await self._client.stop()

    def opened(self, paths: Sequence[str]) -> None:
        """Tells which files are open: they are indexed first."""
        if self._client is not None:
            self._client.opened(_sendable(paths))

    def prioritise(self, paths: Sequence[str]) -> None:
        """Asks for these files to be indexed soon."""
        if self._client is not None:
            self._client.prioritise(_sendable(paths))

    def changed(self, paths: Sequence[str]) -> None:
        """Tells that these files were saved."""
        if self._client is not None:
            self._client.changed(_sendable(paths))

    async def ask(
        self, kind: str, query: Callable[[View, IsCancelled], T], overlay: Overlay, *, nothing: T, budget_s: float
    ) -> T:
        """Returns what `query` finds, or `nothing` where it was replaced by a newer one or took too long."""

        def work(is_cancelled: IsCancelled) -> T:
            reader = self._open_reader()
            view = View(self.root, reader, overlay.files())
            with reader.reading():
                return query(view, is_cancelled)

        return await self._thread.ask(kind, work, nothing=nothing, budget_s=budget_s)

    async def progress(self) -> Progress | None:
        """Returns how far the index is, None where it cannot be told right now."""
        return await self._thread.ask(
            "progress", lambda _: self._open_reader().progress(), nothing=None, budget_s=_PROGRESS_BUDGET_S
        )

    def _open_reader(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._store)
        return self._reader

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _sendable(paths: Sequence[str]) -> list[str]:
    """Returns the paths that can be sent as JSON; these are hints, and files with other names are found anyway."""
    return [path for path in paths if not any("\ud800" <= letter <= "\udfff" for letter in path)]
