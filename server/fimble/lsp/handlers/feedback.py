"""Takes what Copilot's clients tell about a suggestion: shown, partly accepted, document in focus.

All of it is optional and may have any shape, so what cannot be read is ignored.
"""

from typing import Any, Final

from fimble.lsp import extensions
from fimble.lsp.server import FimbleServer
from fimble.lsp.services import Feedback, FeedbackKind


def did_show_completion(server: FimbleServer, params: Any) -> None:
    """Passes on that a suggestion is on the screen."""
    suggestion = server.memory.recall(_suggestion_id(params))
    server.services.on_feedback(Feedback(kind=FeedbackKind.SHOWN, suggestion=suggestion))


def did_partially_accept_completion(server: FimbleServer, params: Any) -> None:
    """Passes on how much of a suggestion went into the document."""
    suggestion = server.memory.recall(_suggestion_id(params))
    units = params.get("acceptedLength") if isinstance(params, dict) else None
    if suggestion is None or type(units) is not int or units < 1:
        return
    # The editor counts in UTF-16.
    inserted = params["item"].get("insertText")
    if not isinstance(inserted, str):
        return
    accepted = _code_points(inserted, units)
    server.services.on_feedback(
        Feedback(kind=FeedbackKind.PARTLY_ACCEPTED, suggestion=suggestion, accepted_length=accepted)
    )


def did_focus(server: FimbleServer, params: Any) -> None:
    """Passes on which document the user turned to."""
    document = params.get("textDocument") if isinstance(params, dict) else None
    uri = document.get("uri") if isinstance(document, dict) else None
    uri = uri if isinstance(uri, str) else ""
    if server.services.navigation is not None and uri:
        server.services.navigation.focus(uri)
    server.services.on_feedback(Feedback(kind=FeedbackKind.FOCUSED, uri=uri))


def _suggestion_id(params: Any) -> Any:
    try:
        return params["item"]["command"]["arguments"][0]
    except (TypeError, KeyError, IndexError):
        return None


def _code_points(text: str, units: int) -> int:
    # Line ends count like every other character here, so the lines' own arithmetic does not apply.
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore"))


HANDLERS: Final = {
    extensions.DID_SHOW_COMPLETION: did_show_completion,
    extensions.DID_PARTIALLY_ACCEPT_COMPLETION: did_partially_accept_completion,
    extensions.DID_FOCUS: did_focus,
}
