"""What the typist needs of something that suggests, be it a language server, a policy, or an oracle."""

from dataclasses import dataclass, field
from typing import Protocol

from fimble.bench.replay.keys import Buffer
from fimble.bench.replay.screen import Screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Tokens computed so far; `critical_prompt_tokens` are those of prompts that a typist was waiting for.

    Prompt tokens that were in a cache are not counted. None where a system does not tell.
    """

    critical_prompt_tokens: int | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None

    def since(self, earlier: "Costs") -> "Costs":
        """Returns what came on top of `earlier`."""
        return Costs(
            critical_prompt_tokens=_difference(self.critical_prompt_tokens, earlier.critical_prompt_tokens),
            prompt_tokens=_difference(self.prompt_tokens, earlier.prompt_tokens),
            generated_tokens=_difference(self.generated_tokens, earlier.generated_tokens),
        )

    def __add__(self, other: "Costs") -> "Costs":
        return Costs(
            critical_prompt_tokens=_sum(self.critical_prompt_tokens, other.critical_prompt_tokens),
            prompt_tokens=_sum(self.prompt_tokens, other.prompt_tokens),
            generated_tokens=_sum(self.generated_tokens, other.generated_tokens),
        )


@dataclass(slots=True)
class Traffic:
    """Requests that keys led to, how many were cancelled or failed, and times from the key to the answer.

    Times in milliseconds: `cached_ms` of answers that needed no model as far as the client can tell, `model_ms` of
    the others; only answers with a text count.
    """

    requests: int = 0
    cancelled: int = 0
    failed: int = 0
    empty: int = 0
    cached_ms: list[float] = field(default_factory=list)
    model_ms: list[float] = field(default_factory=list)

    def add(self, other: "Traffic") -> None:
        """Adds another session's requests."""
        self.requests += other.requests
        self.cancelled += other.cancelled
        self.failed += other.failed
        self.empty += other.empty
        self.cached_ms += other.cached_ms
        self.model_ms += other.model_ms


class System(Protocol):
    """Suggests text while somebody types; it shows what it has on the screen that `enter` gave it."""

    def enter(self, buffer: Buffer, screen: Screen) -> None:
        """The cursor was put into a document, which may differ from what it was before."""

    def typed(self, buffer: Buffer, text: str) -> bool:
        """`text` was typed, and `buffer` is the document now; returns whether this system asks for a suggestion."""

    def accepted(self, buffer: Buffer, text: str, origin: object, total: int, *, is_whole: bool) -> bool:
        """`text`, the suggestion `origin` or the beginning of its rest, was accepted; otherwise as `typed`.

        `total` is how many of the suggestion's characters are in the document now.
        """

    async def leave(self) -> None:
        """The typist goes; returns when this system no longer computes."""

    async def costs(self) -> Costs:
        """Returns what was computed so far."""

    def take_traffic(self) -> Traffic:
        """Returns the requests since the last call."""


def _difference(new: int | None, old: int | None) -> int | None:
    return None if new is None or old is None else new - old


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
