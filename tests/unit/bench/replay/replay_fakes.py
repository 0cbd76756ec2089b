"""A system whose answers and latencies are scripted, and a clock that jumps, so that figures come out exact."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fimble.bench.replay.keys import Buffer, Key, Segment
from fimble.bench.replay.oracle import VirtualTimeLoop
from fimble.bench.replay.screen import Screen
from fimble.bench.replay.system import Costs, Traffic

Result = TypeVar("Result")
Answer = tuple[float, str] | None


class ScriptedSystem:
    """Answers each key after a delay in seconds, unless the next key comes first, as an editor cancels."""

    def __init__(self, answer: Callable[[Buffer], Answer]) -> None:
        self._answer = answer
        self._screen: Screen | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.accepted_texts: list[tuple[str, object, int, bool]] = []
        self.is_gone = False

    def enter(self, buffer: Buffer, screen: Screen) -> None:
        self._screen = screen

    def typed(self, buffer: Buffer, text: str) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        answer, screen = self._answer(buffer), self._screen
        if answer is not None and screen is not None:
            delay_s, shown = answer
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay_s, lambda: screen.show(shown, origin="item"))
        return True

    def accepted(self, buffer: Buffer, text: str, origin: object, total: int, *, is_whole: bool) -> bool:
        self.accepted_texts.append((text, origin, total, is_whole))
        return self.typed(buffer, text)

    async def leave(self) -> None:
        self.is_gone = True

    async def costs(self) -> Costs:
        return Costs()

    def take_traffic(self) -> Traffic:
        return Traffic()


def segment(gold: str, *, gap_s: float, is_end_known: bool = True) -> Segment:
    """A segment of single characters at even gaps."""
    return Segment(
        buffer=Buffer("a.py", "", "\n"), keys=tuple(Key(sign, gap_s) for sign in gold), is_end_known=is_end_known
    )


def in_virtual_time(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs `work` on a clock that jumps."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
