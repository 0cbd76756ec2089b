"""Takes what Copilot's clients tell about a suggestion: shown, partly accepted, document in focus.

All of it is optional and may have any shape, so what cannot be read is ignored.
"""

from typing import Any, Final

from fimble.features.acceptance.feedback import Feedback, FeedbackKind, Trigger
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.lsp import extensions
from fimble.lsp.server import FimbleServer


def offer(
    server: FimbleServer,
    query: CompletionQuery,
    suggestion: Suggestion,
    *,
    trigger: Trigger | None = None,
    is_alternative: bool = False,
) -> str:
    """Remembers a suggestion that the editor now gets, passes that on, and returns the suggestion's id.

    `query` has the document and the offset that the suggestion is for; `trigger` says how it was asked for unless the
    query does. An alternative is offered beside the suggestion before it.
    """
    name = server.memory.remember(suggestion)
    asked_by = trigger or (Trigger.MANUAL if query.is_manual else Trigger.AUTOMATIC)
    server.services.on_feedback(
        Feedback(
            kind=FeedbackKind.OFFERED,
            name=name,
            suggestion=suggestion,
            query=query,
            trigger=asked_by,
            is_alternative=is_alternative,
        )
    )
    return name


def did_show_completion(server: FimbleServer, params: Any) -> None:
    """Passes on that a suggestion is on the screen."""
    name = _suggestion_id(params)
    server.services.on_feedback(
        Feedback(kind=FeedbackKind.SHOWN, name=name, suggestion=server.memory.recall(name)),
    )


def did_partially_accept_completion(server: FimbleServer, params: Any) -> None:
    """Passes on how much of a suggestion went into the document."""
    name = _suggestion_id(params)
    suggestion = server.memory.recall(name)
    units = params.get("acceptedLength") if isinstance(params, dict) else None
    if suggestion is None or type(units) is not int or units < 1:
        return
    # The editor counts in UTF-16.
    inserted = params["item"].get("insertText")
    if not isinstance(inserted, str):
        return
    # Some editors get plain newlines although the suggestion's lines end otherwise.
    text = suggestion.text if "\r\n" in inserted else suggestion.text.replace("\r\n", "\n")
    # After an entry of the completion list that is selected, the item begins with that entry.
    before = len(inserted) - len(text) if inserted.endswith(text) else 0
    accepted = _code_points(inserted, units) - before
    if len(text) < len(suggestion.text):
        accepted += text.count("\n", 0, max(0, accepted))
    if accepted < 1:
        return
    server.services.on_feedback(
        Feedback(kind=FeedbackKind.PARTLY_ACCEPTED, name=name, suggestion=suggestion, accepted_length=accepted)
    )


def did_focus(server: FimbleServer, params: Any) -> None:
    """Passes on which document the user turned to."""
    document = params.get("textDocument") if isinstance(params, dict) else None
    uri = document.get("uri") if isinstance(document, dict) else None
    uri = uri if isinstance(uri, str) else ""
    if server.services.navigation is not None and uri:
        server.services.navigation.focus(uri)
    server.services.on_feedback(Feedback(kind=FeedbackKind.FOCUSED, uri=uri))


def _suggestion_id(params: Any) -> str:
    try:
        name = params["item"]["command"]["arguments"][0]
    except (TypeError, KeyError, IndexError):
        return ""
    return name if isinstance(name, str) else ""


def _code_points(text: str, units: int) -> int:
    # Line ends count like every other character here, so the lines' own arithmetic does not apply.
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore"))


HANDLERS: Final = {
    extensions.DID_SHOW_COMPLETION: did_show_completion,
    extensions.DID_PARTIALLY_ACCEPT_COMPLETION: did_partially_accept_completion,
    extensions.DID_FOCUS: did_focus,
}
