"""`fimble bench engine`: how fast the engine reads and writes, how soon a first token comes, how soon it stops.

Measured through the engine's socket as an editor sees it, with the priority of benchmarks, so that somebody who types
meanwhile is served first (and makes the figures worse). With `busy` processes that use up a core each, it shows how
the engine does next to a build.
"""

import asyncio
import contextlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import Done, Evaluated, Generate, Piece, TextPart, Timings, Urgency
from fimble.errors import RequestFailed

DECODE_TOKENS = 64
REPEATS = 3
SETTLE_S = 0.5
_WORDS = ("value", "index", "total", "result", "config", "left", "right", "node", "item", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model at one prompt length. Rates are medians in tokens per second, times medians in milliseconds.

    `ttft_ms` is the time to the first token with nothing cached, `cached_ttft_ms` with all but the last line cached.
    `cancel_decode_ms` and `cancel_prefill_ms` are from the cancellation until the device was free again.
    `bound_share` is the share of the memory bandwidth's bound that decoding reaches, None where that is not known.
    """

    backend: str
    model: str
    context: int
    busy: int
    prefill_tps: float
    decode_tps: float
    ttft_ms: float
    cached_ttft_ms: float
    cancel_decode_ms: float
    cancel_prefill_ms: float
    rss_bytes: int
    vram_bytes: int
    bound_share: float | None = None


async def measure(engine: Engine, *, contexts: list[int], busy: int) -> list[Row]:
    """Returns one row per prompt length, measured next to `busy` processes that use up a core each."""
    await engine.load()
    with _busy_processes(busy):
        await asyncio.sleep(SETTLE_S if busy else 0)
        return [await _row(engine, context, busy) for context in contexts]


async def _row(engine: Engine, context: int, busy: int) -> Row:
    cold: list[Timings] = []
    warm: list[float] = []
    first: list[float] = []
    for repeat in range(REPEATS):
        prompt = await _prompt(engine, context, seed=1000 * context + repeat)
        timings, first_ms = await _run(engine, prompt)
        cold.append(timings)
        first.append(first_ms)
        warm.append((await _run(engine, f"{prompt}\nreturn "))[1])
    status = await engine.status()
    return Row(
        backend=status.backend,
        model=status.model,
        context=round(statistics.median(timings.prompt_tokens for timings in cold)),
        busy=busy,
        prefill_tps=statistics.median(
            (timings.prompt_tokens - timings.cached_tokens) / timings.prefill_ms * 1000 for timings in cold
        ),
        decode_tps=statistics.median(timings.generated_tokens / timings.decode_ms * 1000 for timings in cold),
        ttft_ms=statistics.median(first),
        cached_ttft_ms=statistics.median(warm),
        cancel_decode_ms=await _cancel_ms(engine, context, in_prefill=False),
        cancel_prefill_ms=await _cancel_ms(engine, context, in_prefill=True),
        rss_bytes=status.rss_bytes,
        vram_bytes=status.vram_bytes,
    )


async def _run(engine: Engine, prompt: str) -> tuple[Timings, float]:
    started = time.monotonic()
    first_ms = 0.0
    async for frame in engine.generate(_request(prompt, DECODE_TOKENS)):
        if isinstance(frame, Piece) and not first_ms:
            first_ms = (time.monotonic() - started) * 1000
        if isinstance(frame, Done):
            return frame.timings, first_ms or (time.monotonic() - started) * 1000
    raise RequestFailed("The engine ended a request without saying so.")


async def _cancel_ms(engine: Engine, context: int, *, in_prefill: bool) -> float:
    times = []
    for repeat in range(REPEATS):
        prompt = await _prompt(engine, context, seed=(2 if in_prefill else 3) * 1_000_000 + 1000 * context + repeat)
        stream = engine.generate(_request(prompt, 512))
        if in_prefill:
            waiting = asyncio.ensure_future(anext(stream))
            await _until_running(engine)
            await asyncio.sleep(random.Random(repeat).uniform(0.02, 0.2))  # noqa: S311 - spreads over a chunk.
            cancelled = time.monotonic()
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await waiting
        else:
            while isinstance(await anext(stream), Evaluated):
                pass
            cancelled = time.monotonic()
        await stream.aclose()
        while (await engine.status()).running:
            pass
        times.append((time.monotonic() - cancelled) * 1000)
    return statistics.median(times)


async def _until_running(engine: Engine) -> None:
    while not (await engine.status()).running:
        pass


async def _prompt(engine: Engine, tokens: int, seed: int) -> str:
    """Returns code-like text of about `tokens` tokens that no other seed starts with."""
    source = random.Random(seed)  # noqa: S311 - test data, not a secret.
    lines = [f"# benchmark {seed}"]
    while len(lines) < tokens:
        one, two, three = source.choices(_WORDS, k=3)
        lines.append(f"{one}_{source.randrange(10_000)} = {two}({three}, {source.randrange(100)})")
    counts = await engine.count_tokens([f"{line}\n" for line in lines])
    total = 0
    for number, count in enumerate(counts):
        total += count
        if total >= tokens:
            return "\n".join(lines[: number + 1])
    return "\n".join(lines)


def _request(prompt: str, tokens_max: int) -> Generate:
    return Generate(id=0, parts=[TextPart(prompt)], tokens_max=tokens_max, urgency=Urgency.BENCHMARK)


@contextlib.contextmanager
def _busy_processes(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
