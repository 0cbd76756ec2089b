"""The words of ghost text: what is asked, and what comes back."""

from dataclasses import dataclass, field

from fimble.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionQuery:
    """Asks for ghost text at `offset` (code points from the start) of `snapshot`.

    `window` tells apart the editor's windows and documents: a newer query with the same `window` replaces an
    older one. `is_manual` is true when the user asked for it by a key.
    """

    snapshot: Snapshot
    offset: int
    repository: str
    window: str
    is_manual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextItem:
    """A piece of code that the model saw besides the document's own text around the cursor."""

    path: str
    first_line: int
    last_line: int
    why: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Ghost text, or the reason why there is none.

    `text` is inserted at `offset` and replaces `replace_length` code points after it. With an empty `text`,
    `suppressed_by` names the rule that withheld the suggestion, and `model` who wrote it. Times are milliseconds.
    """

    text: str
    offset: int
    replace_length: int = 0
    latency_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    stop_reason: str = ""
    suppressed_by: str | None = None
    model: str = ""
    context: tuple[ContextItem, ...] = field(default_factory=tuple)
