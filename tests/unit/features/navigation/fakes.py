"""The outside of navigation, faked: documents are parsed at once, and an index is built in this process."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from fimble.index.buffers.document import BufferSymbols
from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_of_editor_id
from fimble.workspace.documents import Documents
from fimble.workspace.paths import Folder
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text
from tests.unit.index.building import build


class InstantBuffers:
    """Parses in the caller's thread."""

    def __init__(self) -> None:
        self.open_uris: dict[str, str] = {}
        self.has_stopped = False
        self._symbols: dict[str, BufferSymbols] = {}

    def open(self, uri: str, language_id: str, text: Text, version: int) -> None:
        self.open_uris[uri] = language_id
        self.change(uri, text, version)

    def change(self, uri: str, text: Text, version: int) -> None:
        language = language_of_editor_id(self.open_uris[uri])
        grammar = grammar_of(language) if language is not None else None
        if grammar is not None:
            symbols = extract(grammar, text.content.encode())
            self._symbols[uri] = BufferSymbols(version, symbols, is_complete=True)

    def close(self, uri: str) -> None:
        del self.open_uris[uri]
        self._symbols.pop(uri, None)

    def symbols(self, uri: str) -> BufferSymbols | None:
        return self._symbols.get(uri)

    async def parsed(self, uri: str) -> None:
        return

    async def stop(self) -> None:
        self.has_stopped = True


class BuildingClient:
    """Builds the index of its folder when it is started, and keeps what it is told."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.calls: list[tuple[str, list[str]]] = []

    async def start(self) -> None:
        await asyncio.to_thread(build, self.root, self.folder)
        self.calls.append(("start", []))

    async def stop(self) -> None:
        self.calls.append(("stop", []))

    def opened(self, paths: Sequence[str]) -> None:
        self.calls.append(("opened", list(paths)))

    def prioritise(self, paths: Sequence[str]) -> None:
        self.calls.append(("prioritise", list(paths)))

    def changed(self, paths: Sequence[str]) -> None:
        self.calls.append(("changed", list(paths)))


class Clients:
    """Makes clients whose databases lie side by side."""

    def __init__(self, place: Path) -> None:
        self.made: list[BuildingClient] = []
        self.troubles: list[Callable[[str], None]] = []
        self._place = place

    def make(self, root: Path, on_trouble: Callable[[str], None]) -> BuildingClient:
        client = BuildingClient(root, self._place / f"index-{len(self.made)}")
        self.made.append(client)
        self.troubles.append(on_trouble)
        return client

    async def started(self, count: int = 1) -> None:
        """Waits until so many clients have built their indexes."""
        async with asyncio.timeout(10):
            while sum(("start", []) in client.calls for client in self.made) < count:
                await asyncio.sleep(0.01)


def write(root: Path, **files: str) -> Path:
    """Writes files; `a__b_py` is `a/b.py`."""
    for name, text in files.items():
        stem, _, ending = name.replace("__", "/").rpartition("_")
        path = root / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def folder(root: Path) -> Folder:
    return Folder.from_uri(root.as_uri())


def snapshot(path: Path | str, marked: str, language: str = "python") -> tuple[Snapshot, int]:
    """Returns a document, and the place that `$0` marks in it."""
    offset = marked.index("$0") if "$0" in marked else 0
    documents = Documents()
    uri = path if isinstance(path, str) else path.as_uri()
    documents.open(uri, language, 1, marked.replace("$0", ""))
    found = documents.snapshot(uri)
    assert found is not None
    return found, offset


ENCODINGS = tuple(Encoding)
