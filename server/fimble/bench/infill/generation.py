"""One generation per task, kept whole: the prompt is the product's own, and the product's rules see a recording of it.

The completion feature itself is run twice. The first time its provider only notes what it is asked for; that is then
written by the real model to its natural end. The second time the provider plays the recording, so that whatever rules
and filters the product has decide, without a second generation.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from fimble.bench.infill.tasks import Task
from fimble.features.completion.feature import Completion
from fimble.features.completion.layout import PROMPT_TOKENS
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.providers.provider import (
    Control,
    GenerationReport,
    GenerationRequest,
    Piece,
    Priority,
    Provider,
    ProviderModel,
)
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

# What the prompt says about the file; neither tells anything about the answer.
REPOSITORY: Final = "exercises"
PATH: Final = "solution.py"
_TURNS: Final = 4
_ASKED: Final = (Priority.INLINE, Priority.ACTION)

# An hour: the prompt is that of after a pause, when all of the window has been read. The one that is read first is cut
# by how fast this machine is at the moment, so that no two runs could be compared.
_LATENCY_TARGET_MS: Final = 3_600_000

SETTINGS: Final = CompletionSettings(prompt_tokens_max=PROMPT_TOKENS, latency_target_ms=_LATENCY_TARGET_MS)

MakeCompletion = Callable[[Provider], Completion]


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """What the model wrote for one prompt: (text, tokens, log probability) of each piece, `starts_with` left out.

    `prompt` is the prompt's hash. Times are milliseconds.
    """

    task: str
    prompt: str
    model: str
    tokens_max: int
    starts_with: str
    pieces: tuple[tuple[str, int, float], ...]
    stop_reason: str
    prompt_tokens: int = 0
    generated_tokens: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0

    @property
    def text(self) -> str:
        """All that was written into the hole."""
        return "".join(text for text, _, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the product asks the model for at a hole; None where it asks nothing."""

    request: GenerationRequest | None

    @property
    def hash(self) -> str:
        """Tells prompts apart: the hash of their parts and of what the answer starts with."""
        if self.request is None:
            return ""
        words = [f"<{part.token}>" if isinstance(part, Control) else part for part in self.request.prompt]
        return hashlib.sha256(msgspec.json.encode([words, self.request.starts_with])).hexdigest()


def settled(provider: Provider) -> Completion:
    """Returns the completion feature with `SETTINGS`."""
    return Completion(provider, SETTINGS)


async def asked(task: Task, provider: Provider, make: MakeCompletion) -> Asked:
    """Returns what the product asks the model for at a task's hole, when the user wants a suggestion there."""
    listener = _Listener(provider)
    # By hand: where the automatic trigger stays silent, there is still a prompt, and a raw answer to it.
    await make(listener).suggest(query(task, is_manual=True))
    return Asked(listener.request)


async def generate(
    task: Task, wish: Asked, provider: Provider, *, tokens_max: int, model: str, stopped_s: float
) -> Generation:
    """Has the model write until it ends by itself, or `tokens_max` tokens are written.

    Raises:
        EngineError: the engine cannot serve it.
        TimeoutError: it took longer than `stopped_s`.
    """
    if wish.request is None:
        return _nothing(task, tokens_max, model)
    request = replace(
        wish.request, tokens_max=tokens_max, priority=Priority.BENCHMARK, supersede_key="", temperature=0.0
    )
    report = GenerationReport()
    pieces: list[tuple[str, int, float]] = []
    async with asyncio.timeout(stopped_s), contextlib.aclosing(provider.generate(request, report)) as written:
        async for piece in written:
            pieces.append((piece.text, piece.tokens, piece.log_probability))
    return Generation(
        task=task.id,
        prompt=wish.hash,
        model=model,
        tokens_max=tokens_max,
        starts_with=request.starts_with,
        pieces=_without_start(pieces, request.starts_with),
        stop_reason=report.stop_reason,
        prompt_tokens=report.prompt_tokens,
        generated_tokens=report.generated_tokens,
        prefill_ms=report.prefill_ms,
        decode_ms=report.decode_ms,
    )


async def suggested(
    task: Task, generation: Generation, provider: Provider, make: MakeCompletion, *, is_manual: bool
) -> tuple[Suggestion, bool]:
    """Returns what the product shows, by itself or when it is asked by hand, where the model writes `generation`.

    The second value tells whether it asked for another prompt than the recorded one.
    """
    player = _Player(provider, generation)
    suggestion = await make(player).suggest(query(task, is_manual=is_manual))
    return suggestion, player.has_other_prompt


def query(task: Task, *, is_manual: bool) -> CompletionQuery:
    """Returns the question for ghost text in a task's hole, as the editor would ask it."""
    snapshot = Snapshot(
        uri=f"file:///{REPOSITORY}/{PATH}",
        path=PATH,
        language="python",
        version=1,
        text=Text.from_string(task.before + task.after),
    )
    return CompletionQuery(
        snapshot=snapshot,
        offset=len(task.before),
        repository=REPOSITORY,
        window=f"{REPOSITORY}/{task.id}",
        is_manual=is_manual,
    )


class _Listener:
    """A provider that notes the request and writes nothing."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.request: GenerationRequest | None = None

    async def model(self) -> ProviderModel:
        return await self._provider.model()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._provider.count_tokens(texts)

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        if self.request is None and request.tokens_max and request.priority in _ASKED:
            self.request = request
        report.stop_reason = "stop"
        if report.generated_tokens:
            yield Piece("", 0, 0.0)  # Never; it makes this a generator.


class _Player:
    """A provider that writes what was recorded, as far as the request wants it."""

    def __init__(self, provider: Provider, generation: Generation) -> None:
        self._provider = provider
        self._generation = generation
        self.has_other_prompt = False

    async def model(self) -> ProviderModel:
        return await self._provider.model()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._provider.count_tokens(texts)

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        report.stop_reason = "stop"
        if not request.tokens_max or request.priority not in _ASKED:
            return
        self.has_other_prompt |= Asked(request).hash != self._generation.prompt
        report.stop_reason = "caller"
        report.prompt_tokens = self._generation.prompt_tokens
        if request.starts_with:
            yield Piece(request.starts_with, 0, 0.0)
        for text, tokens, log_probability in self._generation.pieces:
            if report.generated_tokens + tokens > request.tokens_max:
                report.stop_reason = "length"
                return
            report.generated_tokens += tokens
            yield Piece(text, tokens, log_probability)
            # As with a model, whoever waits looks at this piece before the next one comes.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        report.stop_reason = self._generation.stop_reason


def _without_start(pieces: Sequence[tuple[str, int, float]], start: str) -> tuple[tuple[str, int, float], ...]:
    """Returns the pieces without the text that the document has already; their tokens and probabilities stay."""
    rest = len(start)
    kept = []
    for text, tokens, log_probability in pieces:
        kept.append((text[rest:], tokens, log_probability))
        rest = max(0, rest - len(text))
    return tuple(kept)


def _nothing(task: Task, tokens_max: int, model: str) -> Generation:
    return Generation(
        task=task.id, prompt="", model=model, tokens_max=tokens_max, starts_with="", pieces=(), stop_reason="not-asked"
    )
