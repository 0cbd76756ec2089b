"""The arms of the comparison: the product without other files, with its own context, and with exactly the right one.

Each is the product's `Completion`, so that window, stop rules and filters are those that users get. A recorder between
it and the model lets the model write to its end, keeps that for the raw figures, and adds the oracle's context.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from fimble.bench.crossfile.errors import ArmUnavailable
from fimble.bench.crossfile.render import Renderer, with_context
from fimble.bench.crossfile.spots import Spot
from fimble.bench.crossfile.workspace import Workspace
from fimble.errors import RequestCancelled
from fimble.features.completion.feature import Completion, CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery
from fimble.providers.provider import (
    GenerationReport,
    GenerationRequest,
    Part,
    Piece,
    Priority,
    Provider,
    ProviderModel,
)
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

_SITES_PER_DEFINITION = 2


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
    characters_added: int = 0


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
        recorder = Recorder(provider)
        return await _asked(Completion(recorder, asking.settings), recorder, spot, workspace, asking)

    return answer


def oracle(provider: Provider, asking: Asking, render: Renderer) -> Arm:
    """Returns the arm that sees exactly those definitions of other files which the gold text uses."""

    async def answer(spot: Spot, workspace: Workspace) -> Answer:
        rendered = render(
            [
                replace(workspace.excerpt(definition), sites=workspace.sites(definition, spot, _SITES_PER_DEFINITION))
                for definition in spot.definitions
            ]
        )
        model = await provider.model()
        fim = model.card.fill_in_middle
        if fim is None:
            raise ArmUnavailable(f"The model {model.card.name} has no fill-in-the-middle tokens; choose another one.")
        recorder = Recorder(provider, lambda prompt: with_context(prompt, rendered, fim))
        return await _asked(Completion(recorder, asking.settings), recorder, spot, workspace, asking)

    return answer


def on(provider: Provider, asking: Asking) -> Arm:
    """Returns the arm with the product's own context."""

    async def answer(spot: Spot, workspace: Workspace) -> Answer:
        recorder = Recorder(provider)
        completion = await open_with_context(recorder, asking.settings, workspace)
        return await _asked(completion, recorder, spot, workspace, asking)

    return answer


async def open_with_context(provider: Provider, settings: CompletionSettings, workspace: Workspace) -> Completion:
    """Returns the product's completion over a workspace that is indexed: the one place that knows how to make it.

    It is called for every spot; what takes long (the index of `workspace.folder`) is to be kept per workspace. The
    spot's file on the disk still holds the gold text: the snapshot must win over what the index knows of that file.

    Raises:
        ArmUnavailable: the product has no context engine yet.
    """
    raise ArmUnavailable("The product takes no context from other files yet; leave `on` out of --arms.")


class Recorder:
    """A provider that keeps all that the model writes to its end, and may change the prompt on its way."""

    def __init__(
        self, provider: Provider, change: Callable[[tuple[Part, ...]], tuple[Part, ...]] = lambda p: p
    ) -> None:
        self._provider = provider
        self._change = change
        self.raw: str | None = None
        self.report = GenerationReport()
        self.characters_added = 0
        self._is_closed = False

    async def model(self) -> ProviderModel:
        """Returns the provider's model."""
        return await self._provider.model()

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
        prompt = self._change(request.prompt)
        self.characters_added = _length(prompt) - _length(request.prompt)
        changed = replace(request, prompt=prompt, priority=Priority.BENCHMARK, supersede_key="")
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
        characters_added=recorder.characters_added,
    )


def _length(prompt: tuple[Part, ...]) -> int:
    return sum(len(part) for part in prompt if isinstance(part, str))
