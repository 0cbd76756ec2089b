"""Ghost text from a snapshot, with a provider that writes what the test says."""

from collections.abc import AsyncGenerator, Sequence

import pytest

from fimble.errors import ModelRefused
from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.models.card import FillInMiddle, ModelCard
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece, ProviderModel
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

FIM = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>")


class WritingProvider:
    """Writes `text` in pieces of three characters, after what the request asks it to start with."""

    def __init__(self, text: str, fim: FillInMiddle | None = FIM) -> None:
        self.text = text
        self.card = ModelCard(
            name="fake", title="Fake", licence="-", backend="scripted", context_tokens=4096, fill_in_middle=fim
        )
        self.requests: list[GenerationRequest] = []
        self.pieces_read = 0
        self.was_closed_early = False

    async def model(self) -> ProviderModel:
        return ProviderModel(card=self.card, context_tokens=4096)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(text) // 4) for text in texts]

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        if request.tokens_max == 0:
            return
        self.requests.append(request)
        whole = request.starts_with + self.text
        report.prompt_tokens, report.cached_tokens = 100, 90
        try:
            for at in range(0, len(whole), 3):
                self.pieces_read += 1
                yield Piece(whole[at : at + 3], 1, -0.001)
            report.stop_reason = "stop"
        except GeneratorExit:
            self.was_closed_early = True
            raise


async def suggest(document: str, provider: WritingProvider, **fields: object) -> Suggestion:
    offset = document.index("$0")
    text = Text.from_string(document.replace("$0", "", 1))
    snapshot = Snapshot(uri="file:///a.py", path="a.py", language="python", version=1, text=text)
    query = CompletionQuery(snapshot=snapshot, offset=offset, repository="r", window="w", **fields)  # type: ignore[arg-type]
    return await Completion(provider, CompletionSettings(tokens_max=64)).suggest(query)


async def test_the_suggestion_is_what_comes_after_the_typed_text() -> None:
    provider = WritingProvider("m(values)\n")
    suggestion = await suggest("def f():\n    return su$0\n", provider)
    assert suggestion.text == "m(values)"
    assert provider.requests[0].starts_with == " su"
    assert (suggestion.prompt_tokens, suggestion.cached_tokens) == (100, 90)


async def test_writing_stops_as_soon_as_nothing_more_would_be_shown() -> None:
    provider = WritingProvider("1\n\n\n" + "print('far too much')\n" * 50)
    suggestion = await suggest("x = $0\n", provider)
    assert (suggestion.text, suggestion.stop_reason) == ("1", "blank-line")
    assert provider.pieces_read < 5
    assert provider.was_closed_early


async def test_nothing_written_is_told_with_its_reason() -> None:
    suggestion = await suggest("x = 1$0\n", WritingProvider(""))
    assert (suggestion.text, suggestion.suppressed_by) == ("", "empty")


async def test_inside_a_word_there_is_ghost_text_only_on_request() -> None:
    provider = WritingProvider("x")
    assert (await suggest("val$0ue = 1\n", provider)).suppressed_by == "inside-word"
    assert provider.requests == []
    assert (await suggest("val$0ue = 1\n", provider, is_manual=True)).text == "x"


async def test_a_model_without_fill_in_the_middle_is_refused_with_advice() -> None:
    with pytest.raises(ModelRefused, match="fimble models list"):
        await suggest("x = $0\n", WritingProvider("1", fim=None))


async def test_the_documents_line_ends_are_kept() -> None:
    suggestion = await suggest("def f():$0\r\n", WritingProvider("\n    a = 1\n    b = 2\n"))
    assert suggestion.text == "\r\n    a = 1\r\n    b = 2"


async def test_a_newer_query_of_the_same_window_can_supersede() -> None:
    provider = WritingProvider("1")
    await suggest("x = $0\n", provider)
    assert provider.requests[0].supersede_key == "w"


class UnsureProvider(WritingProvider):
    """Is sure of its first two pieces only."""

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        number = 0
        async for piece in super().generate(request, report):
            number += 1
            yield Piece(piece.text, 1, -0.01 if number <= 2 else -2.0)


async def test_unasked_only_what_the_model_is_sure_of_is_shown() -> None:
    provider = UnsureProvider("total = sum(values)\n")
    suggestion = await suggest("$0\n", provider)
    assert (suggestion.text, suggestion.stop_reason) == ("total", "not-sure")
    assert provider.pieces_read < 5
    assert (
        await suggest("$0\n", UnsureProvider("total = sum(values)\n"), is_manual=True)
    ).text == "total = sum(values)"


async def test_a_text_that_is_improbable_from_the_start_is_not_shown() -> None:
    class Guessing(WritingProvider):
        async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
            async for piece in super().generate(request, report):
                yield Piece(piece.text, 1, -2.0)

    suggestion = await suggest("x = $0\n", Guessing("1\n"))
    assert (suggestion.text, suggestion.suppressed_by) == ("", "not-sure")
