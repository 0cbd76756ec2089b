"""What a provider is: something that counts tokens and writes text for a prompt, piece by piece.

Features and prompting know only this; the local engine and remote servers implement it.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from fimble.models.card import ModelCard


class Priority(StrEnum):
    """Who goes first when several requests wait; the order of definition is the order of service."""

    INLINE = "inline"
    """Ghost text: somebody is typing."""
    ACTION = "action"
    """A user asked for it and watches."""
    PREFETCH = "prefetch"
    """The suggestion that will probably be wanted next."""
    WARM_UP = "warm-up"
    """A prompt evaluated ahead of its use."""
    BENCHMARK = "benchmark"
    """Measurements, whenever nobody waits."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control token of the model by its spelling, for example `<|fim_prefix|>`."""

    token: str


Part = str | Control
"""A piece of a prompt. Plain text never becomes a control token, whatever it spells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A prompt and how to continue it: with text that starts with `starts_with`, which is part of what is written.

    `supersede_key` names what this request is the newest of: a later request with the same key from the same
    client ends this one as cancelled. `version_of` names what the prompt shows, such as a document: of an earlier
    prompt for the same, nothing needs to be kept but what both begin with. `tokens_max` 0 evaluates the prompt and
    writes nothing (a warm-up).
    """

    prompt: tuple[Part, ...]
    tokens_max: int
    starts_with: str = ""
    priority: Priority = Priority.INLINE
    supersede_key: str = ""
    temperature: float = 0.0
    seed: int = 0
    version_of: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that was just written; `log_probability` is the sum over its tokens (natural logarithm)."""

    text: str
    tokens: int
    log_probability: float


@dataclass(slots=True)
class GenerationReport:
    """Filled in while a generation runs; complete once its pieces have ended.

    Times are milliseconds. `stop_reason` is `stop` (the model ended), `length` (`tokens_max` reached), or
    `caller` (whoever read the pieces stopped reading).
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    stop_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderModel:
    """The model behind a provider, as far as prompts need to know it.

    `prefill_tokens_per_second` is measured when the model loads; 0 where it is not known.
    """

    card: ModelCard
    context_tokens: int
    prefill_tokens_per_second: float = 0.0
    capabilities: frozenset[str] = field(default_factory=frozenset)


class Provider(Protocol):
    """Writes text for prompts. All methods raise `EngineError` or `ModelError` when they cannot."""

    async def model(self) -> ProviderModel:
        """Returns the model that answers, starting or loading it if need be."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Returns the number of tokens of each text, encoded as ordinary text."""
        ...

    def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        """Yields pieces of text until the model stops; closing the generator cancels the work.

        Raises:
            RequestCancelled: the request was superseded, or cancelled from elsewhere.
            EngineGone: the engine ended; asking again starts a new one.
        """
        ...
