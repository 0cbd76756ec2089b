"""The process that parses open documents: it reads edits from its standard input and writes symbols to its output.

It has one thread. While the parser runs, it looks for new edits from time to time, which supersede what it is doing.
It ends when its input ends, and it is ended by a signal when the parser does not come back, see `StallAlarm`.
"""

import contextlib
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from fimble.index.buffers.buffer import Buffer, Outcome
from fimble.index.buffers.messages import (
    Answer,
    Change,
    Close,
    Declined,
    Open,
    Parsed,
    Request,
    Working,
    encode,
    take_requests,
)
from fimble.index.buffers.surface import surface_hash
from fimble.index.languages import grammar_of, language_named
from fimble.index.symbols import FileSymbols

# After a keystroke the parser has this long; what takes longer is for when nobody types.
KEYSTROKE_PARSE_S: Final = 0.25
# Nobody types when nothing arrived for this long.
IDLE_S: Final = 0.2
# What one uninterrupted step may take; in processor time, so that a busy machine or a closed lid changes nothing.
# The slowest real step that was measured is half a second, for a query of 4 MiB.
STALL_CPU_S: Final = 4.0
SYMBOLS_MAX: Final = 20_000
_LOOK_INTERVAL_S: Final = 0.001
_COLLECTED_AFTER: Final = 100_000
_READ_BYTES: Final = 1024 * 1024


class Alarm(Protocol):
    """Ends the process when a step takes too long."""

    def set(self) -> None:
        """Starts the time of a step."""

    def clear(self) -> None:
        """Says that no step is under way."""


class StallAlarm:
    """Lets the system end this process when it computes for too long without setting the alarm again.

    Nothing else helps: while the parser recovers from errors it calls nobody back, and no handler of Python runs.
    """

    def __init__(self, limit_s: float = STALL_CPU_S) -> None:
        self._limit_s = limit_s
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def set(self) -> None:
        """Starts the time of a step."""
        signal.setitimer(signal.ITIMER_PROF, self._limit_s)

    def clear(self) -> None:
        """Says that no step is under way."""
        signal.setitimer(signal.ITIMER_PROF, 0)


class Inbox:
    """Requests as they arrive through a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._received = bytearray()
        self._requests: list[Request] = []
        self._has_ended = False

    def take(self, timeout_s: float | None) -> list[Request] | None:
        """Returns what has arrived, waiting for it up to a time; None once the pipe has ended."""
        if not self._requests and not self._has_ended:
            self._read(timeout_s)
        requests, self._requests = self._requests, []
        return None if self._has_ended and not requests else requests

    def look(self) -> list[Request]:
        """Returns what has arrived and was not taken yet, without taking it."""
        if not self._has_ended:
            self._read(0)
        return self._requests

    def _read(self, timeout_s: float | None) -> None:
        # A frame may come in pieces; the first wait is the long one.
        while select.select([self._descriptor], [], [], timeout_s)[0]:
            piece = os.read(self._descriptor, _READ_BYTES)
            self._has_ended = not piece
            self._received += piece
            self._requests.extend(take_requests(self._received))
            if self._has_ended or self._requests:
                return
            timeout_s = 0 if timeout_s == 0 else None


@dataclass(slots=True)
class _Document:
    number: int
    sequence: int
    buffer: Buffer
    is_told: bool = False
    """Whether its symbols were ever sent."""


class Worker:
    """Keeps the buffers up to date; `inbox` is where requests come from, `answer` takes what there is to tell."""

    def __init__(
        self,
        inbox: Inbox,
        answer: Callable[[Answer], None],
        alarm: Alarm,
        *,
        clock: Callable[[], float] = time.monotonic,
        idle_s: float = IDLE_S,
        keystroke_parse_s: float = KEYSTROKE_PARSE_S,
    ) -> None:
        self._inbox = inbox
        self._answer = answer
        self._alarm = alarm
        self._clock = clock
        self._idle_s = idle_s
        self._keystroke_parse_s = keystroke_parse_s
        self._documents: dict[int, _Document] = {}
        # Numbers of documents with edits that were not looked at, and of those that are to be put in order when
        # nobody types; the latest last.
        self._edited: dict[int, None] = {}
        self._unsettled: dict[int, None] = {}
        self._looked_s = 0.0

    def run(self) -> None:
        """Works until the inbox ends."""
        while True:
            timeout_s = 0.0 if self._edited else self._idle_s if self._unsettled else None
            requests = self._inbox.take(timeout_s)
            if requests is None:
                return
            for request in requests:
                self._apply(request)
            if self._edited:
                # The document that was edited last is the one that somebody is looking at.
                self._bring_up_to_date(self._documents[self._edited.popitem()[0]])
            elif not requests and self._unsettled:
                self._settle(self._documents[self._unsettled.popitem()[0]])
            self._alarm.clear()

    def _apply(self, request: Request) -> None:
        number = request.document
        self._edited.pop(number, None)
        if isinstance(request, (Open, Close)):
            self._documents.pop(number, None)
            self._unsettled.pop(number, None)
        if isinstance(request, Close):
            return
        if isinstance(request, Open):
            language = language_named(request.language)
            grammar = grammar_of(language) if language is not None else None
            if grammar is None:
                self._answer(Declined(number))
                return
            self._documents[number] = _Document(number, request.sequence, Buffer(grammar, request.source))
        elif (document := self._documents.get(number)) is not None:
            document.buffer.edit(request.start, request.old_end, request.new)
            document.sequence = request.sequence
        else:
            return
        self._edited[number] = None

    def _bring_up_to_date(self, document: _Document) -> None:
        self._answer(Working(document.number))
        self._alarm.set()
        # A first parse is worth its end even if the text has changed since: the next one will be quick.
        deadline_s = self._keystroke_parse_s if document.is_told else float("inf")
        supersede = (Open, Change, Close) if document.is_told else (Open, Close)

        def is_superseded() -> bool:
            return self._is_time_to_look() and any(
                request.document == document.number and isinstance(request, supersede) for request in self._inbox.look()
            )

        if document.buffer.reparse(deadline_s, is_superseded) is Outcome.UP_TO_DATE:
            self._tell(document, is_idle=False)
        else:
            self._unsettled[document.number] = None

    def _settle(self, document: _Document) -> None:
        self._answer(Working(document.number))
        self._alarm.set()
        buffer = document.buffer

        def is_superseded() -> bool:
            return self._is_time_to_look() and bool(self._inbox.look())

        outcome = buffer.reparse(is_superseded=is_superseded)
        if outcome is Outcome.UP_TO_DATE and buffer.needs_fresh_parse:
            outcome = buffer.reparse(is_superseded=is_superseded, is_fresh=True)
        if outcome is Outcome.UP_TO_DATE:
            self._tell(document, is_idle=True)
        else:
            self._unsettled[document.number] = None

    def _tell(self, document: _Document, *, is_idle: bool) -> None:
        self._alarm.set()
        buffer = document.buffer
        is_settled = (is_idle or not document.is_told) and not buffer.needs_fresh_parse
        if is_settled:
            self._unsettled.pop(document.number, None)
        else:
            self._unsettled[document.number] = None
        if not is_settled and not buffer.outline_changed and not buffer.names_moved_unevenly:
            self._answer(Parsed(document.number, document.sequence, is_settled))
            return
        symbols, stale = buffer.symbols()
        surface = surface_hash(symbols)
        if len(symbols.symbols) > SYMBOLS_MAX:
            kept = symbols.symbols[:SYMBOLS_MAX]
            symbols = FileSymbols(symbols.language, kept, symbols.imports[:SYMBOLS_MAX], symbols.is_broken)
            stale = tuple(number for number in stale if number < SYMBOLS_MAX)
        document.is_told = True
        encoded = msgspec.msgpack.encode(symbols)
        self._answer(Parsed(document.number, document.sequence, is_settled, surface, stale, encoded))

    def _is_time_to_look(self) -> bool:
        now_s = self._clock()
        if now_s - self._looked_s < _LOOK_INTERVAL_S:
            return False
        self._looked_s = now_s
        self._alarm.set()
        return True


def main(arguments: Sequence[str]) -> None:
    """Serves the process at the other end of standard input and output; an argument sets the alarm's limit."""
    # An interrupt at the terminal is for the language server, the end of which ends the input here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = os.dup(sys.stdout.fileno())
    # Nothing else may write into the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Rows by the ten thousand hold no cycles; looking for some takes as long as a keystroke.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)

    def answer(frame: Answer) -> None:
        unsent = memoryview(encode(frame))
        while unsent:
            unsent = unsent[os.write(output, unsent) :]

    alarm = StallAlarm(float(arguments[0])) if arguments else StallAlarm()
    # A broken pipe: the language server is gone, and with it everybody who wanted to know.
    with contextlib.suppress(BrokenPipeError):
        Worker(Inbox(sys.stdin.fileno()), answer, alarm).run()


if __name__ == "__main__":
    main(sys.argv[1:])
