"""Further texts for whoever asks by a key."""

from collections.abc import AsyncGenerator

from fimble.features.completion.feature import Completion
from fimble.features.completion.suggestion import CompletionQuery
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece
from tests.unit.features.completion.test_context import query
from tests.unit.features.test_completion import WritingProvider


class VaryingProvider(WritingProvider):
    """Writes the text of the request's seed; the likeliest text has seed 0."""

    def __init__(self, *texts: str) -> None:
        super().__init__("")
        self.texts = texts

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        self.text = self.texts[request.seed]
        async for piece in super().generate(request, report):
            yield piece


def manual(document: str, alternatives: int = 2) -> CompletionQuery:
    asked = query(document)
    return CompletionQuery(
        snapshot=asked.snapshot,
        offset=asked.offset,
        repository="r",
        window="w",
        is_manual=True,
        alternatives=alternatives,
    )


async def test_each_alternative_is_another_text() -> None:
    provider = VaryingProvider("1", "1", "2", "2", "3")
    suggestion = await Completion(provider).suggest(manual("y = $0\n"))
    assert (suggestion.text, [other.text for other in suggestion.alternatives]) == ("1", ["2", "3"])
    assert [request.temperature > 0 for request in provider.requests] == [False, True, True, True, True]


async def test_there_are_as_many_as_come_in_a_few_tries() -> None:
    provider = VaryingProvider("1", "1", "1", "1", "1")
    assert (await Completion(provider).suggest(manual("y = $0\n"))).alternatives == ()
    assert len(provider.requests) == 5


async def test_who_types_gets_none() -> None:
    provider = VaryingProvider("1", "2", "3")
    suggestion = await Completion(provider).suggest(query("y = $0\n", is_manual=False))
    assert suggestion.alternatives == ()
    assert all(request.seed == 0 for request in provider.requests)


async def test_the_likeliest_text_stays_the_one_that_is_gone_on_with() -> None:
    provider = VaryingProvider("12", "19", "18")
    completion = Completion(provider)
    await completion.suggest(manual("y = $0\n"))
    asked = len(provider.requests)
    assert (await completion.suggest(query("y = 1$0\n", is_manual=False))).text == "2"
    # An alternative that was typed into is gone on with as well, without asking the model.
    assert (await completion.suggest(manual("y = 1$0\n", alternatives=0))).text == "2"
    assert [request.seed for request in provider.requests[asked:] if request.seed] == []
