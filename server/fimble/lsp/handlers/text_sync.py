"""Follows the text documents that the editor opens, changes and closes."""

from collections.abc import Sequence
from typing import Final

from lsprotocol import types

from fimble.lsp.server import FimbleServer
from fimble.workspace.documents import Edit


def did_open(server: FimbleServer, params: types.DidOpenTextDocumentParams) -> None:
    """Starts to follow a document."""
    document = params.text_document
    server.documents.open(document.uri, document.language_id, document.version, document.text)


def did_change(server: FimbleServer, params: types.DidChangeTextDocumentParams) -> None:
    """Applies the edits of a document."""
    edits = edits_from_lsp(params.content_changes)
    server.documents.change(params.text_document.uri, params.text_document.version, edits)


def did_close(server: FimbleServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forgets a document."""
    server.documents.close(params.text_document.uri)


def did_save(server: FimbleServer, params: types.DidSaveTextDocumentParams) -> None:
    """Does nothing: what is on disk is not what the user sees."""


def edits_from_lsp(changes: Sequence[types.TextDocumentContentChangeEvent]) -> list[Edit]:
    """Returns the changes of a document in the workspace's words."""
    return [
        Edit(
            text=change.text,
            start=(change.range.start.line, change.range.start.character),
            end=(change.range.end.line, change.range.end.character),
        )
        if isinstance(change, types.TextDocumentContentChangePartial)
        else Edit(text=change.text)
        for change in changes
    ]


HANDLERS: Final = {
    types.TEXT_DOCUMENT_DID_OPEN: did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: did_change,
    types.TEXT_DOCUMENT_DID_CLOSE: did_close,
    types.TEXT_DOCUMENT_DID_SAVE: did_save,
}
