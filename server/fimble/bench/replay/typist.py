"""Somebody who types a segment, sees what is suggested, and accepts what is right (model A of the evaluation notes)."""

import asyncio
import itertools
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from fimble.bench.replay.keys import Segment
from fimble.bench.replay.screen import Screen, Shown, Span
from fimble.bench.replay.system import System

# A suggestion that was on the screen for less has not been read.
READING_S: Final = 0.15
# Accepting costs a press of its own, and saves two characters at least.
ACCEPTED_MIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """A key that an acceptance spared: the pause there would have been before it, and how much accepted text then."""

    gap_s: float
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press: a typed key, or the one that accepts. `rest` is what is left to type after it."""

    at_s: float
    text: str
    rest: str
    is_accept: bool = False
    is_asking: bool = True
    spared: tuple[Spared, ...] = ()


@dataclass(slots=True, kw_only=True)
class Timeline:
    """What happened while a segment was typed; `keys` is how many presses it takes without suggestions."""

    gold: str
    keys: int
    is_end_known: bool
    presses: list[Press] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


async def type_segment(
    system: System, segment: Segment, *, speed: float = 1.0, settle_s: float = 0.0, accepts: bool = True
) -> Timeline:
    """Types a segment on the running loop's clock, `speed` times as fast as it was; returns what happened.

    The typist looks at the document for `settle_s` first. A press comes when the next key is due: where a suggestion
    can be accepted then, the press accepts it; otherwise the key is typed. After the last key nobody asks, since the
    typist goes elsewhere.
    """
    loop = asyncio.get_running_loop()
    screen = Screen(loop.time)
    gold, buffer = segment.gold, segment.buffer
    ends = list(itertools.accumulate(len(key.text) for key in segment.keys))
    timeline = Timeline(gold=gold, keys=len(segment.keys), is_end_known=segment.is_end_known, spans=screen.spans)
    system.enter(buffer, screen)
    await asyncio.sleep(settle_s)
    due_s, done = loop.time(), 0
    while done < len(gold):
        number = bisect_right(ends, done)
        due_s += segment.keys[number].gap_s / speed
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        # A machine that comes late does not make the typist faster afterwards.
        due_s = loop.time()
        shown = screen.shown
        length = accepted_length(shown, gold[done:], due_s) if accepts else 0
        text = gold[done : done + length] if length else gold[done : ends[number]]
        spared = tuple(
            Spared(gap_s=key.gap_s / speed, characters=done + len(text) - end)
            for end, key in zip(ends[number:], segment.keys[number + 1 :], strict=False)
            if end < done + len(text)
        )
        done += len(text)
        buffer = buffer.typed(text)
        screen.pressed(text, due_s)
        is_asking = False
        if done < len(gold):
            if length and shown is not None:
                is_asking = system.accepted(
                    buffer, text, shown.origin, shown.passed + length, is_whole=length == len(shown.text)
                )
            else:
                is_asking = system.typed(buffer, text)
        timeline.presses.append(
            Press(at_s=due_s, text=text, rest=gold[done:], is_accept=length > 0, is_asking=is_asking, spared=spared)
        )
    screen.close()
    return timeline


def accepted_length(shown: Shown | None, rest: str, now_s: float) -> int:
    """Returns how many characters of what is shown are accepted, 0 for none.

    That is all of it, or its first line, if `rest` begins with that; the suggestion has been on the screen for
    `READING_S` by then, typed along or not, and `ACCEPTED_MIN` characters or more come with one press.
    """
    if shown is None or now_s - shown.since_s < READING_S - 1e-9:
        return 0
    for text in (shown.text, first_line(shown.text)):
        if len(text) >= ACCEPTED_MIN and rest.startswith(text):
            return len(text)
    return 0


def first_line(text: str) -> str:
    """Returns the first line of ghost text; a line end that it begins with belongs to it."""
    start = len(text) - len(text.lstrip("\r\n"))
    end = text.find("\n", start)
    return text if end < 0 else text[:end].removesuffix("\r")
