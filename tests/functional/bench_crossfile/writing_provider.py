"""A provider that writes what the test says, for prompts that it keeps."""

from collections.abc import AsyncGenerator, Callable, Sequence

from fimble.models.card import FillInMiddle, ModelCard
from fimble.providers.provider import GenerationReport, GenerationRequest, Part, Piece, ProviderModel

FIM = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>", repository="<R>", file="<F>")


class WritingProvider:
    """Writes what `answer` returns for a prompt, in pieces of three characters, after what it has to start with."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self._answer = answer
        self.prompts: list[str] = []
        card = ModelCard(
            name="fake", title="Fake", licence="-", backend="scripted", context_tokens=4096, fill_in_middle=FIM
        )
        self._model = ProviderModel(card=card, context_tokens=4096)

    async def model(self) -> ProviderModel:
        return self._model

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(text) // 4) for text in texts]

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        prompt = "".join(_text(part) for part in request.prompt)
        self.prompts.append(prompt)
        whole = request.starts_with + self._answer(prompt)
        report.prompt_tokens = len(prompt) // 4
        for at in range(0, len(whole), 3):
            yield Piece(whole[at : at + 3], 1, -0.1)
        report.stop_reason = "stop"


def _text(part: Part) -> str:
    return part if isinstance(part, str) else part.token
