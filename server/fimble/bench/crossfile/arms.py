"""The arms of the comparison: the product without other files, with its own context, and with exactly the right one.

Each is the product's `Completion`, so that window, stop rules and filters are those that users get. A recorder between
it and the model lets the model write to its end, and keeps that for the raw figures.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from fimble.bench.crossfile.code_index import CodeIndexes, GivenContext, PackageContext
from fimble.bench.crossfile.errors import ArmUnavailable
from fimble.bench.crossfile.spots import Spot
from fimble.bench.crossfile.workspace import Workspace
from fimble.errors import RequestCancelled
from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery
from fimble.models.card import ContextStyle
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.rendering import Rendering
from fimble.providers.provider import (
    GenerationReport,
    GenerationRequest,
    Piece,
    Priority,
    Provider,
    ProviderModel,
)
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

_SITES_PER_DEFINITION = 2
# As much as any card shows, so that renderings are compared at the same length.
_CONTEXT_TOKENS = 320


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an arm wrote for a spot: `raw` as the model wrote it, `shown` after the product's rules.

    `shown` replaces `replaced` characters after the hole. `suppressed_by` names why nothing is shown.
    """

    raw: str
    shown: str
    replaced: int = 0
    suppressed_by: str | None = None
    stop_reason: str = ""
    prompt_tokens: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    context_tokens: int = 0


Arm = Callable[[Spot, Workspace], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the product is asked: as by its key, which reads all that a prompt may hold, or as while somebody types.

    While somebody types, how much is read depends on the speed of the machine, and so does the answer.
    """

    settings: CompletionSettings
    is_manual: bool = True


def off(provider: Provider, asking: Asking) -> Arm:
    """Returns the arm that sees nothing but the file itself."""

    async def answer(spot: Spot, workspace: Workspace) -> Answer:
        recorder = Recorder(provider, style=None)
        return await _asked(Completion(recorder, asking.settings), recorder, spot, workspace, asking)

    return answer


def oracle(provider: Provider, asking: Asking, render: Rendering) -> Arm:
    """Returns the arm that sees exactly those definitions of other files which the gold text uses."""

    async def answer(spot: Spot, workspace: Workspace) -> Answer:
        recorder = Recorder(provider, style=_style(render))
        context = GivenContext(list(_candidates(spot, workspace)))
        completion = Completion(recorder, asking.settings, context=context)
        return await _asked(completion, recorder, spot, workspace, asking)

    return answer


def on(provider: Provider, asking: Asking, render: Rendering | None = None) -> Arm:
    """Returns the arm with the product's own context, shown as the model's card says or by `render`.

    Raises:
        ArmUnavailable: the card says that the model gains nothing from context, and no rendering is given.
    """
    indexes = CodeIndexes()

    async def answer(spot: Spot, workspace: Workspace) -> Answer:
        card = (await provider.model()).card
        style = card.context if render is None else _style(render)
        if style is None:
            raise ArmUnavailable(f"{card.name} is shown no context; name a rendering to try (--render).")
        recorder = Recorder(provider, style=style)
        context = PackageContext(await indexes.view(workspace, spot), spot.path)
        completion = Completion(recorder, asking.settings, context=context)
        return await _asked(completion, recorder, spot, workspace, asking)

    return answer


def _style(render: Rendering) -> ContextStyle:
    return ContextStyle(rendering=render.name, tokens=_CONTEXT_TOKENS, evidence="chosen for a benchmark")


def _candidates(spot: Spot, workspace: Workspace) -> Iterator[Candidate]:
    for definition in spot.definitions:
        excerpt = workspace.excerpt(definition)
        yield Candidate(
            source=Source.CALLEE,
            first_line=definition.first_line - 1,
            last_line=definition.last_line - 1,
            text=excerpt.whole,
            signature=excerpt.signature,
            owner=excerpt.owner,
            path=excerpt.path,
            name=excerpt.name,
            why="the gold text uses it",
        )
        for number, (path, text) in enumerate(workspace.sites(definition, spot, _SITES_PER_DEFINITION)):
            # The lines only tell the statements apart.
            yield Candidate(
                source=Source.USAGE,
                path=path,
                first_line=-1 - number,
                last_line=-1 - number,
                text=text,
                why="what the gold text uses is used here",
            )


class Recorder:
    """A provider that keeps all that the model writes to its end, and may change the prompt on its way."""

    def __init__(self, provider: Provider, *, style: ContextStyle | None) -> None:
        """`style` is how context is shown, whatever the model's card says."""
        self._provider = provider
        self._style = style
        self.raw: str | None = None
        self.report = GenerationReport()
        self._is_closed = False

    async def model(self) -> ProviderModel:
        """Returns the provider's model."""
        model = await self._provider.model()
        return replace(model, card=msgspec.structs.replace(model.card, context=self._style))

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Returns the provider's counts."""
        if self._is_closed:
            raise RequestCancelled("The spot has its answer.")
        return await self._provider.count_tokens(texts)

    def close(self) -> None:
        """Refuses what the product does from now on for a user who goes on typing."""
        self._is_closed = True

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        """Yields what the model wrote, once it has written all of it; only the suggestion itself is written.

        Prompts that are only read, ahead of their use, and what might be wanted after the suggestion come to nothing.
        """
        if request.tokens_max == 0 or self.raw is not None or self._is_closed:
            return
        self.raw = ""
        changed = replace(request, priority=Priority.BENCHMARK, supersede_key="")
        pieces = [piece async for piece in self._provider.generate(changed, report)]
        self.raw = "".join(piece.text for piece in pieces)[len(request.starts_with) :]
        self.report = replace(report)
        for piece in pieces:
            yield piece


async def _asked(
    completion: Completion, recorder: Recorder, spot: Spot, workspace: Workspace, asking: Asking
) -> Answer:
    text = Text.from_string(workspace.hole(spot).text)
    uri = (workspace.folder / spot.path).as_uri()
    snapshot = Snapshot(uri=uri, path=spot.path, language="python", version=1, text=text)
    query = CompletionQuery(
        snapshot=snapshot,
        offset=spot.offset,
        repository=spot.package,
        window="fimble bench crossfile",
        is_manual=asking.is_manual,
    )
    try:
        suggestion = await completion.suggest(query)
    finally:
        recorder.close()
    return Answer(
        raw=recorder.raw or "",
        shown=suggestion.text,
        replaced=suggestion.replace_length,
        suppressed_by=suggestion.suppressed_by,
        stop_reason=suggestion.stop_reason,
        prompt_tokens=recorder.report.prompt_tokens,
        prefill_ms=round(recorder.report.prefill_ms, 1),
        decode_ms=round(recorder.report.decode_ms, 1),
        context_tokens=sum(item.tokens for item in suggestion.context),
    )
