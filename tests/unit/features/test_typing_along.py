"""One text that is kept while the user types along it, and what ends it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import pytest

from fimble.features.completion import session
from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.models.card import FillInMiddle, ModelCard
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece, Priority, ProviderModel
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

CARD = ModelCard(
    name="fake",
    title="Fake",
    licence="-",
    backend="scripted",
    context_tokens=4096,
    fill_in_middle=FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>"),
)


class StepProvider:
    """Writes the text that belongs to a request's number, a character whenever the test lets it."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.requests: list[GenerationRequest] = []
        self.ahead: list[GenerationRequest] = []
        self.read: list[GenerationRequest] = []
        self.text_ahead = ""
        self.prefill_tps = 0.0
        self.closed: list[int] = []
        self._steps = asyncio.Semaphore(0)

    def let_write(self, characters: int) -> None:
        for _ in range(characters):
            self._steps.release()

    async def model(self) -> ProviderModel:
        return ProviderModel(card=CARD, context_tokens=4096, prefill_tokens_per_second=self.prefill_tps)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(text) // 4) for text in texts]

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        if request.priority is Priority.WARM_UP:
            self.read.append(request)
            report.stop_reason = "length"
            return
        if request.priority is Priority.PREFETCH:
            self.ahead.append(request)
            for character in request.starts_with + self.text_ahead:
                yield Piece(character, 1, -0.001)
            report.stop_reason = "stop"
            return
        number = len(self.requests)
        self.requests.append(request)
        try:
            for character in request.starts_with + self.texts[number]:
                await self._steps.acquire()
                yield Piece(character, 1, -0.001)
            report.stop_reason = "stop"
        finally:
            self.closed.append(number)


class Typist:
    """A document in which somebody types at `$0`, with one question at a time."""

    def __init__(self, provider: StepProvider, document: str) -> None:
        self.completion = Completion(provider, CompletionSettings(tokens_max=64))
        self.before, self.after = document.split("$0")
        self.asked: asyncio.Task[Suggestion] | None = None

    def type(self, text: str) -> None:
        """Types and asks; whatever was asked before is no longer waited for."""
        self.before += text
        self.ask()

    def ask(self) -> None:
        if self.asked is not None:
            self.asked.cancel()
        text = Text.from_string(self.before + self.after)
        snapshot = Snapshot(uri="file:///a.py", path="a.py", language="python", version=1, text=text)
        query = CompletionQuery(snapshot=snapshot, offset=len(self.before), repository="r", window="w")
        self.asked = asyncio.ensure_future(self.completion.suggest(query))

    async def shown(self) -> Suggestion:
        assert self.asked is not None
        async with asyncio.timeout(5):
            return await self.asked


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_types_along_what_is_being_written_waits_for_the_same_text() -> None:
    provider = StepProvider("sum(values)\n\n")
    typist = Typist(provider, "x = $0\n")
    typist.type("")
    provider.let_write(4)
    await settle()
    typist.type("su")
    typist.type("m(")
    provider.let_write(100)
    suggestion = await typist.shown()
    assert suggestion.text == "values)"
    assert len(provider.requests) == 1


async def test_typing_ahead_of_what_is_written_waits_for_it_to_catch_up() -> None:
    provider = StepProvider("sum(values)\n\n")
    typist = Typist(provider, "x = $0\n")
    typist.type("")
    await settle()
    typist.type("sum(v")
    provider.let_write(100)
    assert (await typist.shown()).text == "alues)"
    assert len(provider.requests) == 1


async def test_who_types_something_else_gets_another_text_and_the_old_one_ends() -> None:
    provider = StepProvider("sum(values)\n\n", "x(values)\n\n")
    typist = Typist(provider, "x = $0\n")
    typist.type("")
    provider.let_write(5)
    await settle()
    typist.type("ma")
    provider.let_write(100)
    assert (await typist.shown()).text == "x(values)"
    assert provider.closed[0] == 0
    assert len(provider.requests) == 2


async def test_a_text_that_was_shown_is_there_at_once_while_it_is_typed_and_after_deleting() -> None:
    provider = StepProvider("sum(values)\n\n")
    typist = Typist(provider, "x = $0\n")
    typist.type("")
    provider.let_write(100)
    assert (await typist.shown()).text == "sum(values)"
    for key in "sum(":
        typist.type(key)
        suggestion = await typist.shown()
        assert suggestion.generated_tokens == 0
    assert suggestion.text == "values)"
    typist.before = typist.before[:-3]
    typist.ask()
    assert (await typist.shown()).text == "um(values)"
    assert len(provider.requests) == 1


async def test_what_comes_after_accepting_is_written_ahead_and_there_at_once() -> None:
    provider = StepProvider("sum(values)\n\n")
    provider.text_ahead = " / 2\n\n"
    typist = Typist(provider, "x = $0\n")
    typist.type("")
    provider.let_write(100)
    shown = (await typist.shown()).text
    await settle()
    typist.type(shown)
    suggestion = await typist.shown()
    assert (suggestion.text, suggestion.generated_tokens) == (" / 2", 0)
    assert (len(provider.requests), len(provider.ahead)) == (1, 2)


async def test_a_new_line_is_typed_along_as_well_and_the_prompt_grows_at_its_end_only() -> None:
    provider = StepProvider("a = 1\n    b = 2\n\n", "c = 3\n\n")
    typist = Typist(provider, "def f():\n    $0\n\nprint(1)\n")
    typist.type("")
    provider.let_write(100)
    assert (await typist.shown()).text == "a = 1\n    b = 2"
    typist.type("a = 1\n    ")
    assert (await typist.shown()).text == "b = 2"
    typist.type("# no\n    ")
    provider.let_write(100)
    assert (await typist.shown()).text == "c = 3"
    first, second = provider.requests
    assert second.prompt[: len(first.prompt)] == first.prompt
    assert second.prompt[-1] == "    a = 1\n    # no\n"


async def test_a_change_elsewhere_in_the_window_lays_the_prompt_out_anew() -> None:
    provider = StepProvider("1\n\n", "2\n\n")
    typist = Typist(provider, "import os\nx = $0\ny\n")
    typist.type("")
    provider.let_write(100)
    assert (await typist.shown()).text == "1"
    typist.before = typist.before.replace("os", "re")
    typist.ask()
    provider.let_write(100)
    assert (await typist.shown()).text == "2"


async def test_a_text_that_nobody_asks_for_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LINGER_S", 0.05)
    provider = StepProvider("sum(values)\n\n", "sum(values)\n\n")
    typist = Typist(provider, "x = $0\n")
    typist.type("")
    await settle()
    assert typist.asked is not None
    typist.asked.cancel()
    with suppress(asyncio.CancelledError):
        await typist.asked
    async with asyncio.timeout(5):
        while not provider.closed:
            await asyncio.sleep(0.01)
    # What it had written is too little to go by: the next question starts anew.
    typist.ask()
    provider.let_write(100)
    assert (await typist.shown()).text == "sum(values)"
    assert len(provider.requests) == 2


async def test_a_text_that_somebody_waits_for_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LINGER_S", 0.05)
    provider = StepProvider("um(values)\n\n")
    typist = Typist(provider, "x = $0\n")
    typist.type("s")
    await settle()
    typist.type("u")
    await asyncio.sleep(0.2)
    assert not provider.closed
    provider.let_write(100)
    assert (await typist.shown()).text == "m(values)"


LONG = "".join(f"value_{number} = compute({number})\n" for number in range(200))


def characters(request: GenerationRequest) -> int:
    return sum(len(part) for part in request.prompt if isinstance(part, str))


async def test_on_a_slow_machine_a_new_place_is_read_in_part_at_first_and_as_a_whole_in_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "PAUSE_S", 0.05)
    provider = StepProvider("1\n\n", "2\n\n")
    provider.prefill_tps = 150.0
    typist = Typist(provider, f"{LONG}x = $0\n{LONG}")
    typist.type("")
    provider.let_write(100)
    await typist.shown()
    (quick,) = provider.read
    async with asyncio.timeout(5):
        while len(provider.read) < 2:
            await asyncio.sleep(0.01)
    whole = provider.read[1]
    assert characters(quick) < 150 * 0.9 * 4 < characters(whole)
    await asyncio.sleep(0.05)
    typist.type("y")
    provider.let_write(100)
    assert (await typist.shown()).text == "2"
    assert provider.requests[1].prompt[: len(whole.prompt)] == whole.prompt
    assert len(provider.read) == 2


async def test_on_a_fast_machine_everything_is_read_at_once() -> None:
    provider = StepProvider("1\n\n")
    provider.prefill_tps = 10_000.0
    typist = Typist(provider, f"{LONG}x = $0\n{LONG}")
    typist.type("")
    provider.let_write(100)
    await typist.shown()
    assert characters(provider.read[0]) > 1500


async def test_what_is_nearly_read_already_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PAUSE_S", 0.05)
    provider = StepProvider("1\n\n", "2\n\n")
    provider.prefill_tps = 150.0
    typist = Typist(provider, f"{LONG}x = $0\n")
    typist.type("")
    provider.let_write(100)
    await typist.shown()
    async with asyncio.timeout(5):
        while len(provider.read) < 2:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    # The line below is new; all that stands before it has been read.
    typist.before, typist.after = typist.before + "1\n", "z = 3\n"
    typist.type("y = ")
    provider.let_write(100)
    await typist.shown()
    assert characters(provider.read[2]) > 1500
