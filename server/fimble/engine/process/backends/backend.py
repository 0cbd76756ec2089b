"""What a backend is: it loads one model, counts tokens, and continues one prompt at a time.

`run` is called from the worker's thread only; `tokenize` from any thread.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one step of decoding wrote: text (possibly empty), its number of tokens, their log-probabilities' sum."""

    text: str
    tokens: int
    log_probability: float


@dataclass(slots=True, kw_only=True)
class Run:
    """One call of `Backend.run`: what to do, and (filled in while it runs) what it cost.

    `prompt` is token ids; `generated` are those of what was written, as far as the backend tells them. The text
    written starts with `starts_with`, which lets a
    prompt end at a token boundary while the user's text ends inside a token ("token healing", the idea of
    guidance-ai/guidance). Times are milliseconds. `stop_reason` is `stop`,
    `length`, or `interrupted` where `keep_going` returned False.
    """

    prompt: list[int]
    tokens_max: int
    starts_with: str = ""
    temperature: float = 0.0
    seed: int = 0
    cached_tokens: int = 0
    evaluated_tokens: int = 0
    generated: list[int] = field(default_factory=list)
    generated_tokens: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    stop_reason: str = ""


class Backend(Protocol):
    """Runs one model on one device."""

    name: str

    def load(self) -> None:
        """Reads the model; may take long and may hold the interpreter's lock meanwhile.

        Raises:
            ModelRefused: the model cannot be loaded; the message says why and what to do.
        """
        ...

    def unload(self) -> None:
        """Frees the memory; `load` may be called again."""
        ...

    @property
    def context_tokens(self) -> int:
        """The longest prompt plus continuation that fits."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of ordinary text: no spelling in it becomes a control token."""
        ...

    def control(self, token: str) -> int | None:
        """Returns the id of a control token by its spelling, or None where the model has no such token."""
        ...

    def run(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        """Continues `run.prompt`, and stops within one chunk or one token once `keep_going` returns False.

        Raises:
            RequestFailed: this prompt cannot be continued; the backend itself is well.
            BackendFault: the backend is broken and its process must end.
        """
        ...


class BackendFault(Exception):
    """The backend can no longer be trusted; the process ends and is started anew (crash-only)."""
