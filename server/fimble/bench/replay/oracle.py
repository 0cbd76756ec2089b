"""An oracle that shows the right text at once, as the bound of what suggestions can do, on a clock of its own."""

import asyncio
import selectors
from collections.abc import Sequence
from typing import Any

from fimble.bench.replay.keys import Buffer, Segment
from fimble.bench.replay.screen import Screen
from fimble.bench.replay.system import Costs, Traffic
from fimble.bench.replay.typist import Timeline, first_line, type_segment


class Oracle:
    """Knows what will be typed, and shows the rest of the line, or the next line where this one has ended."""

    def __init__(self, gold: str) -> None:
        """`gold` is all that will be typed."""
        self._rest = gold
        self._screen: Screen | None = None

    def enter(self, buffer: Buffer, screen: Screen) -> None:
        """Waits for the first key, like everybody."""
        self._screen = screen

    def typed(self, buffer: Buffer, text: str) -> bool:
        """Shows what comes next."""
        self._rest = self._rest[len(text) :]
        if self._screen is not None:
            self._screen.show(first_line(self._rest))
        return True

    def accepted(self, buffer: Buffer, text: str, origin: object, total: int, *, is_whole: bool) -> bool:
        """Shows what comes next."""
        return self.typed(buffer, text)

    async def leave(self) -> None:
        """Has nothing to end."""

    async def costs(self) -> Costs:
        """Costs nothing."""
        return Costs(critical_prompt_tokens=0, prompt_tokens=0, generated_tokens=0)

    def take_traffic(self) -> Traffic:
        """Sends nothing."""
        return Traffic()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer, so that waiting takes no time; for what needs no machine."""

    def __init__(self) -> None:
        """Starts at 0 s."""
        self._now_s = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Returns the virtual time in seconds."""
        return self._now_s

    def jump(self, seconds: float) -> None:
        """Moves the clock."""
        self._now_s += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self._loop.jump(timeout)
        return ready


def oracle_timelines(segments: Sequence[Segment], *, speed: float, accepts: bool) -> list[Timeline]:
    """Returns how the segments go with an oracle; takes hardly any time, and needs a thread without a loop."""

    async def run() -> list[Timeline]:
        return [await type_segment(Oracle(segment.gold), segment, speed=speed, accepts=accepts) for segment in segments]

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())
