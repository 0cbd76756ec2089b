"""Follows notebooks: each cell is a document of its own, and the notebook gives them an order."""

from collections.abc import Iterable
from typing import Final

from lsprotocol import types

from fimble.lsp.handlers.text_sync import change_document, close_document, edits_from_lsp, open_document
from fimble.lsp.server import FimbleServer
from fimble.workspace.documents import Cell


def did_open(server: FimbleServer, params: types.DidOpenNotebookDocumentParams) -> None:
    """Starts to follow a notebook and the texts of its cells."""
    server.documents.open_notebook(params.notebook_document.uri, cells_from_lsp(params.notebook_document.cells))
    _open_all(server, params.cell_text_documents)


def did_change(server: FimbleServer, params: types.DidChangeNotebookDocumentParams) -> None:
    """Applies changes of the cells' order, kinds and texts."""
    cells, uri = params.change.cells, params.notebook_document.uri
    if cells is None:
        return
    if cells.structure is not None:
        array = cells.structure.array
        server.documents.splice_cells(uri, array.start, array.delete_count, cells_from_lsp(array.cells or ()))
        _open_all(server, cells.structure.did_open or ())
        for document in cells.structure.did_close or ():
            close_document(server, document.uri)
    for cell in cells_from_lsp(cells.data or ()):
        server.documents.update_cell(uri, cell)
    for content in cells.text_content or ():
        edits = edits_from_lsp(content.changes)
        change_document(server, content.document.uri, content.document.version, edits)


def did_close(server: FimbleServer, params: types.DidCloseNotebookDocumentParams) -> None:
    """Forgets a notebook and its cells."""
    server.documents.close_notebook(params.notebook_document.uri)
    for document in params.cell_text_documents:
        close_document(server, document.uri)


def did_save(server: FimbleServer, params: types.DidSaveNotebookDocumentParams) -> None:
    """Tells the index, which also knows what is on the disk."""
    if server.services.navigation is not None:
        server.services.navigation.save(params.notebook_document.uri)


def cells_from_lsp(cells: Iterable[types.NotebookCell]) -> list[Cell]:
    """Returns the cells in the workspace's words."""
    return [Cell(uri=cell.document, is_code=cell.kind is types.NotebookCellKind.Code) for cell in cells]


def _open_all(server: FimbleServer, documents: Iterable[types.TextDocumentItem]) -> None:
    for document in documents:
        open_document(server, document)


HANDLERS: Final = {
    types.NOTEBOOK_DOCUMENT_DID_OPEN: did_open,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: did_change,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: did_close,
    types.NOTEBOOK_DOCUMENT_DID_SAVE: did_save,
}
