"""The documents that are open in the editor, as files that are laid over a folder's index.

A parser keeps the symbols of each up to date in the background (`fimble.index.buffers`); what a question sees of a
document is one text and the symbols of exactly that text.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from fimble.index.buffers.document import BufferSymbols
from fimble.index.files.notebook import split_virtual, virtual_path
from fimble.index.queries.view import OpenFile
from fimble.index.symbols import FileSymbols
from fimble.workspace.paths import path_from_uri, uri_from_path
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

UNNAMED: Final = "unnamed document "
"""Begins the paths of documents that are no files, in the view that only they are in."""


class Buffers(Protocol):
    """What follows the symbols of open documents; `fimble.index.buffers.indexer.BufferIndexer` outside of tests."""

    def open(self, uri: str, language_id: str, text: Text, version: int) -> None:
        """Begins to follow a document."""
        ...

    def change(self, uri: str, text: Text, version: int) -> None:
        """Takes a document's new text."""
        ...

    def close(self, uri: str) -> None:
        """Forgets a document."""
        ...

    def symbols(self, uri: str) -> BufferSymbols | None:
        """Returns the newest symbols of a document, None where there are none yet."""
        ...

    async def parsed(self, uri: str) -> None:
        """Waits until the symbols are those of the newest text."""
        ...

    async def stop(self) -> None:
        """Ends what parses."""
        ...


CellNumber = Callable[[str], tuple[str, int] | None]
"""Returns the notebook of a cell and the cell's number in it, None for what is no cell."""


@dataclass(slots=True)
class _Document:
    snapshot: Snapshot
    made: tuple[Text, OpenFile] | None = None
    """What was last made of which text; making it copies the text."""


class OpenDocuments:
    """Follows documents, and has them parsed once that is switched on. For the event loop only."""

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers
        self._documents: dict[str, _Document] = {}
        self._is_on = False
        self.cell_number: CellNumber = _no_cell

    def uris(self) -> tuple[str, ...]:
        """Returns the URIs of all open documents."""
        return tuple(self._documents)

    def open(self, snapshot: Snapshot) -> None:
        """Begins to follow a document; opening it again replaces what was known."""
        if snapshot.uri in self._documents:
            self.close(snapshot.uri)
        self._documents[snapshot.uri] = _Document(snapshot)
        if self._is_on:
            self._buffers.open(snapshot.uri, snapshot.language, snapshot.text, snapshot.version)

    def change(self, snapshot: Snapshot) -> None:
        """Takes a document's new text."""
        document = self._documents.get(snapshot.uri)
        if document is None:
            return
        document.snapshot = snapshot
        if self._is_on:
            self._buffers.change(snapshot.uri, snapshot.text, snapshot.version)

    def close(self, uri: str) -> None:
        """Forgets a document."""
        if self._documents.pop(uri, None) is not None and self._is_on:
            self._buffers.close(uri)

    def switch(self, *, is_on: bool) -> None:
        """Begins or ends to have the documents parsed."""
        if is_on == self._is_on:
            return
        self._is_on = is_on
        for uri, document in self._documents.items():
            if is_on:
                snapshot = document.snapshot
                self._buffers.open(uri, snapshot.language, snapshot.text, snapshot.version)
            else:
                self._buffers.close(uri)

    def path_in(self, root: str, uri: str) -> str | None:
        """Returns the path that a document has in the view of a folder, None where it is not inside."""
        cell = self.cell_number(uri)
        path = path_from_uri(uri if cell is None else cell[0])
        prefix = root.rstrip("/") + "/"
        if path is None or not os.fspath(path).startswith(prefix):
            return None
        inner = os.fspath(path)[len(prefix) :]
        return inner if cell is None else virtual_path(inner, cell[1])

    def overlay(self, root: str, only: str | None = None) -> "Overlay":
        """Returns the documents of a folder, or only one document that lies in none."""
        if only is not None:
            return self._overlay({self.path_in(root, only) or UNNAMED + only: only})
        inside = {path: uri for uri in self._documents if (path := self.path_in(root, uri)) is not None}
        return self._overlay(inside)

    async def parsed(self, uri: str, timeout_s: float) -> None:
        """Waits until the symbols of a document are those of its newest text, at most `timeout_s`."""
        if self._is_on and uri in self._documents:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._buffers.parsed(uri)

    async def stop(self) -> None:
        """Ends what parses the documents."""
        await self._buffers.stop()

    def _overlay(self, uris: Mapping[str, str]) -> "Overlay":
        parts = []
        for path, uri in uris.items():
            document = self._documents.get(uri)
            found = self._buffers.symbols(uri) if document is not None else None
            if document is not None and found is not None:
                # The symbols are always those of the text as it is now.
                parts.append(_Part(path, document, document.snapshot.text, found.symbols))
        return Overlay(uris, tuple(parts))


@dataclass(frozen=True, slots=True)
class _Part:
    path: str
    document: _Document
    text: Text
    symbols: FileSymbols


class Overlay:
    """Documents by the paths that they have in one view."""

    def __init__(self, uris: Mapping[str, str], parts: tuple[_Part, ...]) -> None:
        self._uris = uris
        self._parts = parts

    def uri_of(self, path: str, root: Path) -> str:
        """Returns the URI of a file: a document's own, or the one of the file on the disk.

        A cell of a notebook that is not open has no URI; its notebook has.
        """
        known = self._uris.get(path)
        if known is not None:
            return known
        cell = split_virtual(path)
        return uri_from_path(root / (path if cell is None else cell[0]))

    def files(self) -> dict[str, OpenFile]:
        """Makes the files; for the thread of the index, because long texts take a while."""
        return {part.path: _file(part) for part in self._parts}


def _file(part: _Part) -> OpenFile:
    document = part.document
    made = document.made
    if made is None or made[0] is not part.text or made[1].symbols is not part.symbols:
        # Set at once: two folders may hold the document, and their indexes have a thread each.
        made = document.made = (part.text, OpenFile(part.text.content.encode("utf-8"), part.symbols))
    return made[1]


def _no_cell(uri: str) -> None:
    """Knows no notebooks."""
