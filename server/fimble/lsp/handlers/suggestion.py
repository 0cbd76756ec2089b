"""Answers fimble/suggestion: ghost text together with what it cost and why it ended, or why there is none."""

from collections.abc import Awaitable
from typing import Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from fimble.errors import DocumentUnknown, RequestCancelled
from fimble.features.completion.suggestion import Suggestion
from fimble.lsp.extensions import SUGGESTION
from fimble.lsp.handlers.inline_completion import query_at
from fimble.lsp.newest import Question
from fimble.lsp.server import FimbleServer
from fimble.lsp.suggestions import suggestion_to_lsp

Result = dict[str, Any]


def suggestion(server: FimbleServer, params: Any) -> Result | Awaitable[Result]:
    """Asks for a suggestion as if the user had asked by a key; unlike ghost text, it may fail with an error."""
    try:
        uri, position = params["textDocument"]["uri"], params["position"]
        place = types.Position(line=position["line"], character=position["character"])
    except (KeyError, TypeError, ValueError) as error:
        raise JsonRpcInvalidParams("textDocument and position are needed.") from error
    snapshot = server.documents.snapshot(uri) if isinstance(uri, str) else None
    if snapshot is None:
        raise DocumentUnknown("The document is not open.")
    offset = snapshot.text.offset(place.line, place.character, server.documents.encoding)
    if server.silence_reason(snapshot) is not None:
        return suggestion_to_lsp(Suggestion(text="", offset=offset, suppressed_by="inactive"))
    return _answer(server, server.questions.ask(query_at(server, snapshot, offset, is_manual=True)))


async def _answer(server: FimbleServer, question: Question) -> Result:
    answer = await question.answer()
    if not isinstance(answer, Suggestion):
        raise RequestCancelled("A newer question replaced this one, or it took too long.")
    server.memory.answered(question.query, answer)
    return suggestion_to_lsp(answer)


HANDLERS: Final = {SUGGESTION: suggestion}
