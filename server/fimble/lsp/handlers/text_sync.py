"""Follows the text documents that the editor opens, changes and closes."""

from collections.abc import Sequence
from typing import Final

from lsprotocol import types

from fimble.features.acceptance.feedback import Feedback, FeedbackKind
from fimble.lsp.server import FimbleServer
from fimble.workspace.documents import Edit


def did_open(server: FimbleServer, params: types.DidOpenTextDocumentParams) -> None:
    """Starts to follow a document."""
    document = params.text_document
    open_document(server, document)


def did_change(server: FimbleServer, params: types.DidChangeTextDocumentParams) -> None:
    """Applies the edits of a document."""
    edits = edits_from_lsp(params.content_changes)
    change_document(server, params.text_document.uri, params.text_document.version, edits)


def did_close(server: FimbleServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forgets a document."""
    close_document(server, params.text_document.uri)


def did_save(server: FimbleServer, params: types.DidSaveTextDocumentParams) -> None:
    """Tells the index, which also knows what is on the disk."""
    if server.services.navigation is not None:
        server.services.navigation.save(params.text_document.uri)


def open_document(server: FimbleServer, document: types.TextDocumentItem) -> None:
    """Starts to follow a document or a cell."""
    server.documents.open(document.uri, document.language_id, document.version, document.text)
    snapshot = server.documents.snapshot(document.uri)
    if (
        server.services.navigation is not None
        and snapshot is not None
        and not server.documents.is_too_large(document.uri)
    ):
        server.services.navigation.open(snapshot)


def change_document(server: FimbleServer, uri: str, version: int | None, edits: Sequence[Edit]) -> None:
    """Applies the edits of a document or a cell."""
    server.documents.change(uri, version, edits)
    snapshot = server.documents.snapshot(uri)
    if server.services.navigation is None or snapshot is None:
        return
    if server.documents.is_too_large(uri):
        server.services.navigation.close(uri)
    else:
        server.services.navigation.change(snapshot)


def close_document(server: FimbleServer, uri: str) -> None:
    """Forgets a document or a cell."""
    snapshot = server.documents.snapshot(uri)
    if snapshot is not None:
        server.services.on_feedback(Feedback(kind=FeedbackKind.CLOSED, uri=uri, text=snapshot.text))
    server.documents.close(uri)
    if server.services.navigation is not None:
        server.services.navigation.close(uri)


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
