"""What is remembered of one document between two keystrokes: its anchor, and what was written for it."""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine

from fimble.errors import FimbleError
from fimble.features.completion.context import NOTHING
from fimble.features.completion.frame import Frames
from fimble.features.completion.suggestion import CompletionQuery
from fimble.features.completion.writing import Reading, Writing
from fimble.prompting.anchor import Anchor

# What was written a while ago still helps somebody who deletes what they typed.
WRITINGS_MAX = 16
DOCUMENTS_MAX = 32
# A text that nobody has asked for in this time is given up: the user has gone elsewhere.
LINGER_S = 2.0
# Whoever does not type for so long thinks: 7.1 % of all gaps between keystrokes in a real session reach 1 s, 4.3 % 2 s.
# On the development part of the replay, 1.5 s instead of 1 s read 15 % fewer tokens, with as many suggestions in time.
PAUSE_S = 1.5


class Session:
    """One document."""

    def __init__(self, window: str, call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]) -> None:
        self.window = window
        self.anchor: Anchor | None = None
        self.reading: Reading | None = None
        self.query: CompletionQuery | None = None
        self.is_grown = False
        self.context = NOTHING
        self.shown_context = NOTHING
        self.line_of_context = -1
        self._writings: deque[Writing] = deque(maxlen=WRITINGS_MAX)
        self._call_later = call_later
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._in_pause: asyncio.Task[None] | None = None
        self._reading_ahead: Reading | None = None
        self._is_left = False

    def move(self, anchor: Anchor, reading: Reading, *, is_grown: bool) -> None:
        """Takes a new anchor, whose prompt `reading` reads; what was written for the old one is of no use there.

        `is_grown` tells that it shows all that a prompt may hold, the context included.
        """
        self.stop()
        for other in (self.reading, self._reading_ahead):
            if other is not None and other is not reading:
                other.stop()
        self.anchor, self.reading, self.is_grown = anchor, reading, is_grown
        self.shown_context = self.context if is_grown else NOTHING
        self._writings.clear()

    def read_ahead(self, reading: Reading) -> None:
        """Takes what is read for a next anchor; it ends where the user goes elsewhere before it is done."""
        self._reading_ahead = reading

    def find(self, typed: str) -> Writing | None:
        """Returns the newest text that goes on where `typed` ends, and more than ends there if there is one."""
        along = [writing for writing in reversed(self._writings) if writing.goes_along(typed)]
        return next((writing for writing in along if len(writing.text) > len(typed) or writing.is_running), None) or (
            along[0] if along else None
        )

    def add(self, writing: Writing) -> None:
        """Remembers a text; others that are still being written end."""
        self.stop()
        self._writings.append(writing)

    def add_alternative(self, writing: Writing) -> None:
        """Remembers a text that is gone on with only where no other goes along with what is typed."""
        while len(self._writings) >= WRITINGS_MAX:
            self._writings.popleft()
        self._writings.appendleft(writing)

    def hold(self) -> None:
        """Lets what is being written go on as long as a question waits for it."""
        if self._timer is not None:
            self._timer.cancel()

    def linger(self) -> None:
        """Lets what is being written go on for a while without a question that waits for it."""
        self.hold()
        self._timer = self._call_later(LINGER_S, self.stop)

    def in_pause(self, query: CompletionQuery, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Does `work` once nobody has asked anything after `query` for a while; one at a time."""
        if self._is_left:
            return
        self.query = query
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._call_later(PAUSE_S, lambda: self._start(work))

    def _start(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        if self._in_pause is None or self._in_pause.done():
            self._in_pause = asyncio.ensure_future(self._do(work))

    async def _do(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        with contextlib.suppress(FimbleError):  # Nobody waits for it; the next question hears what is wrong.
            await work()

    def leave(self) -> None:
        """Ends what is done ahead, for when the user has turned to another document."""
        self._is_left = True
        self.stop()
        for timer in (self._timer, self._pause):
            if timer is not None:
                timer.cancel()
        if self._in_pause is not None:
            self._in_pause.cancel()
        if self._reading_ahead is not None and self._reading_ahead is not self.reading:
            self._reading_ahead.stop()

    def enter(self) -> None:
        """Takes that the user is in this document."""
        self._is_left = False

    def end(self) -> None:
        """Ends all work."""
        self.leave()
        if self.reading is not None:
            self.reading.stop()

    def stop(self) -> None:
        """Ends what is being written."""
        for writing in self._writings:
            if writing.is_running:
                writing.stop()


class Sessions:
    """The documents that were completed last, by the name of their window, and the frames of the last questions."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self.frames = Frames()

    def of(self, window: str) -> Session:
        """Returns the session of a window, and leaves that of the last one; the oldest of many is forgotten."""
        if self._sessions and (last := next(reversed(self._sessions))) != window:
            self._sessions[last].leave()
        session = self._sessions.get(window)
        if session is None:
            session = self._sessions[window] = Session(window, asyncio.get_running_loop().call_later)
            if len(self._sessions) > DOCUMENTS_MAX:
                self._sessions.popitem(last=False)[1].end()
        self._sessions.move_to_end(window)
        session.enter()
        return session

    def forget(self) -> None:
        """Ends and forgets everything, for when another model answers."""
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()
