"""Answers textDocument/completion, for editors without ghost text.

An editor that waits for its completion list shows no other entries either, so the answer comes quickly and
says that it is incomplete; the editor asks again with the next key and finds the suggestion ready.
"""

from collections.abc import Awaitable
from typing import Final

from lsprotocol import types

from fimble.features.acceptance.feedback import Trigger
from fimble.features.completion.suggestion import Suggestion
from fimble.lsp.capabilities import has_completion
from fimble.lsp.handlers.feedback import offer
from fimble.lsp.handlers.inline_completion import answer_to, query_at
from fimble.lsp.newest import NoAnswer, Question
from fimble.lsp.server import FimbleServer
from fimble.lsp.suggestions import completion_item_to_lsp
from fimble.workspace.snapshot import Snapshot

_PATIENCE_S: Final = 0.2


def completion(
    server: FimbleServer, params: types.CompletionParams
) -> types.CompletionList | Awaitable[types.CompletionList]:
    """Returns the suggestion as one entry of the list, if it is there already."""
    snapshot = server.documents.snapshot(params.text_document.uri)
    if snapshot is None or not has_completion(server.editor, server.options.fallback):
        return _list(is_incomplete=False)
    reason = server.silence_reason(snapshot)
    server.status.document_is(reason)
    if reason is not None:
        return _list(is_incomplete=False)
    position = params.position
    offset = snapshot.text.offset(position.line, position.character, server.documents.encoding)
    if (ready := server.recent.find(snapshot, offset)) is not None:
        return _entry(server, snapshot, ready)
    query = query_at(server, snapshot, offset, is_manual=False)
    running = server.questions.running(query.window)
    # An editor that asks the same again gets the work that is under way already.
    if running is None or not running.is_about(query):
        running = server.questions.ask(query)
        running.on_answer(server.recent.add)
    return _wait(server, snapshot, running)


async def _wait(server: FimbleServer, snapshot: Snapshot, question: Question) -> types.CompletionList:
    answer = await answer_to(server, question, _PATIENCE_S)
    current = server.documents.snapshot(snapshot.uri)
    if isinstance(answer, NoAnswer) or current is None or current.text != snapshot.text:
        return _list(is_incomplete=True)
    return _list(is_incomplete=False) if answer is None else _entry(server, snapshot, answer)


def _entry(server: FimbleServer, snapshot: Snapshot, suggestion: Suggestion) -> types.CompletionList:
    if not suggestion.text:
        return _list(is_incomplete=True)
    query = query_at(server, snapshot, suggestion.offset, is_manual=False)
    item = completion_item_to_lsp(
        suggestion,
        offer(server, query, suggestion, trigger=Trigger.LISTED),
        snapshot.text,
        server.documents.encoding,
        has_label_details=server.editor.has_label_details,
    )
    # Incomplete, so that the editor asks again as the user types and the entry follows.
    return types.CompletionList(is_incomplete=True, items=[item])


def _list(*, is_incomplete: bool) -> types.CompletionList:
    return types.CompletionList(is_incomplete=is_incomplete, items=[])


HANDLERS: Final = {types.TEXT_DOCUMENT_COMPLETION: completion}
