"""What the editor tells about suggestions."""

from dataclasses import dataclass
from enum import StrEnum

from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.workspace.text import Text


class FeedbackKind(StrEnum):
    """What happened to ghost text."""

    OFFERED = "offered"
    """The editor got it, and shows it if nothing has come in between."""
    SHOWN = "shown"
    """It was on the screen."""
    ACCEPTED = "accepted"
    """All of it went into the document."""
    PARTLY_ACCEPTED = "partly-accepted"
    """Its first characters went into the document."""
    FOCUSED = "focused"
    """The user turned to a document, with or without a suggestion there."""
    CLOSED = "closed"
    """The user closed a document."""


class Trigger(StrEnum):
    """How a suggestion came onto the screen."""

    AUTOMATIC = "automatic"
    """As ghost text while the user typed."""
    MANUAL = "manual"
    """As ghost text after a key that asks for it."""
    LISTED = "listed"
    """As one of the entries of a completion list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the user did.

    `name` is the id under which the editor speaks of the suggestion, and `suggestion` is None where that is no longer
    known. `accepted_length` counts code points from the suggestion's start. `query` is what an offered suggestion
    answers: its snapshot is the document as it was then, and its offset that of the suggestion; `is_alternative` tells
    that it was offered beside the suggestion before it. `uri` is the document of a focus or an end, empty otherwise,
    and `text` the last one of a closed document.
    """

    kind: FeedbackKind
    name: str = ""
    suggestion: Suggestion | None = None
    query: CompletionQuery | None = None
    trigger: Trigger = Trigger.AUTOMATIC
    is_alternative: bool = False
    accepted_length: int = 0
    uri: str = ""
    text: Text | None = None
