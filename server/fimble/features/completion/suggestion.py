"""The words of ghost text: what is asked, and what comes back."""

from dataclasses import dataclass, field

from fimble.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionQuery:
    """Asks for ghost text at `offset` (code points from the start) of `snapshot`.

    `window` tells apart the editor's windows and documents: a newer query with the same `window` replaces an
    older one. `is_manual` is true when the user asked for it by a key; then up to `alternatives` further texts are
    written.
    """

    snapshot: Snapshot
    offset: int
    repository: str
    window: str
    is_manual: bool = False
    alternatives: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextItem:
    """A piece of code that the model saw besides the document's own text around the cursor.

    Lines count from 0, the last one included.
    """

    path: str
    first_line: int
    last_line: int
    why: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the prompt, in its order: another file's code, the document's text, what was typed since the anchor.

    Lines count from 0, the last one included; they are None where the part is no piece of a file, and `tokens` where
    nobody counted them.
    """

    name: str
    path: str = ""
    first_line: int | None = None
    last_line: int | None = None
    why: str = ""
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a suggestion came about, for whoever asks why.

    `stages_ms` are the times of the stages in their order, and `filters` the rules that changed the text.
    `expected_wrong_characters` is how many characters of what is shown the model expects to be wrong, of which at most
    `wrong_characters_max` are allowed; `mean_log_probability` is that of a token. They are None where they are not
    known, the maximum also where there is none.
    """

    sections: tuple[Section, ...] = ()
    stages_ms: tuple[tuple[str, float], ...] = ()
    filters: tuple[str, ...] = ()
    expected_wrong_characters: float | None = None
    wrong_characters_max: float | None = None
    mean_log_probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Ghost text, or the reason why there is none.

    `text` is inserted at `offset` and replaces `replace_length` code points after it. With an empty `text`,
    `suppressed_by` names the rule that withheld the suggestion, and `model` who wrote it. Times are milliseconds.
    `alternatives` are other texts for the same place, the likelier ones first.
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
    explanation: Explanation = field(default_factory=Explanation)
    alternatives: tuple["Suggestion", ...] = ()
