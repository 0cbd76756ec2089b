"""People at their keyboards: a request for every key, in the anchored layout, by one editor or by several.

Also a completion that comes while a long prompt of lower urgency is read.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fimble.bench.sample_code import sample_code, sample_lines
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import ControlPart, Done, EngineStatus, Generate, Piece, TextPart, Urgency
from fimble.errors import EngineError, ModelRefused, RequestCancelled
from fimble.models.card import FillInMiddle
from fimble.models.catalogue import all_cards
from fimble.prompting.anchor import Anchor, drop_anchor
from fimble.prompting.fill_in_middle import lay_out
from fimble.prompting.window import PREFIX_SHARE, Window
from fimble.providers.provider import Control
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

KEYSTROKE_TOKENS: Final = 8
# More than is typed per measurement, so that the line stays the same and with it the anchor.
_LINE: Final = "remaining_value = compute_total(first_item, second_item, third_item) + offset_of(last_item)"
_GAPS_S: Final = (0.06, 0.2)
_ANSWER_TIMEOUT_S: Final = 120.0
# Urgencies of benchmarks lie below those of people, who may be typing meanwhile.
_SOON: Final = Urgency.WARM_UP
_LATER: Final = Urgency.BENCHMARK
_SHORT_TOKENS: Final = 128
# More than anybody types within an hour.
_LINES_TYPED_MAX: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How requests ended, and after which time those that were answered; times in milliseconds.

    `superseded` were replaced by the same editor's next request; `lost` had no answer at all, or an error.
    """

    requests: int
    answered: int
    superseded: int
    lost: int
    p50_ms: float
    p90_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inversion:
    """A short completion's time to the first token, alone and while a long prompt of lower urgency was being read.

    Times in milliseconds. `tries` counts those in which the long prompt was still being read when it came.
    """

    long_tokens: int
    tries: int
    alone_ms: float
    beside_ms: float
    beside_max_ms: float


async def measure_keystrokes(engine: Engine, *, context: int, keys: int) -> Latencies:
    """Types along one line, each key's completion awaited before the next; the first one fills the cache."""
    typist = await _Typist.at(engine, context, seed=11, urgency=_LATER)
    answers = [await _ask(engine, typist.request(_LINE[:count])) for count in range(1, min(keys + 1, len(_LINE)) + 1)]
    return _latencies(answers[1:])


async def measure_editors(client: Callable[[str], Engine], *, editors: int, context: int, seconds: float) -> Latencies:
    """Lets several editors type at once, each over a connection of its own and with a text of its own."""
    engines = [client(f"fimble bench editor {number}") for number in range(editors)]
    try:
        typists = [
            await _Typist.at(engine, context, seed=100 + number, urgency=_LATER)
            for number, engine in enumerate(engines)
        ]
        # Each text is read before the clock runs, as an editor has it read when a file is opened.
        for engine, typist in zip(engines, typists, strict=True):
            await _ask(engine, typist.request(""))
        typed = await asyncio.gather(
            *(
                _type_along(engine, typist, seconds, seed)
                for seed, (engine, typist) in enumerate(zip(engines, typists, strict=True))
            )
        )
    finally:
        for engine in engines:
            await engine.close()
    return _latencies(list(itertools.chain.from_iterable(typed)))


async def measure_inversion(engine: Engine, *, long_tokens: int, repeats: int) -> Inversion:
    """Asks for a completion while a long prompt is read."""
    alone: list[float] = []
    beside: list[float] = []
    length = 0
    for repeat in range(repeats):
        short = [TextPart(await sample_code(engine, _SHORT_TOKENS, seed=5_000_000 + 2 * repeat))]
        other = [TextPart(await sample_code(engine, _SHORT_TOKENS, seed=5_000_001 + 2 * repeat))]
        long = await sample_code(engine, long_tokens, seed=6_000_000 + repeat)
        (length,) = await engine.count_tokens([long])
        alone.append((await _ask(engine, _request(short, _SOON))).first_ms)
        reading = asyncio.ensure_future(_ask(engine, _request([TextPart(long)], _LATER)))
        try:
            while not reading.done() and not (await engine.status()).running:
                pass
            answer = await _ask(engine, _request(other, _SOON))
            # Were the long one answered before, there was nothing to wait for.
            if (await reading).first_at > answer.first_at > 0:
                beside.append(answer.first_ms)
        finally:
            reading.cancel()
    return Inversion(
        long_tokens=length,
        tries=len(beside),
        alone_ms=_share(alone, 0.5),
        beside_ms=_share(beside, 0.5),
        beside_max_ms=max(beside, default=0.0),
    )


@dataclass(slots=True)
class _Answer:
    """How one request ended: `is_done`, `is_superseded`, or neither. Times from asking; `first_at` is a clock's."""

    is_done: bool = False
    is_superseded: bool = False
    first_at: float = 0.0
    first_ms: float = 0.0
    done_ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Typist:
    """A text with a hole in it, and the anchor of its prompt; a model without control tokens gets the texts alone."""

    before: str
    after: str
    fim: FillInMiddle
    urgency: Urgency
    anchor: Anchor | None = None

    @classmethod
    async def at(cls, engine: Engine, context: int, seed: int, urgency: Urgency) -> "_Typist":
        lines = (await sample_code(engine, context, seed)).split("\n")
        cut = round(len(lines) * PREFIX_SHARE)
        status = await engine.load()
        before, after = ("\n".join(part) for part in (lines[:cut], lines[cut:]))
        return cls(before=f"{before}\n", after=f"\n{after}", fim=_tokens_of(status), urgency=urgency)

    def request(self, typed: str) -> Generate:
        """Returns the request after all that was typed until now: only the end of its prompt differs from the last."""
        text = Text.from_string(f"{self.before}{typed}{self.after}")
        snapshot = Snapshot(uri="file:///bench.py", path="bench.py", language="python", version=1, text=text)
        offset = len(self.before) + len(typed)
        if self.anchor is None or not self.anchor.holds(snapshot, offset):
            whole = Window(first=0, last=text.line_count - 1)
            self.anchor = drop_anchor(snapshot, offset, window=whole, repository="bench", fim=self.fim)
        prompt = lay_out(self.anchor, self.anchor.typed(text, offset))
        parts: list[TextPart | ControlPart] = [
            ControlPart(part.token) if isinstance(part, Control) else TextPart(part)
            for part in prompt.parts
            if part != Control("")
        ]
        return _request(parts, self.urgency, prompt.starts_with, "typing")


def _tokens_of(status: EngineStatus) -> FillInMiddle:
    """Returns the model's control tokens in the order of its card, or those that its tokenizer has, if any."""
    card = all_cards().get(status.model)
    if card is not None and card.fill_in_middle is not None:
        return card.fill_in_middle
    roles = status.controls
    return FillInMiddle(prefix=roles.get("prefix", ""), suffix=roles.get("suffix", ""), middle=roles.get("middle", ""))


async def _type_along(engine: Engine, typist: _Typist, seconds: float, seed: int) -> list[_Answer]:
    source = random.Random(seed)  # noqa: S311 - a simulated typist.
    text = "\n".join(sample_lines(_LINES_TYPED_MAX, seed))
    asked: list[asyncio.Task[_Answer]] = []
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            typed = text[: len(asked) + 1]
            asked.append(asyncio.create_task(_ask(engine, typist.request(typed))))
            await asyncio.sleep(source.uniform(*_GAPS_S))
        _, late = await asyncio.wait(asked, timeout=_ANSWER_TIMEOUT_S)
    finally:
        for task in asked:
            task.cancel()
    return [_Answer() if task in late else task.result() for task in asked]


async def _ask(engine: Engine, request: Generate) -> _Answer:
    answer = _Answer()
    started = time.monotonic()
    with contextlib.suppress(EngineError, ModelRefused):
        try:
            async with contextlib.aclosing(engine.generate(request)) as frames:
                async for frame in frames:
                    if isinstance(frame, Piece | Done) and not answer.first_at:
                        answer.first_at = time.monotonic()
                        answer.first_ms = (answer.first_at - started) * 1000
                    answer.is_done = isinstance(frame, Done)
        except RequestCancelled:
            answer.is_superseded = True
    answer.done_ms = (time.monotonic() - started) * 1000
    return answer


def _request(
    parts: Iterable[TextPart | ControlPart], urgency: Urgency, starts_with: str = "", supersede_key: str = ""
) -> Generate:
    return Generate(
        id=0,
        parts=list(parts),
        tokens_max=KEYSTROKE_TOKENS,
        starts_with=starts_with,
        urgency=urgency,
        supersede_key=supersede_key,
    )


def _latencies(answers: Sequence[_Answer]) -> Latencies:
    done = [answer.done_ms for answer in answers if answer.is_done]
    superseded = sum(answer.is_superseded for answer in answers)
    return Latencies(
        requests=len(answers),
        answered=len(done),
        superseded=superseded,
        lost=len(answers) - len(done) - superseded,
        p50_ms=_share(done, 0.5),
        p90_ms=_share(done, 0.9),
        max_ms=max(done, default=0.0),
    )


def _share(values: Sequence[float], share: float) -> float:
    """Returns the value below which this share of the others lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
