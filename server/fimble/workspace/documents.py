"""The documents that the editor has open, as it last described them.

Everything that leaves here is an immutable snapshot; files on disk are nobody's business here.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fimble.workspace.paths import Folder, display_path, repository_of
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

logger = logging.getLogger(__name__)

# Beyond these a document is followed but not completed: nobody types in such files, and prompts gain nothing.
DOCUMENT_BYTES_MAX: Final = 4 * 1024 * 1024
LINE_CHARACTERS_MAX: Final = 20_000

Place = tuple[int, int]
"""Line and character, counted as the editor counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replaces what is between two places, or without places the whole document, by `text`."""

    text: str
    start: Place | None = None
    end: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell's place in its notebook; its text is a document of its own."""

    uri: str
    is_code: bool


@dataclass(slots=True)
class _Document:
    language: str
    version: int
    text: Text


class Documents:
    """Follows what the editor opens, changes and closes.

    `encoding` is what was agreed with the editor, `folders` are its workspace folders.
    """

    def __init__(self) -> None:
        self.encoding = Encoding.UTF_16
        self.folders: tuple[Folder, ...] = ()
        self._documents: dict[str, _Document] = {}
        self._notebooks: dict[str, list[Cell]] = {}
        self._notebook_of_cell: dict[str, str] = {}

    def open(self, uri: str, language: str, version: int | None, content: str) -> None:
        """Starts to follow a document; opening it again replaces what was known."""
        self._documents[uri] = _Document(language, version or 0, Text.from_string(content))

    def change(self, uri: str, version: int | None, edits: Sequence[Edit]) -> None:
        """Applies edits in their order, all or none of them; a document that is not open is ignored.

        The version is taken as it comes: some editors send none, or count down when they undo.

        Raises:
            PositionInvalid: a place is negative or no pair of integers.
        """
        document = self._documents.get(uri)
        if document is None:
            logger.warning("Ignoring a change of a document that is not open.")
            return
        text = document.text
        for edit in edits:
            text = self._edited(text, edit)
        document.text = text
        document.version = document.version + 1 if version is None else version

    def close(self, uri: str) -> None:
        """Forgets a document."""
        if self._documents.pop(uri, None) is None:
            logger.warning("Ignoring the end of a document that is not open.")

    def open_notebook(self, uri: str, cells: Sequence[Cell]) -> None:
        """Starts to follow the order of a notebook's cells; their texts are opened one by one."""
        self.close_notebook(uri)
        self._notebooks[uri] = list(cells)
        self._notebook_of_cell.update((cell.uri, uri) for cell in cells)

    def splice_cells(self, uri: str, start: int, delete_count: int, cells: Sequence[Cell]) -> None:
        """Replaces `delete_count` cells from number `start` on by `cells`."""
        known = self._notebooks.get(uri)
        if known is None:
            logger.warning("Ignoring a change of a notebook that is not open.")
            return
        for cell in known[start : start + delete_count]:
            self._notebook_of_cell.pop(cell.uri, None)
        known[start : start + delete_count] = cells
        # A moved cell is deleted in one place and inserted in another, so the survivors are counted again.
        self._notebook_of_cell.update((cell.uri, uri) for cell in known)

    def update_cell(self, uri: str, cell: Cell) -> None:
        """Takes note that a cell of a notebook became code, or stopped being code."""
        known = self._notebooks.get(uri, [])
        known[:] = [cell if each.uri == cell.uri else each for each in known]

    def close_notebook(self, uri: str) -> None:
        """Forgets a notebook's order; its cells' texts are closed one by one."""
        for cell in self._notebooks.pop(uri, []):
            self._notebook_of_cell.pop(cell.uri, None)

    def snapshot(self, uri: str) -> Snapshot | None:
        """Returns the document as it is now, or None where it is not open."""
        document = self._documents.get(uri)
        if document is None:
            return None
        return Snapshot(
            uri=uri,
            path=display_path(self._notebook_of_cell.get(uri, uri), self.folders),
            language=document.language,
            version=document.version,
            text=document.text,
            preceding_cells=self._preceding_cells(uri),
        )

    def cell_number(self, uri: str) -> tuple[str, int] | None:
        """Returns the notebook of a cell, and the cell's number among all of its cells from 0."""
        notebook = self._notebook_of_cell.get(uri)
        if notebook is None:
            return None
        numbers = (number for number, cell in enumerate(self._notebooks[notebook]) if cell.uri == uri)
        return notebook, next(numbers, 0)

    def repository(self, uri: str) -> str:
        """Returns the name of the repository that the document belongs to."""
        return repository_of(self._notebook_of_cell.get(uri, uri), self.folders)

    def is_too_large(self, uri: str) -> bool:
        """Tells whether the document is followed only, because it or one of its lines is too long."""
        document = self._documents.get(uri)
        return document is not None and (
            document.text.size_bytes > DOCUMENT_BYTES_MAX or document.text.longest_line > LINE_CHARACTERS_MAX
        )

    def _edited(self, text: Text, edit: Edit) -> Text:
        if edit.start is None or edit.end is None:
            return Text.from_string(edit.text)
        # Some editors send a range backwards; like the reference implementation, it is turned around.
        start, end = sorted((text.offset(*edit.start, self.encoding), text.offset(*edit.end, self.encoding)))
        return text.replace(start, end, edit.text)

    def _preceding_cells(self, uri: str) -> tuple[str, ...]:
        notebook = self._notebook_of_cell.get(uri)
        if notebook is None:
            return ()
        sources: list[str] = []
        for cell in self._notebooks[notebook]:
            if cell.uri == uri:
                break
            document = self._documents.get(cell.uri)
            if cell.is_code and document is not None:
                sources.append(document.text.content)
        return tuple(sources)
