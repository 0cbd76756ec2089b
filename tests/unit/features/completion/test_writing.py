"""Who waits for a text that is being written, and how often it is looked at."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from fimble.features.completion.writing import Writing
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece
from tests.unit.features.test_completion import WritingProvider


class SteppedProvider(WritingProvider):
    """Writes one character whenever the test lets it."""

    def __init__(self) -> None:
        super().__init__("")
        self._steps = asyncio.Semaphore(0)

    async def write(self, characters: int) -> None:
        for _ in range(characters):
            self._steps.release()
            for _ in range(5):
                await asyncio.sleep(0)

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        while True:
            await self._steps.acquire()
            yield Piece("x", 1, 0.0)


class Asked:
    """Has enough with so many characters, and counts how often it was asked."""

    def __init__(self, characters: int) -> None:
        self.characters = characters
        self.times = 0
        self.text: Callable[[], str] = str

    def __call__(self) -> bool:
        self.times += 1
        return len(self.text()) >= self.characters


def written(*questions: Asked) -> tuple[SteppedProvider, Writing]:
    provider = SteppedProvider()
    writing = Writing(provider, GenerationRequest(prompt=(), tokens_max=99), "", None)
    for question in questions:
        question.text = lambda: writing.text
    return provider, writing


async def test_a_question_looks_at_each_piece_once() -> None:
    question = Asked(3)
    provider, writing = written(question)
    waiting = asyncio.ensure_future(writing.until(question))
    await asyncio.sleep(0)
    await provider.write(5)
    await asyncio.wait_for(waiting, 5)
    assert (writing.text, writing.is_running, writing.is_whole) == ("xxx", False, False)
    # Before the first piece, and then after each.
    assert question.times == 1 + 3


async def test_a_question_that_was_replaced_still_hears_that_it_has_enough() -> None:
    older, newer = Asked(2), Asked(4)
    provider, writing = written(older, newer)
    waiting = [asyncio.ensure_future(writing.until(older))]
    await provider.write(1)
    waiting.append(asyncio.ensure_future(writing.until(newer)))
    await provider.write(1)
    await asyncio.wait_for(waiting[0], 5)
    assert writing.is_running
    assert not waiting[1].done()
    await provider.write(2)
    await asyncio.wait_for(waiting[1], 5)
    assert writing.text == "xxxx"


async def test_a_question_goes_on_after_the_one_that_replaced_it_was_cancelled() -> None:
    older, newer = Asked(3), Asked(9)
    provider, writing = written(older, newer)
    waiting = [asyncio.ensure_future(writing.until(older))]
    await provider.write(1)
    waiting.append(asyncio.ensure_future(writing.until(newer)))
    await provider.write(1)
    waiting[1].cancel()
    with suppress(asyncio.CancelledError):
        await waiting[1]
    assert not waiting[0].done()
    await provider.write(1)
    await asyncio.wait_for(waiting[0], 5)
    assert writing.text == "xxx"
    writing.stop()
