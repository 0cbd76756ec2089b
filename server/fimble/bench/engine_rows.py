"""Reading and writing at one prompt length: rates, the time to the first token, and how soon a request is given up.

Measured through the engine's socket as an editor sees it, with the priority of benchmarks, so that somebody who types
meanwhile is served first (and makes the figures worse).
"""

import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from fimble.bench.nvml import Meter
from fimble.bench.sample_code import sample_code
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import Done, Evaluated, Generate, Piece, TextPart, Timings, Urgency
from fimble.errors import RequestFailed

DECODE_TOKENS: Final = 64
_CANCELLED_TOKENS: Final = 512
# The driver counts energy in steps of a tenth of a second.
_ENERGY_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model at one prompt length. Rates are medians in tokens per second, times medians in milliseconds.

    `ttft_ms` is the time to the first token with nothing cached, `cached_ttft_ms` with all but the last line cached.
    `cancel_decode_ms` and `cancel_prefill_ms` are from the cancellation until the device was free again.
    `bound_share` is the share of the memory bandwidth's bound that decoding reaches, and `energy_j` what the card
    takes to write 1,000 tokens; None where that is not known. A `synthetic` model has random weights.
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
    energy_j: float | None = None
    synthetic: bool = False


async def measure_row(engine: Engine, context: int, *, busy: int, repeats: int, meter: Meter | None) -> Row:
    """Returns the figures for prompts of `context` tokens; `busy` says beside how many busy processes."""
    cold: list[Timings] = []
    warm: list[float] = []
    first: list[float] = []
    for repeat in range(repeats):
        prompt = await sample_code(engine, context, seed=1000 * context + repeat)
        timings, first_ms = await _run(engine, prompt)
        cold.append(timings)
        first.append(first_ms)
        warm.append((await _run(engine, f"{prompt}\nreturn "))[1])
    ttft_ms = statistics.median(first)
    status = await engine.status()
    return Row(
        backend=status.backend,
        model=status.model,
        context=round(statistics.median(timings.prompt_tokens for timings in cold)),
        busy=busy,
        prefill_tps=statistics.median(
            _rate(timings.prompt_tokens - timings.cached_tokens, timings.prefill_ms) for timings in cold
        ),
        decode_tps=statistics.median(_rate(timings.generated_tokens, timings.decode_ms) for timings in cold),
        ttft_ms=ttft_ms,
        cached_ttft_ms=statistics.median(warm),
        cancel_decode_ms=await _cancel_ms(engine, context, repeats, 0.0),
        cancel_prefill_ms=await _cancel_ms(engine, context, repeats, ttft_ms),
        rss_bytes=status.rss_bytes,
        vram_bytes=status.vram_bytes,
        energy_j=await _energy_j(engine, context, meter) if meter is not None else None,
    )


def merged(rows: Sequence[Row]) -> Row:
    """Returns the medians of the same row in several rounds."""
    values: dict[str, Any] = {}
    for field in fields(Row):
        found = [getattr(row, field.name) for row in rows]
        is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)
        value = statistics.median(found) if is_number else found[0]
        values[field.name] = round(value) if all(isinstance(one, int) for one in found) and is_number else value
    return Row(**values)


def _rate(tokens: int, took_ms: float) -> float:
    """Returns tokens per second; 0 where there was nothing to measure."""
    return tokens / took_ms * 1000 if took_ms > 0 else 0.0


async def _run(engine: Engine, prompt: str) -> tuple[Timings, float]:
    started = time.monotonic()
    first_ms = 0.0
    async for frame in engine.generate(_request(prompt, DECODE_TOKENS)):
        if isinstance(frame, Piece) and not first_ms:
            first_ms = (time.monotonic() - started) * 1000
        if isinstance(frame, Done):
            return frame.timings, first_ms or (time.monotonic() - started) * 1000
    raise RequestFailed("The engine ended a request without saying so.")


async def _cancel_ms(engine: Engine, context: int, repeats: int, reading_ms: float) -> float:
    """Cancels while the prompt is read, for which `reading_ms` are expected, or with 0 after the first token."""
    times = []
    for repeat in range(repeats):
        prompt = await sample_code(engine, context, (2 if reading_ms else 3) * 1_000_000 + 1000 * context + repeat)
        async with contextlib.aclosing(engine.generate(_request(prompt, _CANCELLED_TOKENS))) as stream:
            if reading_ms:
                waiting = asyncio.ensure_future(anext(stream))
                await _until_running(engine, waiting)
                # Spread over the chunks in which a prompt is read.
                share = random.Random(repeat).uniform(0.1, 0.9)  # noqa: S311 - not a secret.
                await asyncio.wait([waiting], timeout=share * reading_ms / 1000)
                cancelled = time.monotonic()
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting
            else:
                while isinstance(await anext(stream), Evaluated):
                    pass
                cancelled = time.monotonic()
        while (await engine.status()).running:
            pass
        times.append((time.monotonic() - cancelled) * 1000)
    return statistics.median(times)


async def _until_running(engine: Engine, answer: "asyncio.Future[Any]") -> None:
    """Returns once a request runs, or has its answer already."""
    while not answer.done() and not (await engine.status()).running:
        pass


async def _energy_j(engine: Engine, context: int, meter: Meter) -> float | None:
    """Lets one prompt be continued for some seconds; the prompt itself is in the cache by then."""
    prompt = await sample_code(engine, context, seed=1000 * context)
    await _run(engine, prompt)
    tokens = 0
    before_j, started = meter.energy_j(), time.monotonic()
    while before_j is not None and time.monotonic() - started < _ENERGY_S:
        written = (await _run(engine, prompt))[0].generated_tokens
        if not written:
            return None
        tokens += written
    after_j = meter.energy_j()
    return (after_j - before_j) / tokens * 1000 if before_j is not None and after_j is not None else None


def _request(prompt: str, tokens_max: int) -> Generate:
    return Generate(id=0, parts=[TextPart(prompt)], tokens_max=tokens_max, urgency=Urgency.BENCHMARK)
