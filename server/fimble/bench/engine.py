"""`fimble bench engine`: how fast the engine reads and writes, how it feels to type with it, and what bounds it.

Several models are measured side by side: each in an engine of its own, in turn, round after round, so that whatever
else the machine does hits all of them. Of several rounds, medians are told.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from fimble.bench.bandwidth import bytes_per_token, host_bandwidth
from fimble.bench.engine_place import Place, own_place
from fimble.bench.engine_raw import Raw, measure_overhead
from fimble.bench.engine_rows import DECODE_TOKENS, Row, measure_row, merged
from fimble.bench.engine_typing import (
    Inversion,
    Latencies,
    measure_editors,
    measure_inversion,
    measure_keystrokes,
)
from fimble.bench.nvml import Meter, open_meter
from fimble.bench.synthetic import is_synthetic
from fimble.engine.client.engine import Engine, model_name
from fimble.errors import FimbleError, ModelRefused, RequestFailed
from fimble.models.card import ModelCard
from fimble.models.catalogue import all_cards, find_card
from fimble.models.devices import Device
from fimble.models.fit import Choice
from fimble.models.gpu import find_device, gpu_obstacle, plan

SETTLE_S: Final = 0.5
_INVERSION_TOKENS: Final = 4096
_RAW_PROMPTS_MIN: Final = 3
# What a prompt leaves of the context for what is written after it.
_ROOM_TOKENS: Final = 64

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What is measured: prompt lengths in tokens, busy processes beside the engine, and how often each thing is."""

    contexts: tuple[int, ...] = (256, 1024)
    busy: int = 0
    rounds: int = 1
    repeats: int = 3
    keystrokes: int = 48
    typing_context: int = 1024
    editors: tuple[int, ...] = (2, 8)
    editor_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What does not belong to one prompt length; None where it was not measured, or is not known.

    `overhead` is the time per token over that of ExLlamaV2's own generator, `vram_bytes` what the card's memory grew
    by while the engine ran (by torch's count, without the CUDA context, where `vram_by` is "torch"), `bandwidth` the
    bytes per second that copying reads and writes together, where the weights are. `error` says why there are no
    figures.
    """

    model: str
    backend: str = ""
    synthetic: bool = False
    error: str = ""
    load_s: float = 0.0
    vram_bytes: int = 0
    vram_by: str = ""
    vram_predicted_bytes: int | None = None
    bandwidth: float | None = None
    bytes_per_token: int | None = None
    keystroke: Latencies | None = None
    editors: dict[int, Latencies] = field(default_factory=dict)
    inversion: Inversion | None = None
    overhead: float | None = None
    overhead_same_text: bool | None = None


@dataclass(slots=True)
class _Round:
    rows: list[Row]
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """An engine under measurement, what is known of its model, and a meter of its card where there is one."""

    engine: Engine
    client: Callable[[str], Engine]
    card: ModelCard | None
    choice: Choice | None = None
    meter: Meter | None = None


async def measure(
    engine: Engine, client: Callable[[str], Engine], *, effort: Effort, on_step: OnStep
) -> dict[str, Any]:
    """Measures an engine that others may be using, and leaves it running; `client` makes further clients of it."""
    started = time.monotonic()
    status = await engine.load()
    card = await asyncio.to_thread(_card_of, status.model)
    figures = Figures(
        model=status.model, backend=status.backend, load_s=time.monotonic() - started, bandwidth=_host_bandwidth(card)
    )
    return _result([[await _round(_Running(engine=engine, client=client, card=card), effort, figures, on_step)]])


async def measure_models(models: Sequence[str], *, effort: Effort, on_step: OnStep) -> dict[str, Any]:
    """Measures several models, each in an engine of its own that is ended; a model that cannot run gets its error.

    A model is a card's name, or the absolute path of a GGUF file or of a folder.
    """
    found: list[list[_Round]] = [[] for _ in models]
    for number in range(effort.rounds):
        for model, rounds in zip(models, found, strict=True):
            if rounds and rounds[-1].figures.error:
                continue

            def tell(step: str, name: str = model_name(model), number: int = number) -> None:
                on_step(f"{name}, round {number + 1} of {effort.rounds}: {step}")

            try:
                rounds.append(await _measure_own(model, effort, tell))
            except FimbleError as error:
                tell(f"failed: {error}")
                rounds.append(_Round([], Figures(model=model_name(model), error=str(error))))
    return _result(found)


async def _measure_own(model: str, effort: Effort, on_step: OnStep) -> _Round:
    card = await asyncio.to_thread(find_card, model)
    choice, device = await asyncio.to_thread(_plan, card)
    options = _options(choice, device)
    raw: Raw | None = None
    with open_meter(device.uuid if device is not None else "") as meter:
        unused_bytes = meter.used_bytes() if meter is not None else None
        async with own_place(model, options) as place, _client(place) as engine:
            on_step("loading")
            started = time.monotonic()
            status = await engine.load()
            if status.asked_model not in ("", status.model):
                raise ModelRefused(f"{status.asked_model} cannot run here. {status.message}")
            figures = Figures(
                model=status.model,
                backend=status.backend,
                synthetic=await asyncio.to_thread(is_synthetic, model),
                load_s=time.monotonic() - started,
                vram_predicted_bytes=choice.need.total if choice is not None else None,
                bandwidth=_host_bandwidth(card),
            )
            one = await _round(
                _Running(engine=engine, client=place.client, card=card, choice=choice, meter=meter),
                effort,
                figures,
                on_step,
            )
            if meter is not None and unused_bytes is not None:
                used = meter.used_bytes() or unused_bytes
                one.figures = replace(one.figures, vram_bytes=used - unused_bytes, vram_by="nvml")
            if choice is not None:
                on_step("beside the raw generator")
                raw = await Raw.of_engine(engine, repeats=max(_RAW_PROMPTS_MIN, effort.repeats))
        # Only once the engine has gone is the card free for another process.
        if raw is not None:
            try:
                overhead = await measure_overhead(model, options, raw)
            except RequestFailed as error:
                # All else was measured already, and is worth to be told.
                on_step(str(error))
            else:
                one.figures = replace(
                    one.figures,
                    overhead=overhead.ratio,
                    overhead_same_text=overhead.has_same_text,
                    bandwidth=overhead.bandwidth,
                )
    one.rows = [_bounded(row, one.figures, card, choice) for row in one.rows]
    return one


async def _round(running: _Running, effort: Effort, figures: Figures, on_step: OnStep) -> _Round:
    engine, client, choice = running.engine, running.client, running.choice
    longest = (await engine.status()).context_tokens - _ROOM_TOKENS
    rows = []
    for busy in (0, effort.busy) if effort.busy else (0,):
        with _busy_processes(busy):
            await asyncio.sleep(SETTLE_S if busy else 0)
            for context in effort.contexts:
                on_step(f"{context} tokens" + (f" beside {busy} busy processes" if busy else ""))
                if 0 < longest < context:
                    on_step(f"{context} tokens are more than the {longest} that fit; left out")
                    continue
                row = await measure_row(engine, context, busy=busy, repeats=effort.repeats, meter=running.meter)
                rows.append(_bounded(replace(row, synthetic=figures.synthetic), figures, running.card, choice))
    typing = min(effort.typing_context, longest) if longest > 0 else effort.typing_context
    on_step("keystrokes")
    keystroke = await measure_keystrokes(engine, context=typing, keys=effort.keystrokes)
    editors = {}
    for count in effort.editors:
        on_step(f"{count} editors")
        editors[count] = await measure_editors(client, editors=count, context=typing, seconds=effort.editor_seconds)
    on_step("a completion beside a long prompt")
    long_tokens = min(_INVERSION_TOKENS, longest) if longest > 0 else _INVERSION_TOKENS
    inversion = await measure_inversion(engine, long_tokens=long_tokens, repeats=effort.repeats)
    status = await engine.status()
    return _Round(
        rows,
        replace(
            figures,
            vram_bytes=status.vram_bytes,
            vram_by="torch" if status.vram_bytes else "",
            bytes_per_token=_bytes(running.card, effort.typing_context, choice),
            keystroke=keystroke,
            editors=editors,
            inversion=inversion,
        ),
    )


def _result(subjects: Sequence[Sequence[_Round]]) -> dict[str, Any]:
    """Returns the rows and the figures of all models, with each round's medians merged."""
    rows = [
        asdict(merged(same))
        for rounds in subjects
        for same in zip(*(one.rows for one in rounds if not one.figures.error), strict=True)
    ]
    return {"rows": rows, "models": [asdict(_merged_figures([one.figures for one in rounds])) for rounds in subjects]}


def _merged_figures(rounds: Sequence[Figures]) -> Figures:
    """Returns the last round's figures with the medians of those that vary, or the error of the one that failed."""
    last = rounds[-1]
    if last.error:
        return last
    overheads = [one.overhead for one in rounds if one.overhead is not None]
    return replace(
        last,
        load_s=statistics.median(one.load_s for one in rounds),
        vram_bytes=max(one.vram_bytes for one in rounds),
        keystroke=_merged_latencies([one.keystroke for one in rounds]),
        editors={
            count: latencies
            for count in last.editors
            if (latencies := _merged_latencies([one.editors[count] for one in rounds])) is not None
        },
        overhead=statistics.median(overheads) if overheads else None,
    )


def _merged_latencies(rounds: Sequence[Latencies | None]) -> Latencies | None:
    found = [one for one in rounds if one is not None]
    if not found:
        return None
    return Latencies(
        requests=sum(one.requests for one in found),
        answered=sum(one.answered for one in found),
        superseded=sum(one.superseded for one in found),
        lost=sum(one.lost for one in found),
        p50_ms=statistics.median(one.p50_ms for one in found),
        p90_ms=statistics.median(one.p90_ms for one in found),
        max_ms=max(one.max_ms for one in found),
    )


def _bounded(row: Row, figures: Figures, card: ModelCard | None, choice: Choice | None) -> Row:
    """Returns the row with its share of the bound, if what that takes is known."""
    needed = _bytes(card, row.context + DECODE_TOKENS // 2, choice)
    if not needed or not figures.bandwidth:
        return row
    return replace(row, bound_share=row.decode_tps * needed / figures.bandwidth)


def _bytes(card: ModelCard | None, context: int, choice: Choice | None) -> int | None:
    return bytes_per_token(card, context, choice.cache if choice is not None else "fp16") if card is not None else None


def _host_bandwidth(card: ModelCard | None) -> float | None:
    return host_bandwidth() if card is not None and card.backend == "llamacpp" else None


def _card_of(name: str) -> ModelCard | None:
    """Returns the card of a running model; None of a file or folder, whose path the engine does not tell."""
    return all_cards().get(name)


def _plan(card: ModelCard) -> tuple[Choice, Device] | tuple[None, None]:
    """Returns what the engine would choose by itself for a GPU model.

    Raises:
        ModelRefused: it cannot run here, or does not fit.
    """
    if card.backend != "exllamav2":
        return None, None
    if obstacle := gpu_obstacle():
        raise ModelRefused(f"{card.name} cannot run here: {obstacle}")
    device = find_device(None)
    return plan(card, device, others=all_cards().values()), device


def _options(choice: Choice | None, device: Device | None) -> list[str]:
    if choice is None or device is None:
        return []
    return ["--context", str(choice.context_tokens), "--cache", choice.cache, "--device", str(device.index)]


@contextlib.asynccontextmanager
async def _client(place: Place) -> AsyncIterator[Engine]:
    engine = place.client("fimble bench engine")
    try:
        yield engine
    finally:
        await engine.close()


@contextlib.contextmanager
def _busy_processes(count: int) -> Iterator[None]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
