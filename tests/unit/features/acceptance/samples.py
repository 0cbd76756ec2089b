"""Questions, suggestions and rows to begin with, and a clock and timers that a test moves by hand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from fimble.features.acceptance.store import Row
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

ROW = Row(
    key=1,
    time_s=1_000_000.0,
    language="python",
    model="small",
    trigger="automatic",
    is_confirmed=False,
    characters=10,
    lines=1,
    latency_ms=100.0,
    prompt_tokens=400,
    cached_tokens=390,
    expected_wrong=None,
    mean_log_probability=None,
    rules="",
    ending="typed-over",
    seen_ms=1000.0,
    typed_characters=0,
    accepted_characters=0,
    accepts=0,
    is_whole=False,
    is_wanted=False,
)


def row(key: int, **changes: Any) -> Row:
    return replace(ROW, key=key, **changes)


def query(marked: str, *, uri: str = "file:///w/a.py", is_manual: bool = False) -> CompletionQuery:
    """Returns the question at `$0` in a document."""
    before, after = marked.split("$0")
    snapshot = Snapshot(uri=uri, path="a.py", language="python", version=1, text=Text(before + after))
    return CompletionQuery(snapshot=snapshot, offset=len(before), repository="w", window=uri, is_manual=is_manual)


def suggestion(text: str, offset: int = 0, **changes: Any) -> Suggestion:
    return Suggestion(text=text, offset=offset, model="small", **changes)


@dataclass
class _Timer:
    due_s: float
    call: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self._timers: list[_Timer] = []

    def __call__(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        timer = _Timer(self.now_s + delay_s, call)
        self._timers.append(timer)
        return cast(asyncio.TimerHandle, timer)

    def move(self, seconds: float) -> None:
        self.now_s += seconds
        due = [timer for timer in self._timers if timer.due_s <= self.now_s]
        self._timers = [timer for timer in self._timers if timer.due_s > self.now_s]
        for timer in sorted(due, key=lambda timer: timer.due_s):
            if not timer.is_cancelled:
                timer.call()
