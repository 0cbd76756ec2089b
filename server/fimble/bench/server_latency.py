"""How much the language server itself adds to a suggestion, with an engine that answers at once.

A real `fimble lsp` over stdio with the scripted model, on a workspace with its index on. Somebody types in long files
and asks at each key; what passes until the reply is all ours, the way to the engine's process and back included.
"""

import asyncio
import contextlib
import itertools
import math
import os
import random
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from fimble.bench.engine_place import own_place
from fimble.bench.server_latency_model import MODEL, write_model
from fimble.bench.server_latency_typing import KEYS_BEFORE_PAUSE, PAUSE_S, has_places, keys_at_places
from fimble.bench.server_latency_workspace import LongFile, long_files, make_workspace
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import Generate, TextPart
from fimble.errors import IndexUnavailable, SettingsInvalid
from fimble.index.store.progress import Progress, Stage
from fimble.index.store.reader import Reader
from fimble.index.store.schema import index_folder
from fimble.lsp.client import Answer, LanguageServerClient

BUILDING: Final = "building"
READY: Final = "ready"
SUGGESTION: Final = "suggestion"
WITHOUT: Final = "without_index"
PHASES: Final = (READY, SUGGESTION, BUILDING, WITHOUT)

_WAIT_MIN_S: Final = 0.001
_POLL_S: Final = 0.25
_INDEX_TIMEOUT_S: Final = 900.0
# The watcher begins after the first build, and what was left to do is done.
_SETTLE_S: Final = 3.0
_ENGINE_TRIES: Final = 200
# About what a prompt of the product has, and may get as an answer.
_PROMPT_CHARACTERS: Final = 2000
_TOKENS_MAX: Final = 64

OnStep = Callable[[str], None]
Ask = Callable[[LanguageServerClient, Path, int, int], Awaitable[tuple[Answer, float | None]]]
"""Asks at a place; returns the answer, and how long the completion feature took where that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is measured: `keys` per phase, at most one every `gap_s`; `folder` keeps the workspace and its index."""

    files: int = 10_000
    keys: int = 500
    gap_s: float = 0.06
    seed: int = 1
    runs: int = 1
    is_building_measured: bool = True
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One key: from sending the change until the reply, in milliseconds.

    `number` counts the keys at a place from 0. `feature_ms` is what the server told of the reply, and `late_ms` by how
    much this process, which only waited, came late to the next key: what a busy machine does to everybody.
    """

    reply_ms: float
    answer: Answer
    number: int
    feature_ms: float | None = None
    late_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Milliseconds of `n` replies; None of none."""

    n: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """All keys of a phase.

    `first_at_place` are those after a jump, `after_pause` those after a pause. `outside_feature` are the replies' times
    less what passed in the completion feature (known of `fimble/suggestion` alone), `late` tells how late the typist
    was woken by the machine, and `cpu_ms_per_key` the processor time of the server's own process.
    """

    reply: Times
    first_at_place: Times
    after_pause: Times
    outside_feature: Times
    late: Times
    shown: int
    failed: int
    cpu_ms_per_key: float
    load: float
    replies_ms: tuple[float, ...]


async def measure(workspace: Path | None, wishes: Wishes, *, on_step: OnStep) -> dict[str, Any]:
    """Types in `workspace`, or in one that is made; returns the phases of each run, and what was typed in.

    Raises:
        SettingsInvalid: `workspace` has no file to type in.
        EngineError: the server or the engine does not start.
        IndexUnavailable: the index does not get ready.
    """
    async with own_place(MODEL) as place:
        home = place.folder.parent
        kept = wishes.folder.absolute() if wishes.folder is not None else home / "kept"
        root, long = await asyncio.to_thread(_workspace, workspace, kept, wishes, on_step)
        environment = await asyncio.to_thread(write_model, home)
        bench = _Bench(
            root, long, home=home, cache=kept / "cache", environment=environment, wishes=wishes, on_step=on_step
        )
        # Of an engine that runs already, which the server starts, as it knows where the card lies.
        async with bench.server(is_index_on=False) as server:
            await bench.load(server)
            engine = place.client("fimble bench server")
            try:
                alone = times(await _engine_alone(engine, long[0].text))
            finally:
                await engine.close()
        runs = [await bench.run(number) for number in range(wishes.runs)]
    return {
        "runs": [{name: asdict(phase) for name, phase in run.items()} for run in runs],
        "engine_alone_ms": asdict(alone),
        "index": {"files": bench.progress.files, "seconds": bench.progress.seconds},
        "suggestions_with_context": bench.with_context,
        "typed_in": [{"path": one.path, "lines": one.text.count("\n")} for one in long],
    }


def times(values_ms: Sequence[float]) -> Times:
    """Returns the percentiles, each a time that was measured: that below or at which so large a share lies."""
    ordered = sorted(values_ms)

    def at(share: float) -> float | None:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

    return Times(n=len(ordered), p50_ms=at(0.5), p90_ms=at(0.9), p99_ms=at(0.99), max_ms=at(1.0))


class _Bench:
    def __init__(
        self,
        root: Path,
        long: Sequence[LongFile],
        *,
        home: Path,
        cache: Path,
        environment: dict[str, str],
        wishes: Wishes,
        on_step: OnStep,
    ) -> None:
        self._root = root
        self._long = long
        self._wishes = wishes
        self._on_step = on_step
        # The server stays off the user's own engine, settings, index, statistics and logs.
        self._environment = environment | {
            "XDG_RUNTIME_DIR": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_DATA_HOME": str(home / "data"),
            "FIMBLE_CACHE": str(cache),
            "FIMBLE_CONFIG": str(home / "config.toml"),
        }
        self._index = cache / "index" / index_folder(root).name
        self._ids = itertools.count(1)
        self.progress = Progress()
        self.with_context = 0

    async def run(self, number: int) -> dict[str, Phase]:
        phases: dict[str, Phase] = {}

        def tell(step: str) -> None:
            self._on_step(f"run {number + 1} of {self._wishes.runs}: {step}")

        tell("typing without an index")
        async with self.server(is_index_on=False) as server:
            await self.load(server)
            phases[WITHOUT] = await self._phase(server, self._ghost_text)
        if self._wishes.is_building_measured:
            await asyncio.to_thread(shutil.rmtree, self._index, ignore_errors=True)
        async with self.server(is_index_on=True) as server:
            await self.load(server)
            reader = Reader(self._index)
            try:
                if self._wishes.is_building_measured:
                    tell("typing while the index is built")
                    phases[BUILDING] = await self._phase(server, self._ghost_text, lambda: not _is_ready(reader))
                tell("waiting for the index")
                await _until_ready(reader)
                self.progress = reader.progress()
            finally:
                reader.close()
            await asyncio.sleep(_SETTLE_S)
            tell("typing with the index")
            phases[READY] = await self._phase(server, self._ghost_text)
            tell("fimble/suggestion with the index")
            phases[SUGGESTION] = await self._phase(server, self._suggestion)
        return phases

    def server(self, *, is_index_on: bool) -> LanguageServerClient:
        return LanguageServerClient(self._root, model=MODEL, is_index_on=is_index_on, environment=self._environment)

    async def load(self, server: LanguageServerClient) -> None:
        for one in self._long:
            file = self._root / one.path
            server.open(file, one.language, one.text)
            await server.suggestion(file, 0, 0)

    async def _phase(self, server: LanguageServerClient, ask: Ask, goes_on: Callable[[], bool] = lambda: True) -> Phase:
        process = psutil.Process(server.pid)
        samples: list[Sample] = []
        # The same keys in each phase and run.
        source = random.Random(self._wishes.seed)  # noqa: S311 - a simulated typist.
        places = [keys_at_places(one, source) for one in self._long]
        pauses_s = iter(lambda: source.uniform(*PAUSE_S), None)
        before = process.cpu_times()
        while len(samples) < self._wishes.keys and goes_on():
            for one, keys in zip(self._long, places, strict=True):
                some = next(keys)[: self._wishes.keys - len(samples)]
                samples += await self._at_place(
                    server, ask, self._root / one.path, some, pauses_s=pauses_s, goes_on=goes_on
                )
        after = process.cpu_times()
        return _phase(samples, after.user + after.system - before.user - before.system)

    async def _at_place(
        self,
        server: LanguageServerClient,
        ask: Ask,
        file: Path,
        keys: Sequence[tuple[int, int, str]],
        *,
        pauses_s: Iterator[float],
        goes_on: Callable[[], bool],
    ) -> list[Sample]:
        samples: list[Sample] = []
        server.focus(file)
        place = keys[0][:2] if keys else (0, 0)
        for line, character, text in keys:
            if not goes_on():
                break
            due_s = time.monotonic() + self._wishes.gap_s
            last = text.rpartition("\n")[2]
            place = (line + 1, len(last)) if "\n" in text else (line, character + len(text))
            began_s = time.perf_counter()
            server.insert(file, line, character, text)
            answer, feature_ms = await ask(server, file, *place)
            reply_ms = (time.perf_counter() - began_s) * 1000
            # Waits a little even after a late reply, so that the wait's end tells how busy the machine is.
            due_s = max(due_s, time.monotonic() + _WAIT_MIN_S)
            if len(samples) + 1 == KEYS_BEFORE_PAUSE:
                due_s += next(pauses_s)
            await asyncio.sleep(due_s - time.monotonic())
            late_ms = (time.monotonic() - due_s) * 1000
            samples.append(Sample(reply_ms, answer, len(samples), feature_ms, late_ms))
        if samples:
            # The file is as it was, so that the next place in it is where it was.
            server.replace(file, keys[0][:2], place, "")
        return samples

    async def _ghost_text(
        self, server: LanguageServerClient, file: Path, line: int, character: int
    ) -> tuple[Answer, float | None]:
        return await server.ask(f"key-{next(self._ids)}", file, line, character), None

    async def _suggestion(
        self, server: LanguageServerClient, file: Path, line: int, character: int
    ) -> tuple[Answer, float | None]:
        found = await server.suggestion(file, line, character)
        self.with_context += bool(found["context"])
        return Answer.SHOWN if found["text"] else Answer.EMPTY, float(found["latency_ms"])


def _phase(samples: Sequence[Sample], cpu_s: float) -> Phase:
    return Phase(
        reply=times([sample.reply_ms for sample in samples]),
        first_at_place=times([sample.reply_ms for sample in samples if sample.number == 0]),
        after_pause=times([sample.reply_ms for sample in samples if sample.number == KEYS_BEFORE_PAUSE]),
        outside_feature=times(
            [sample.reply_ms - sample.feature_ms for sample in samples if sample.feature_ms is not None]
        ),
        late=times([sample.late_ms for sample in samples]),
        shown=sum(sample.answer is Answer.SHOWN for sample in samples),
        failed=sum(sample.answer not in (Answer.SHOWN, Answer.EMPTY) for sample in samples),
        cpu_ms_per_key=1000 * cpu_s / max(1, len(samples)),
        load=round(os.getloadavg()[0], 2),
        replies_ms=tuple(round(sample.reply_ms, 2) for sample in samples),
    )


async def _until_ready(reader: Reader) -> None:
    deadline = time.monotonic() + _INDEX_TIMEOUT_S
    while not _is_ready(reader):
        if time.monotonic() > deadline:
            raise IndexUnavailable("The index does not get ready; try: fimble index build")
        await asyncio.sleep(_POLL_S)


def _is_ready(reader: Reader) -> bool:
    progress = reader.progress()
    is_alive = progress.pid > 0 and psutil.pid_exists(progress.pid)
    is_all = not (progress.to_read or progress.to_parse or progress.wordless)
    return is_alive and progress.stage is Stage.READY and is_all


async def _engine_alone(engine: Engine, text: str) -> list[float]:
    """Returns how long the engine's process takes to answer by itself, for prompts of which the end is new."""
    prompt = text[:_PROMPT_CHARACTERS]
    found = []
    await engine.load()  # Connecting is not part of it.
    for number in range(_ENGINE_TRIES):
        request = Generate(id=0, parts=[TextPart(f"{prompt}value_{number} =")], tokens_max=_TOKENS_MAX)
        began_s = time.perf_counter()
        async with contextlib.aclosing(engine.generate(request)) as frames:
            async for _ in frames:
                pass
        found.append((time.perf_counter() - began_s) * 1000)
    return found


def _workspace(
    workspace: Path | None, kept: Path, wishes: Wishes, on_step: OnStep
) -> tuple[Path, tuple[LongFile, ...]]:
    if workspace is not None:
        found = [one for one in long_files(workspace, seed=wishes.seed) if has_places(one)]
        if not found:
            raise SettingsInvalid(f"{workspace} has no Python or TypeScript file with functions to type in.")
        return workspace, tuple(found)
    root = kept / f"workspace-{wishes.files}-{wishes.seed}"
    on_step(f"making {wishes.files} files")
    return root, make_workspace(root, files=wishes.files, seed=wishes.seed)
