"""Definitions, uses, descriptions and outlines, for every workspace folder and the documents outside of them.

Whatever is asked comes back within its budget, from an index that is half done too: partial answers, never an error.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from fimble.features.navigation.answers import Answers, Asked, UriOf, descriptions, outline
from fimble.features.navigation.open_documents import UNNAMED, Buffers, CellNumber, OpenDocuments
from fimble.features.navigation.places import (
    Definitions,
    Descriptions,
    FoundSymbol,
    OutlineEntry,
    Query,
    Span,
    Use,
)
from fimble.features.navigation.query_thread import IsCancelled
from fimble.features.navigation.words import Word, word_at
from fimble.features.navigation.workspace_index import Client, WorkspaceIndex
from fimble.index.files.notebook import split_virtual
from fimble.index.queries.view import View
from fimble.index.store.progress import Progress, Stage
from fimble.workspace.paths import Folder, path_from_uri
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

# Hovers come by themselves while the mouse moves; whoever asks for a list of uses waits for it.
_HOVER_BUDGET_S: Final = 0.5
_OUTLINE_BUDGET_S: Final = 2.0
_DEFINITION_BUDGET_S: Final = 2.0
_SYMBOLS_BUDGET_S: Final = 2.0
_REFERENCES_BUDGET_S: Final = 5.0
SYMBOLS_MAX: Final = 100
# How often it is looked how far an index is, while it is being built and afterwards.
_BUILDING_POLL_S: Final = 0.25
_READY_POLL_S: Final = 5.0
_STOP_TIMEOUT_S: Final = 1.5

T = TypeVar("T")

_NOWHERE: Final = Folder("file:///", "", "/")

OnProgress = Callable[[Folder, Progress], None]
"""Takes how far the index of a folder is; called on the event loop."""

OnTrouble = Callable[[str], None]
"""Takes a sentence about what is wrong with an index; called on the event loop."""


class Follower(Protocol):
    """What follows the documents of workspace folders beside the index, by their paths there."""

    def opened(self, folder: str, path: str, text: Text) -> None:
        """Takes a document that was opened."""
        ...

    def changed(self, folder: str, path: str, text: Text) -> None:
        """Takes a document's new text."""
        ...

    def closed(self, folder: str, path: str) -> None:
        """Forgets a document."""
        ...

    def focused(self, folder: str, path: str) -> None:
        """Takes that the user looks at a document."""
        ...


def ignore_progress(folder: Folder, progress: Progress) -> None:
    """Does nothing with how far an index is."""


def ignore_trouble(message: str) -> None:
    """Does nothing with what is wrong."""


class Navigation:
    """Follows documents and workspace folders, and answers questions about names in them."""

    def __init__(self, buffers: Buffers, make_client: Callable[[Path, OnTrouble], Client]) -> None:
        """`make_client` makes what keeps the index process of a folder alive."""
        self._make_client = make_client
        self._documents = OpenDocuments(buffers)
        self._alone = WorkspaceIndex(_NOWHERE, None, Path(_NOWHERE.path) / "no-index")
        self._indexes: dict[str, WorkspaceIndex] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.follower: Follower | None = None
        self.on_progress: OnProgress = ignore_progress
        self.on_trouble: OnTrouble = ignore_trouble

    def number_cells(self, cell_number: CellNumber) -> None:
        """Takes what knows which cells are in which notebook."""
        self._documents.cell_number = cell_number

    # What the editor does.

    def open(self, snapshot: Snapshot) -> None:
        """Follows a document; its folder's index takes its file first."""
        self._documents.open(snapshot)
        self._tell_opened()
        if self.follower is not None and (place := self._place(snapshot.uri)) is not None:
            self.follower.opened(*place, snapshot.text)

    def change(self, snapshot: Snapshot) -> None:
        """Takes a document's new text."""
        self._documents.change(snapshot)
        if self.follower is not None and (place := self._place(snapshot.uri)) is not None:
            self.follower.changed(*place, snapshot.text)

    def close(self, uri: str) -> None:
        """Forgets a document."""
        if self.follower is not None and (place := self._place(uri)) is not None:
            self.follower.closed(*place)
        self._documents.close(uri)
        self._tell_opened()

    def save(self, uri: str) -> None:
        """Tells the index that a file was written, for file systems that do not say so themselves."""
        if (index := self._index_around(uri)) is not None and (path := self._file_path(index, uri)) is not None:
            index.changed([path])

    def focus(self, uri: str) -> None:
        """Asks for the file that the user looks at to be indexed first."""
        if (index := self._index_around(uri)) is not None and (path := self._file_path(index, uri)) is not None:
            index.prioritise([path])
        if self.follower is not None and (place := self._place(uri)) is not None:
            self.follower.focused(*place)

    def follow(self, folders: Sequence[Folder]) -> None:
        """Makes these the folders that have an index; starts and ends index processes in the background."""
        if self._is_stopped:
            return
        wanted = {folder.path: folder for folder in folders if folder.path.startswith("/") and _is_local(folder)}
        for path in [path for path in wanted if _is_too_wide(path)]:
            del wanted[path]
            self._tell_trouble(f"{path} holds more than a project and is not indexed; open a project's own folder.")
        for path in [path for path in self._indexes if path not in wanted]:
            self._watches.pop(path).cancel()
            index = self._indexes.pop(path)
            self._spawn(index.stop())
            self.on_progress(index.folder, Progress())
        for path, folder in wanted.items():
            if path not in self._indexes:
                client = self._make_client(Path(path), self._tell_trouble)
                self._indexes[path] = index = WorkspaceIndex(folder, client, client.folder)
                self._watches[path] = asyncio.ensure_future(self._watch(index))
        self._tell_opened()

    def switch(self, *, is_on: bool) -> None:
        """Switches the parsing of open documents on or off."""
        self._documents.switch(is_on=is_on)

    async def stop(self) -> None:
        """Ends everything, index processes included; takes a bounded time."""
        self._is_stopped = True
        for watch in self._watches.values():
            watch.cancel()
        self._watches.clear()
        indexes, self._indexes = (*self._indexes.values(), self._alone), {}
        for index in indexes:
            self._spawn(index.stop())
        self._spawn(self._documents.stop())
        await asyncio.wait(tuple(self._ending), timeout=_STOP_TIMEOUT_S)

    # What the user asks.

    async def definitions(self, query: Query) -> Definitions | None:
        """Returns where the word at the cursor is defined, None where there is no word."""
        word = word_at(query.snapshot.text, query.offset, query.snapshot.language)
        if word is None:
            return None
        line = query.snapshot.text.line_at(word.start)

        def find(view: View, uri_of: UriOf, path: str, _: IsCancelled) -> Definitions:
            asked = Asked(word.text, path, line)
            return Definitions(_span(query, word), Answers(view, uri_of, query.encoding).places(asked))

        nothing = Definitions(_span(query, word), ())
        return await self.look("definitions", query.snapshot, find, nothing=nothing, budget_s=_DEFINITION_BUDGET_S)

    async def references(self, query: Query, *, is_with_definitions: bool) -> tuple[Use, ...]:
        """Returns where the word at the cursor is used."""
        word = word_at(query.snapshot.text, query.offset, query.snapshot.language)
        if word is None:
            return ()
        line = query.snapshot.text.line_at(word.start)

        def find(view: View, uri_of: UriOf, path: str, is_cancelled: IsCancelled) -> tuple[Use, ...]:
            asked = Asked(word.text, path, line)
            every = Answers(view, uri_of, query.encoding)
            return every.uses(asked, is_cancelled, is_with_definitions=is_with_definitions)

        return await self.look("references", query.snapshot, find, nothing=(), budget_s=_REFERENCES_BUDGET_S)

    async def describe(self, query: Query) -> Descriptions | None:
        """Returns what is known of the word at the cursor, None where that is nothing."""
        word = word_at(query.snapshot.text, query.offset, query.snapshot.language)
        if word is None:
            return None
        line = query.snapshot.text.line_at(word.start)

        def find(view: View, _: UriOf, path: str, __: IsCancelled) -> Descriptions | None:
            found = descriptions(view, Asked(word.text, path, line))
            return Descriptions(_span(query, word), found) if found else None

        return await self.look("describe", query.snapshot, find, nothing=None, budget_s=_HOVER_BUDGET_S)

    async def outline(self, snapshot: Snapshot, encoding: Encoding) -> tuple[OutlineEntry, ...]:
        """Returns the symbols of an open document in the order of the document."""

        def find(view: View, _: UriOf, path: str, __: IsCancelled) -> tuple[OutlineEntry, ...]:
            opened = view.open_files.get(path)
            return () if opened is None else outline(opened, encoding)

        kind = f"outline {snapshot.uri}"
        await self._documents.parsed(snapshot.uri, _OUTLINE_BUDGET_S)
        return await self.look(kind, snapshot, find, nothing=(), budget_s=_OUTLINE_BUDGET_S)

    async def find_symbols(
        self, text: str, encoding: Encoding, *, is_served: Callable[[str], bool] = lambda path: True
    ) -> tuple[FoundSymbol, ...]:
        """Returns the symbols of all folders that match what the user typed, best first."""

        async def ask(index: WorkspaceIndex) -> list[tuple[float, FoundSymbol]]:
            overlay = self._documents.overlay(index.folder.path)

            def find(view: View, _: IsCancelled) -> list[tuple[float, FoundSymbol]]:
                uri_of = partial(overlay.uri_of, root=index.root)
                return Answers(view, uri_of, encoding).symbols(text, SYMBOLS_MAX, is_served)

            return await index.ask("symbols", find, overlay, nothing=[], budget_s=_SYMBOLS_BUDGET_S)

        indexes = tuple(self._indexes.values()) or (self._alone,)
        found = [each for some in await asyncio.gather(*map(ask, indexes)) for each in some]
        found.sort(key=lambda each: -each[0])
        # A folder inside of another one has its symbols in both indexes.
        best = {(symbol.uri, symbol.span): symbol for _, symbol in reversed(found)}
        kept = [symbol for _, symbol in found if best.pop((symbol.uri, symbol.span), None) is not None]
        return tuple(kept[:SYMBOLS_MAX])

    async def look(
        self,
        kind: str,
        snapshot: Snapshot,
        find: Callable[[View, UriOf, str, IsCancelled], T],
        *,
        nothing: T,
        budget_s: float,
    ) -> T:
        """Returns what `find` makes of the view of a document's folder, its URIs and the document's path in there.

        `find` runs in the thread of the index. The answer is `nothing` where a newer question of the same kind came
        first, or where it took longer than `budget_s`.
        """
        index = self._index_around(snapshot.uri)
        if index is None:
            # Answered from itself alone: what else is open has nothing to do with it.
            index = self._alone
            overlay = self._documents.overlay(index.folder.path, only=snapshot.uri)
        else:
            overlay = self._documents.overlay(index.folder.path)
        path = self._documents.path_in(index.folder.path, snapshot.uri) or UNNAMED + snapshot.uri
        uri_of = partial(overlay.uri_of, root=index.root)

        def query(view: View, is_cancelled: IsCancelled) -> T:
            return find(view, uri_of, path, is_cancelled)

        return await index.ask(kind, query, overlay, nothing=nothing, budget_s=budget_s)

    def _index_around(self, uri: str) -> WorkspaceIndex | None:
        """Returns the index of the innermost folder that a document is in."""
        inside = [path for path in self._indexes if self._documents.path_in(path, uri) is not None]
        return self._indexes[max(inside, key=len)] if inside else None

    def _place(self, uri: str) -> tuple[str, str] | None:
        """Returns the folder that a document is in, and its path in there."""
        index = self._index_around(uri)
        path = self._documents.path_in(index.folder.path, uri) if index is not None else None
        return None if index is None or path is None else (index.folder.path, path)

    def _file_path(self, index: WorkspaceIndex, uri: str) -> str | None:
        path = self._documents.path_in(index.folder.path, uri)
        if path is None:
            return None
        cell = split_virtual(path)
        return path if cell is None else cell[0]

    def _tell_opened(self) -> None:
        opened: dict[str, list[str]] = {path: [] for path in self._indexes}
        for uri in self._documents.uris():
            if (index := self._index_around(uri)) is not None and (path := self._file_path(index, uri)) is not None:
                opened[index.folder.path].append(path)
        for folder, paths in opened.items():
            self._indexes[folder].opened(list(dict.fromkeys(paths)))

    async def _watch(self, index: WorkspaceIndex) -> None:
        """Starts an index and reports how far it is."""
        await index.start()
        while True:
            progress = await index.progress()
            if progress is not None:
                self.on_progress(index.folder, progress)
            is_ready = progress is not None and progress.stage in (Stage.READY, Stage.WITHOUT_STORE)
            await asyncio.sleep(_READY_POLL_S if is_ready else _BUILDING_POLL_S)

    def _tell_trouble(self, message: str) -> None:
        # An empty message says that all is well again.
        if message:
            self.on_trouble(message)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _span(query: Query, word: Word) -> Span:
    text = query.snapshot.text
    return Span(text.position(word.start, query.encoding), text.position(word.end, query.encoding))


def _is_too_wide(path: str) -> bool:
    """Tells the user's home folder, and what is around it, from a project."""
    try:
        return Path.home().is_relative_to(path)
    except RuntimeError:  # There is no home folder.
        return path == "/"


def _is_local(folder: Folder) -> bool:
    return path_from_uri(folder.uri) is not None
