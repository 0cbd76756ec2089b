"""Answers textDocument/inlineCompletion: ghost text at the cursor.

An empty list takes the ghost text off the screen, `null` leaves what is shown. There is never an error but
for a cancelled request, because editors show errors.
"""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

from lsprotocol import types

from fimble.errors import FimbleError, RequestCancelled
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.lsp.handlers.feedback import offer
from fimble.lsp.newest import NoAnswer, Question
from fimble.lsp.server import FimbleServer
from fimble.lsp.status import status_of
from fimble.lsp.suggestions import inline_item_to_lsp, rest_of, typed_since
from fimble.workspace.snapshot import Snapshot

Result = types.InlineCompletionList | None

# Besides the likeliest text, on a key: three in all, as Tabby and llama.vscode offer.
_ALTERNATIVES: Final = 2


def inline_completion(server: FimbleServer, params: types.InlineCompletionParams) -> Result | Awaitable[Result]:
    """Asks for a suggestion in the document as it is now; a newer request replaces an older one."""
    snapshot = server.documents.snapshot(params.text_document.uri)
    if snapshot is None:
        return _nothing()
    reason = server.silence_reason(snapshot)
    server.status.document_is(reason)
    if reason is not None:
        return _nothing()
    selected = params.context.selected_completion_info
    is_manual = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    if selected is None:
        offset = _offset(server, snapshot, params.position)
        query = query_at(server, snapshot, offset, is_manual=is_manual)
        if is_manual:
            query = replace(query, alternatives=_ALTERNATIVES)
        return _ghost_text(server, snapshot, server.questions.ask(query))
    # An entry of the completion list is selected: the suggestion goes on from there, as if it were accepted.
    start, end = (_offset(server, snapshot, place) for place in (selected.range.start, selected.range.end))
    if end < start:
        return _nothing()
    accepted = replace(snapshot, text=snapshot.text.replace(start, end, selected.text))
    query = query_at(server, accepted, start + len(selected.text), is_manual=is_manual)
    return _ghost_text_after_selected(server, snapshot, selected, server.questions.ask(query))


def query_at(server: FimbleServer, snapshot: Snapshot, offset: int, *, is_manual: bool) -> CompletionQuery:
    """Returns the question for a suggestion at `offset`."""
    return CompletionQuery(
        snapshot=snapshot,
        offset=offset,
        repository=server.documents.repository(snapshot.uri),
        window=snapshot.uri,
        is_manual=is_manual,
    )


async def answer_to(
    server: FimbleServer, question: Question, timeout_s: float | None = None
) -> Suggestion | NoAnswer | None:
    """Returns the answer, or None after a failure, which the status bar then shows."""
    try:
        if timeout_s is None:
            answer = await question.answer()
        else:
            answer = await question.answer(timeout_s, is_kept=True)
    except RequestCancelled:
        return NoAnswer.SUPERSEDED
    except FimbleError as error:
        server.status.request_failed(status_of(error))
        return None
    if isinstance(answer, Suggestion):
        server.memory.answered(question.query, answer)
        server.status.request_succeeded()
    return answer


async def _ghost_text(server: FimbleServer, snapshot: Snapshot, question: Question) -> Result:
    answer = await answer_to(server, question)
    if not isinstance(answer, Suggestion):
        return None if answer is NoAnswer.SUPERSEDED else _nothing()
    current = server.documents.snapshot(snapshot.uri)
    typed = None if current is None else typed_since(snapshot.text, question.query.offset, current.text)
    if current is None or typed is None:
        return None
    if rest_of(answer, typed) is None:
        return None
    items = [
        inline_item_to_lsp(
            rest,
            offer(
                server,
                replace(question.query, snapshot=current, offset=rest.offset),
                rest,
                is_alternative=each is not answer,
            ),
            current.text,
            server.documents.encoding,
            is_plain_newline=server.editor.is_neovim,
        )
        for each in (answer, *answer.alternatives)
        if (rest := rest_of(each, typed)) is not None and rest.text
    ]
    return types.InlineCompletionList(items=items)


async def _ghost_text_after_selected(
    server: FimbleServer, snapshot: Snapshot, selected: types.SelectedCompletionInfo, question: Question
) -> Result:
    answer = await answer_to(server, question)
    if not isinstance(answer, Suggestion):
        return None if answer is NoAnswer.SUPERSEDED else _nothing()
    current = server.documents.snapshot(snapshot.uri)
    if current is None or current.text != snapshot.text:
        return None
    # The editor only shows what has exactly the entry's range, so nothing after it can be replaced.
    if not answer.text or answer.replace_length:
        return _nothing()
    name = offer(server, question.query, answer)
    item = inline_item_to_lsp(
        answer, name, question.query.snapshot.text, server.documents.encoding, is_plain_newline=server.editor.is_neovim
    )
    item.insert_text = f"{selected.text}{item.insert_text}"
    item.range = selected.range
    return types.InlineCompletionList(items=[item])


def _offset(server: FimbleServer, snapshot: Snapshot, position: types.Position) -> int:
    return snapshot.text.offset(position.line, position.character, server.documents.encoding)


def _nothing() -> types.InlineCompletionList:
    return types.InlineCompletionList(items=[])


HANDLERS: Final = {types.TEXT_DOCUMENT_INLINE_COMPLETION: inline_completion}
