"""The local engine as a provider: translates between what features ask and what crosses the engine's socket."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence

from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import (
    ControlPart,
    Done,
    EngineStatus,
    Evaluated,
    Generate,
    TextPart,
    Timings,
    Urgency,
)
from fimble.models.card import FillInMiddle, ModelCard
from fimble.providers.provider import (
    Control,
    GenerationReport,
    GenerationRequest,
    Part,
    Piece,
    Priority,
    ProviderModel,
)

_URGENCIES = {
    Priority.INLINE: Urgency.INLINE,
    Priority.ACTION: Urgency.ACTION,
    Priority.PREFETCH: Urgency.PREFETCH,
    Priority.WARM_UP: Urgency.WARM_UP,
    Priority.BENCHMARK: Urgency.BENCHMARK,
}


class LocalEngine:
    """Writes with the engine on this machine."""

    def __init__(self, engine: Engine, find_card: Callable[[str], ModelCard]) -> None:
        """`find_card` returns the card of the model that the engine names."""
        self._engine = engine
        self._find_card = find_card
        self._model: ProviderModel | None = None

    @property
    def is_known(self) -> bool:
        """Whether the engine has said which model it runs."""
        return self._model is not None

    async def model(self) -> ProviderModel:
        """Returns the engine's model, loading it if need be."""
        if self._model is None:
            status = await self._engine.load()
            # Reads model cards, which lie on the disk.
            self._model = await asyncio.to_thread(self._as_model, status)
        return self._model

    def forget_model(self) -> None:
        """Asks the engine again next time; for when it loads a model."""
        self._model = None

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Returns the number of tokens of each text."""
        return await self._engine.count_tokens(list(texts))

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        """Yields pieces until the model stops; closing the generator cancels the work."""
        frame = Generate(
            id=0,
            parts=[_as_frame(part) for part in request.prompt],
            tokens_max=request.tokens_max,
            starts_with=request.starts_with,
            urgency=_URGENCIES[request.priority],
            supersede_key=request.supersede_key,
            temperature=request.temperature,
            seed=request.seed,
            version_of=request.version_of,
        )
        report.stop_reason = "caller"
        async with contextlib.aclosing(self._engine.generate(frame)) as frames:
            async for answer in frames:
                if isinstance(answer, Done):
                    report.stop_reason = answer.stop_reason
                    _fill(report, answer.timings)
                elif isinstance(answer, Evaluated):
                    _fill(report, answer.timings)
                else:
                    report.generated_tokens += answer.tokens
                    yield Piece(answer.text, answer.tokens, answer.log_probability)

    def _as_model(self, status: EngineStatus) -> ProviderModel:
        card = self._find_card(status.model)
        if card.fill_in_middle is None and status.fill_in_middle:
            roles = status.controls
            fim = FillInMiddle(
                prefix=roles["prefix"],
                suffix=roles["suffix"],
                middle=roles["middle"],
                repository=roles.get("repository", ""),
                file=roles.get("file", ""),
            )
            card = ModelCard(
                name=card.name,
                title=card.title,
                licence=card.licence,
                backend=card.backend,
                context_tokens=card.context_tokens,
                fill_in_middle=fim,
            )
        return ProviderModel(
            card=card,
            context_tokens=min(status.context_tokens, card.context_tokens),
            prefill_tokens_per_second=status.prefill_tps,
        )


def _as_frame(part: Part) -> TextPart | ControlPart:
    return ControlPart(part.token) if isinstance(part, Control) else TextPart(part)


def _fill(report: GenerationReport, timings: Timings) -> None:
    report.prompt_tokens = timings.prompt_tokens
    report.cached_tokens = timings.cached_tokens
    report.generated_tokens = timings.generated_tokens
    report.queue_ms = timings.queue_ms
    report.prefill_ms = timings.prefill_ms
    report.decode_ms = timings.decode_ms
