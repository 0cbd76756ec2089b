"""`fimble bench infill`: every task gets one generation by the real engine, which is graded raw and as it is shown."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import msgspec

from fimble.bench.circumstances import circumstances, model_hash
from fimble.bench.engine_place import own_place
from fimble.bench.infill.generation import (
    SETTINGS,
    Asked,
    Generation,
    MakeCompletion,
    asked,
    generate,
    settled,
    suggested,
)
from fimble.bench.infill.grading import Graded, graded
from fimble.bench.infill.log import Generations, write_graded
from fimble.bench.infill.report import PLOT, plot, report
from fimble.bench.infill.scores import split_scores
from fimble.bench.infill.tasks import Part, Split, Task, chosen, read_tasks
from fimble.bench.sandbox.run import Sandbox
from fimble.engine.messages.frames import EngineStatus
from fimble.models.catalogue import find_card
from fimble.providers.local import LocalEngine
from fimble.providers.provider import Provider

RESULT: Final = "result.json"
REPORT: Final = "report.md"
_GENERATION_TIMEOUT_S: Final = 600.0
_PROGRESS_INTERVAL_S: Final = 10.0
# For the first guess of the duration, before a task has been timed: characters per token of Python code (as seen with
# the default model), and speeds of two processor cores where the engine has not measured any.
_CHARACTERS_PER_TOKEN: Final = 3.3
_READ_PER_SECOND: Final = 170.0
_WRITTEN_PER_SECOND: Final = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is measured. `limit` holds per split; 0 means all. `tokens_max` is the cap of the raw text.

    `by_hand` grades what is shown when the user asks for it, rather than what is shown unasked.
    """

    splits: tuple[Split, ...] = (Split.SINGLE_LINE,)
    part: Part = Part.TEST
    limit: int = 0
    seed: int = 1
    tokens_max: int = 128
    by_hand: bool = False


async def measure(
    model: str, wishes: Wishes, *, data: Path | None, out: Path | None, on_step: Callable[[str], None]
) -> dict[str, object]:
    """Generates and grades; writes the log, the result and the report to the folder `out` if there is one.

    Raises:
        DataMissing: the tasks are not there.
        EngineError: the engine cannot serve.
        ModelError: there is no such model.
        SandboxFailed: untrusted code cannot be run here.
    """
    tasks = {split: chosen(read_tasks(data, split), wishes.part, wishes.limit, wishes.seed) for split in wishes.splits}
    card = find_card(model)
    generations = Generations(out)
    run = await asyncio.to_thread(circumstances) | {"model": card.name} | await asyncio.to_thread(model_hash, card)
    started = time.monotonic()
    async with own_place(model) as place, Sandbox() as sandbox:
        engine = place.client("fimble bench infill")
        try:
            status = await engine.load()
            filler = Filler(
                LocalEngine(engine, lambda name: card if name == card.name else find_card(name)),
                sandbox,
                generations,
                model=_identity(status, run),
                tokens_max=wishes.tokens_max,
                by_hand=wishes.by_hand,
            )
            everything = [task for those in tasks.values() for task in those]
            on_step(_expected(everything, status, wishes.tokens_max))
            done = await _all(filler, everything, on_step)
        finally:
            await engine.close()
        layers, weaknesses = sandbox.layers, sandbox.weaknesses
    run |= {
        "part": wishes.part.value,
        "limit": wishes.limit or None,
        "seed": wishes.seed,
        "raw_tokens_max": wishes.tokens_max,
        "completion_settings": asdict(SETTINGS),
        "trigger": "by hand" if wishes.by_hand else "automatic",
        "sampling": "greedy",
        "generated": filler.generated,
        "taken_from_earlier_runs": len(everything) - filler.generated,
        "seconds": round(time.monotonic() - started, 1),
        "sandbox": list(layers),
        "sandbox_weaknesses": list(weaknesses),
    }
    result: dict[str, object] = {"run": run}
    result |= {split.value: split_scores([one for one in done if one.split == split]) for split in wishes.splits}
    if out is not None:
        await asyncio.to_thread(_write, out, result, done)
    return result


class Filler:
    """Takes one task after the other through the model, the product's rules and the tests."""

    def __init__(
        self,
        provider: Provider,
        sandbox: Sandbox,
        generations: Generations,
        *,
        model: str,
        tokens_max: int,
        make: MakeCompletion = settled,
        by_hand: bool = False,
    ) -> None:
        """`model` tells this model's generations from those of others; `by_hand` grades what is shown on request."""
        self._provider = provider
        self._sandbox = sandbox
        self._generations = generations
        self._model = model
        self._tokens_max = tokens_max
        self._make = make
        self._by_hand = by_hand
        self.generated = 0

    async def fill(self, task: Task) -> Graded:
        """Returns how the model and the product fare with one task.

        Raises:
            EngineError: the engine cannot serve.
            SandboxFailed: untrusted code cannot be run here.
        """
        generation = await self._generation(task, await asked(task, self._provider, self._make))
        suggestion, has_other_prompt = await suggested(
            task, generation, self._provider, self._make, is_manual=self._by_hand
        )
        return await graded(task, generation, suggestion, has_other_prompt, self._sandbox)

    async def _generation(self, task: Task, wish: Asked) -> Generation:
        known = self._generations.find(task.id, wish.hash, self._model, self._tokens_max)
        if known is not None:
            return known
        new = await generate(
            task,
            wish,
            self._provider,
            tokens_max=self._tokens_max,
            model=self._model,
            stopped_s=_GENERATION_TIMEOUT_S,
        )
        self.generated += 1
        self._generations.add(new)
        return new


async def _all(filler: Filler, tasks: Sequence[Task], on_step: Callable[[str], None]) -> list[Graded]:
    done: list[Graded] = []
    started = told = time.monotonic()
    for task in tasks:
        done.append(await filler.fill(task))
        now = time.monotonic()
        if now - told >= _PROGRESS_INTERVAL_S or len(done) == len(tasks):
            told = now
            left_s = (now - started) / len(done) * (len(tasks) - len(done))
            raw, post = sum(one.raw.passed for one in done), sum(one.post.passed for one in done)
            on_step(
                f"{len(done)} of {len(tasks)}: {raw / len(done):.0%} pass raw, {post / len(done):.0%} as shown; "
                f"about {_duration(left_s)} left"
            )
        # Leaves room for a Ctrl-C where all generations are known and nothing waits.
        await asyncio.sleep(0)
    return done


def _write(out: Path, result: dict[str, object], done: Sequence[Graded]) -> None:
    write_graded(out, done)
    (out / RESULT).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    has_plot = plot(out / PLOT, result)
    (out / REPORT).write_text(report(result, done, has_plot=has_plot), "utf-8")


def _expected(tasks: Sequence[Task], status: EngineStatus, tokens_max: int) -> str:
    read = sum(len(task.before) + len(task.after) for task in tasks) / _CHARACTERS_PER_TOKEN
    seconds = read / (status.prefill_tps or _READ_PER_SECOND)
    # Small models seldom stop before they must.
    seconds += len(tasks) * tokens_max / (status.decode_tps or _WRITTEN_PER_SECOND)
    return f"{len(tasks)} tasks with {status.model}; at most about {_duration(seconds)}, less what an earlier run did"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _identity(status: EngineStatus, run: dict[str, object]) -> str:
    hashes = run.get("model_sha256")
    return f"{status.model} {' '.join(map(str, hashes.values()))}" if isinstance(hashes, dict) else status.model
