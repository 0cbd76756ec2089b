"""What is read ahead in a pause: when it is worth it, and that it ends when the user goes elsewhere."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import pytest

from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery
from fimble.prompting.context.candidate import Candidate, Source
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece, ProviderModel
from tests.unit.features.completion.test_context import ADD, COMMENTS, GivingContext, PacedProvider, provider, query
from tests.unit.features.test_completion import WritingProvider

FAR = Candidate(source=Source.OWN_FILE, path="a.py", first_line=90, last_line=91, text="far = away(x)\n", why="-")
LINES = "some_name = another_name\n" * 200
LONG_CHARACTERS = 1000


class SlowReader(WritingProvider):
    """Reads long prompts without an end, and keeps which ones are being read, and which were given up."""

    def __init__(self) -> None:
        super().__init__("x")
        self.reading: list[GenerationRequest] = []
        self.given_up: list[GenerationRequest] = []

    async def model(self) -> ProviderModel:
        return ProviderModel(card=self.card, context_tokens=4096, prefill_tokens_per_second=100)

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        if request.tokens_max == 0 and sum(len(str(part)) for part in request.prompt) > LONG_CHARACTERS:
            self.reading.append(request)
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up.append(request)
        async for piece in super().generate(request, report):
            yield piece


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fimble.features.completion.session.PAUSE_S", 0.0)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0)


def typing(document: str, window: str = "w") -> CompletionQuery:
    return replace(query(document, is_manual=False), window=window)


async def test_what_is_read_ahead_goes_on_while_the_user_types_there() -> None:
    reader = SlowReader()
    completion = Completion(reader, CompletionSettings())
    await completion.suggest(typing(f"{LINES}y = $0\n{LINES}"))
    await until(lambda: bool(reader.reading))
    await completion.suggest(typing(f"{LINES}y = a$0\n{LINES}"))
    assert (len(reader.reading), reader.given_up) == (1, [])


@pytest.mark.parametrize(
    "there",
    [typing(f"z = $0\n{LINES}y = \n{LINES}"), typing(f"{LINES}y = $0\n{LINES}", window="another document")],
    ids=["another place", "another document"],
)
async def test_what_is_read_ahead_ends_when_the_user_goes_elsewhere(there: CompletionQuery) -> None:
    reader = SlowReader()
    completion = Completion(reader, CompletionSettings())
    await completion.suggest(typing(f"{LINES}y = $0\n{LINES}"))
    await until(lambda: bool(reader.reading))
    await completion.suggest(there)
    await until(lambda: bool(reader.given_up))
    # What is there is read in its turn.
    await until(lambda: len(reader.reading) == 2)


async def test_a_question_that_was_replaced_by_one_elsewhere_has_nothing_read_ahead() -> None:
    reader = SlowReader()
    completion = Completion(reader, CompletionSettings())
    left = asyncio.ensure_future(completion.suggest(typing(f"{LINES}y = $0\n{LINES}")))
    await asyncio.sleep(0)
    await completion.suggest(typing("short = $0\n", window="another document"))
    left.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await left
    for _ in range(50):
        await asyncio.sleep(0)
    assert reader.reading == []


async def test_a_definition_is_worth_reading_all_again_but_far_lines_of_the_own_file_are_not() -> None:
    writing, context = provider(COMMENTS), GivingContext(ADD)
    completion = Completion(PacedProvider(writing, 1000.0), CompletionSettings(), context=context)
    document = f"{LINES}y = $0\n{LINES}"
    await completion.suggest(query(document))
    context.candidates_given = (ADD, FAR)
    next_line = await completion.suggest(typing(document.replace("y = $0\n", "y = a\nz = $0\n")))
    await until(lambda: len(context.offsets) == 2)
    assert [item.first_line for item in next_line.context] == [3]
    again = await completion.suggest(typing(document.replace("y = $0\n", "y = a\nz = b$0\n")))
    assert [item.first_line for item in again.context] == [3]
    context.candidates_given = (replace(ADD, path="c.py", first_line=7, text="def more(): ..."), FAR)
    await completion.suggest(typing(document.replace("y = $0\n", "y = a\nz = b\nx = $0\n")))
    await until(lambda: len(context.offsets) == 3)
    async with asyncio.timeout(5):
        while [item.first_line for item in again.context][-1:] != [7]:
            again = await completion.suggest(typing(document.replace("y = $0\n", "y = a\nz = b\nx = $0\n")))
            await asyncio.sleep(0)
