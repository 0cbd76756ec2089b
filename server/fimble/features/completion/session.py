"""What is remembered of one document between two keystrokes: its anchor, and what was written for it."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from fimble.features.completion.writing import Reading, Writing
from fimble.prompting.anchor import Anchor

# What was written a while ago still helps somebody who deletes what they typed.
WRITINGS_MAX = 16
DOCUMENTS_MAX = 32
# A text that nobody has asked for in this time is given up: the user has gone elsewhere.
LINGER_S = 2.0


class Session:
    """One document."""

    def __init__(self, call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]) -> None:
        self.anchor: Anchor | None = None
        self.reading: Reading | None = None
        self._writings: deque[Writing] = deque(maxlen=WRITINGS_MAX)
        self._call_later = call_later
        self._timer: asyncio.TimerHandle | None = None

    def move(self, anchor: Anchor, reading: Reading) -> None:
        """Takes a new anchor, whose prompt `reading` reads; what was written for the old one is of no use there."""
        self.stop()
        if self.reading is not None:
            self.reading.stop()
        self.anchor, self.reading = anchor, reading
        self._writings.clear()

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

    def hold(self) -> None:
        """Lets what is being written go on as long as a question waits for it."""
        if self._timer is not None:
            self._timer.cancel()

    def linger(self) -> None:
        """Lets what is being written go on for a while without a question that waits for it."""
        self.hold()
        self._timer = self._call_later(LINGER_S, self.stop)

    def stop(self) -> None:
        """Ends what is being written."""
        for writing in self._writings:
            if writing.is_running:
                writing.stop()


class Sessions:
    """The documents that were completed last, by the name of their window."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def of(self, window: str) -> Session:
        """Returns the session of a window; the one that was not used for longest is forgotten."""
        session = self._sessions.get(window)
        if session is None:
            session = self._sessions[window] = Session(asyncio.get_running_loop().call_later)
            if len(self._sessions) > DOCUMENTS_MAX:
                self._sessions.popitem(last=False)[1].stop()
        self._sessions.move_to_end(window)
        return session

    def forget(self) -> None:
        """Ends and forgets everything, for when another model answers."""
        for session in self._sessions.values():
            session.stop()
        self._sessions.clear()
