"""Replays a plan with Fimble and with llama.vim's policy by turns, on one machine, model file and engine library."""

import asyncio
import contextlib
import os
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from fimble import folders
from fimble.bench.engine_place import own_place
from fimble.bench.llama_process import engine_threads
from fimble.bench.replay.keys import Session
from fimble.bench.replay.metrics import Figures, Percentiles, delays_s, figures
from fimble.bench.replay.oracle import oracle_timelines
from fimble.bench.replay.ours import Fimble
from fimble.bench.replay.peer import LlamaVim
from fimble.bench.replay.peer_engine import PeerSettings, peer_engine
from fimble.bench.replay.plan import Plan
from fimble.bench.replay.system import Costs, System, Traffic
from fimble.bench.replay.typist import Timeline, type_segment
from fimble.errors import ModelRefused
from fimble.models import store
from fimble.models.catalogue import find_card

OURS: Final = "ours"
PEER: Final = "peer"
ORACLE: Final = "oracle"
# A typist looks at the text before typing; nobody opens a file with the hand on a key.
SETTLE_S: Final = 2.0
_SCRIPTED: Final = "scripted"

OnStep = Callable[[str], None]


@dataclass(slots=True)
class Typed:
    """What one system did in one run."""

    timelines: list[Timeline] = field(default_factory=list)
    costs: Costs = field(default_factory=lambda: Costs(critical_prompt_tokens=0, prompt_tokens=0, generated_tokens=0))
    traffic: Traffic = field(default_factory=Traffic)

    def figures(self) -> Figures:
        """Returns the figures of the run."""
        return figures(self.timelines, self.costs, self.traffic)

    def distribution(self) -> "Distribution":
        """Returns the times behind the percentiles."""
        delays = [delay for timeline in self.timelines for delay in delays_s(timeline)]
        return Distribution(
            asked=len(delays),
            delay_ms=tuple(round(1000 * max(0.0, delay), 1) for delay in delays if delay is not None),
            cached_ms=tuple(round(value, 1) for value in self.traffic.cached_ms),
            model_ms=tuple(round(value, 1) for value in self.traffic.model_ms),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Times in milliseconds: until a suggestion was on the screen, of those `asked` keys that got one at all, and
    until answers with a text came, from a cache or from the model.
    """

    asked: int = 0
    delay_ms: tuple[float, ...] = ()
    cached_ms: tuple[float, ...] = ()
    model_ms: tuple[float, ...] = ()

    def __add__(self, other: "Distribution") -> "Distribution":
        return Distribution(
            asked=self.asked + other.asked,
            delay_ms=self.delay_ms + other.delay_ms,
            cached_ms=self.cached_ms + other.cached_ms,
            model_ms=self.model_ms + other.model_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The figures of each run by system, how the engines were set up, and the times of all runs together."""

    runs: tuple[dict[str, Figures], ...]
    setup: dict[str, Any]
    distributions: dict[str, Distribution] = field(default_factory=dict)

    def medians(self) -> dict[str, dict[str, Any]]:
        """Returns for each system its figures, each the median of all runs."""
        return self.merged(statistics.median)

    def merged(self, of: Callable[[Sequence[float]], float]) -> dict[str, dict[str, Any]]:
        """Returns for each system its figures, each `of` the values of all runs: their least, for example."""
        return {name: asdict(merged_figures([run[name] for run in self.runs], of)) for name in (OURS, PEER, ORACLE)}


async def measure(plan: Plan, *, model: str, speed: float, runs: int, on_step: OnStep) -> Replay:
    """Types the plan's sessions `runs` times; both systems have each session before the next one comes.

    Raises:
        ModelError: the model is unknown or not there.
        EngineError: an engine does not start.
    """
    found: list[dict[str, Figures]] = []
    setup: dict[str, Any] = {}
    distributions = {name: Distribution() for name in (OURS, PEER)}
    for number in range(runs):
        # Each run begins with engines that have read nothing.
        async with _systems(plan, model) as (systems, engines):
            setup = engines
            typed = {name: Typed() for name in systems}
            for index, session in enumerate(plan.sessions):
                # What warms the machine, or disturbs it, comes before the one as often as before the other.
                names = list(systems) if (index + number) % 2 == 0 else list(systems)[::-1]
                for name in names:
                    on_step(
                        f"run {number + 1} of {runs}, session {index + 1} of {len(plan.sessions)}: "
                        f"{session.name}, {name}"
                    )
                    await type_session(systems[name], session, typed[name], speed=speed)
        for name, one in typed.items():
            distributions[name] += one.distribution()
        oracle = await asyncio.to_thread(_oracle_figures, plan, speed)
        found.append({**{name: one.figures() for name, one in typed.items()}, ORACLE: oracle})
    return Replay(runs=tuple(found), setup=setup, distributions=distributions)


async def type_session(
    system: System, session: Session, typed: Typed, *, speed: float, settle_s: float = SETTLE_S
) -> None:
    """Types one session with one system, and adds to `typed` what came of it."""
    before = await system.costs()
    for index, segment in enumerate(session.segments):
        timeline = await type_segment(system, segment, speed=speed, settle_s=0.0 if index else settle_s)
        typed.timelines.append(timeline)
    await system.leave()
    typed.costs += (await system.costs()).since(before)
    typed.traffic.add(system.take_traffic())


def merged_figures(runs: Sequence[Figures], of: Callable[[Sequence[float]], float]) -> Figures:
    """Returns `of` the values of each figure, such as their median; None where a run has none."""
    merged: dict[str, Any] = {}
    for one in fields(Figures):
        values = [getattr(run, one.name) for run in runs]
        if isinstance(values[0], Percentiles):
            names = [part.name for part in fields(Percentiles)]
            merged[one.name] = Percentiles(*(_of([getattr(value, name) for value in values], of) for name in names))
        else:
            merged[one.name] = _of(values, of)
    return Figures(**merged)


def _of(values: Sequence[Any], of: Callable[[Sequence[float]], float]) -> Any:
    if any(value is None for value in values):
        return None
    return values[0] if len(set(values)) == 1 else of(values)


def _oracle_figures(plan: Plan, speed: float) -> Figures:
    """Returns the bound: what is usable while every key is typed, and what accepting all of it saves."""
    segments = [segment for session in plan.sessions for segment in session.segments]
    free = Costs(critical_prompt_tokens=0, prompt_tokens=0, generated_tokens=0)
    typing = figures(oracle_timelines(segments, speed=speed, accepts=False), free, Traffic())
    accepting = figures(oracle_timelines(segments, speed=speed, accepts=True), free, Traffic())
    merged = {one.name: getattr(typing, one.name) for one in fields(Figures)}
    return Figures(**{**merged, "keystrokes_saved": accepting.keystrokes_saved, "accepted": accepting.accepted})


@contextlib.asynccontextmanager
async def _systems(plan: Plan, model: str) -> AsyncIterator[tuple[dict[str, System], dict[str, Any]]]:
    """Runs both engines; in the end they and all folders are gone."""
    model_file = await asyncio.to_thread(_model_file, model)
    async with own_place(model) as place, contextlib.AsyncExitStack() as stack:
        home = place.folder.parent
        workspace = await asyncio.to_thread(_make_workspace, home, plan)
        ours = await stack.enter_async_context(Fimble(workspace, model=model, environment=_environment(home)))
        engine = place.client("fimble bench replay")
        try:
            status = await engine.status()
        finally:
            await engine.close()
        settings = PeerSettings(
            model_file=os.fspath(model_file), context_tokens=status.context_tokens, threads=engine_threads()
        )
        peer = await stack.enter_async_context(peer_engine(settings))
        setup = {
            "model": status.model,
            "backend": status.backend,
            "context_tokens": status.context_tokens,
            "peer_engine": asdict(settings),
        }
        yield {OURS: ours, PEER: LlamaVim(peer.infill, seed=plan.seed)}, setup


def _model_file(model: str) -> Path:
    """Returns the file that both systems read.

    Raises:
        ModelError: there is none, or llama.cpp cannot read it.
    """
    card = find_card(model)
    if card.backend != "llamacpp":
        raise ModelRefused(f"{card.name} does not run by llama.cpp, and so not with the policy that is compared with.")
    if card.name == _SCRIPTED or not card.files:
        raise ModelRefused(f"{card.name} is no model that llama.cpp can read.")
    ready = store.ready_path(card)
    return ready if ready.is_file() else ready / card.files[0].name


def _make_workspace(home: Path, plan: Plan) -> Path:
    """Makes a workspace with the plan's documents as they are when each session begins, and returns it.

    The home gets the user's models, but a cache and an index of its own.
    """
    workspace = home / "workspace"
    for session in reversed(plan.sessions):
        buffer = session.segments[0].buffer
        file = workspace / buffer.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(buffer.text.encode("utf-8", "replace"))
    (home / "cache").mkdir()
    (home / "cache" / "models").symlink_to(folders.models_folder().absolute())
    return workspace


def _environment(home: Path) -> dict[str, str]:
    """Returns what keeps the server off the user's own engine, settings, index, statistics and logs."""
    return {
        "XDG_RUNTIME_DIR": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_DATA_HOME": str(home / "data"),
        "FIMBLE_CACHE": str(home / "cache"),
        "FIMBLE_CONFIG": str(home / "config.toml"),
    }
