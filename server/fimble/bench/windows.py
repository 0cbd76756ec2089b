"""`fimble bench windows`: several editor windows type at once; every request must be answered exactly once.

Each window is a real language server process. A window types a file character by character with the gaps of a person,
asks for ghost text after each, and cancels or abandons what it asked before, as editors do.
"""

import asyncio
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import EngineStatus
from fimble.lsp.client import Answer, LanguageServerClient

# Gaps between keys in seconds, and their weights: the shape of the 92-minute session in DESIGN.md's measured facts.
_GAPS_S = ((0.08, 0.50), (0.15, 0.25), (0.25, 0.07), (0.4, 0.06), (0.7, 0.05), (1.5, 0.07))
_SETTLE_S = 1.0
_ANSWER_TIMEOUT_S = 60.0
_TEXT = '''"""Inventory of a small shop."""


class Item:
    """A thing that is sold, with its price in cents."""

    def __init__(self, name: str, price: int) -> None:
        self.name = name
        self.price = price


class Inventory:
    """Items and how many of them there are."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.counts: dict[str, int] = {}

    def add(self, item: Item, count: int = 1) -> None:
        """Add some pieces of an item."""
        self.items[item.name] = item
        self.counts[item.name] = self.counts.get(item.name, 0) + count

    def total(self) -> int:
        """Return the value of everything, in cents."""
        return sum(self.items[name].price * count for name, count in self.counts.items())
'''


@dataclass(slots=True)
class Tally:
    """What one window saw."""

    keys: int = 0
    answers: Counter[Answer] = field(default_factory=Counter[Answer])
    unanswered: int = 0
    answered_twice: int = 0
    latencies_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What all windows together saw; times in milliseconds.

    `jobs_left` is what the engine still had to do one second after everybody stopped, `engines` the number of engine
    processes that answered.
    """

    windows: int
    seconds: float
    keys: int
    shown: int
    empty: int
    superseded: int
    cancelled: int
    failed: int
    unanswered: int
    answered_twice: int
    jobs_left: int
    engines: int
    rss_bytes: int
    latency_p50_ms: float
    latency_p90_ms: float


async def storm(engine: Engine, workspace: Path, *, windows: int, seconds: float, seed: int = 1) -> Storm:
    """Lets `windows` editors type for `seconds`, and counts the answers."""
    before = await engine.load()
    started = time.monotonic()
    tallies = await asyncio.gather(
        *(_type_along(workspace / f"window_{number}.py", seconds, seed + number) for number in range(windows))
    )
    elapsed = time.monotonic() - started
    await asyncio.sleep(_SETTLE_S)
    after: EngineStatus = await engine.status()
    latencies = sorted(latency for tally in tallies for latency in tally.latencies_ms)
    answers = sum((tally.answers for tally in tallies), Counter[Answer]())
    return Storm(
        windows=windows,
        seconds=elapsed,
        keys=sum(tally.keys for tally in tallies),
        shown=answers[Answer.SHOWN],
        empty=answers[Answer.EMPTY],
        superseded=answers[Answer.SUPERSEDED],
        cancelled=answers[Answer.CANCELLED],
        failed=answers[Answer.FAILED],
        unanswered=sum(tally.unanswered for tally in tallies),
        answered_twice=sum(tally.answered_twice for tally in tallies),
        jobs_left=after.queued + after.running,
        engines=len({before.pid, after.pid}),
        rss_bytes=after.rss_bytes,
        latency_p50_ms=statistics.median(latencies) if latencies else 0.0,
        latency_p90_ms=latencies[int(len(latencies) * 0.9)] if latencies else 0.0,
    )


async def _type_along(file: Path, seconds: float, seed: int) -> Tally:
    source = random.Random(seed)  # noqa: S311 - a simulated typist.
    # Half of the windows cancel what they asked before, as VS Code does; Neovim leaves that to the server.
    cancels = seed % 2 == 0
    tally = Tally()
    asked: dict[str, asyncio.Task[Answer]] = {}
    async with LanguageServerClient(file.parent) as client:
        client.open(file, "python", "")
        deadline = time.monotonic() + seconds
        previous = ""
        line = character = written = 0
        while time.monotonic() < deadline:
            if written == len(_TEXT):
                client.replace_all(file, "")
                line = character = written = 0
            sign = _TEXT[written]
            client.insert(file, line, character, sign)
            line, character = (line + 1, 0) if sign == "\n" else (line, character + 1)
            written += 1
            tally.keys += 1
            if cancels and previous and not asked[previous].done():
                client.cancel(previous)
            previous = f"{seed}-{tally.keys}"
            asked[previous] = task = asyncio.create_task(client.ask(previous, file, line, character))
            task.add_done_callback(partial(_note, tally, time.monotonic()))
            gaps, weights = zip(*_GAPS_S, strict=True)
            await asyncio.sleep(source.choices(gaps, weights)[0] * source.uniform(0.6, 1.4))
        await asyncio.wait(asked.values(), timeout=_ANSWER_TIMEOUT_S)
        tally.unanswered = sum(client.replies[id] == 0 for id in asked)
        tally.answered_twice = sum(client.replies[id] > 1 for id in asked)
    return tally


def _note(tally: Tally, asked_at: float, task: "asyncio.Task[Answer]") -> None:
    if task.cancelled():
        return
    tally.answers[task.result()] += 1
    if task.result() is Answer.SHOWN:
        tally.latencies_ms.append((time.monotonic() - asked_at) * 1000)
