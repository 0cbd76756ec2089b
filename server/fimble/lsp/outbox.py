"""Writes our messages to the editor from a thread of its own, so that the event loop never waits.

The queue is bounded by its bytes: progress goes first when it is full, and an editor that reads nothing at
all loses the connection.
"""

import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

QUEUED_BYTES_MAX: Final = 32 * 1024 * 1024
# A full pipe takes about this much at a time, so larger writes only wait longer.
_WRITE_BYTES: Final = 64 * 1024


class _Entry:
    __slots__ = ("data", "key")

    def __init__(self, data: bytes, key: str | None) -> None:
        self.data = data
        self.key = key


class Outbox:
    """A bounded queue of messages and the thread that writes them to a file descriptor.

    All methods may be called from any thread; `on_broken` is called from the writing thread, or from the one
    that put the message for which there was no room, at most once.
    """

    # The state below is shared by two threads and only touched while `_changed` is held. The thread takes
    # one message out of the queue, lets go of the lock, and writes; so putting one never waits for the pipe.

    def __init__(self, fd: int, on_broken: Callable[[], None], *, queued_bytes_max: int = QUEUED_BYTES_MAX) -> None:
        self._fd = fd
        self._on_broken = on_broken
        self._queued_bytes_max = queued_bytes_max
        self._queue: deque[_Entry] = deque()
        self._replaceable: dict[str, _Entry] = {}
        self._queued_bytes = 0
        self._is_broken = False
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="fimble-outbox", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Queues a message that must arrive."""
        with self._changed:
            if not self._make_room(len(data)):
                is_overrun = not self._is_broken and not self._is_closing
                self._is_broken = True
            else:
                is_overrun = False
                self._append(_Entry(data, None))
        if is_overrun:
            logger.error("The editor stopped reading; giving up the connection.")
            self._on_broken()

    def offer(self, data: bytes, key: str) -> None:
        """Queues a message that may be dropped; one that waits with the same key is replaced by it."""
        with self._changed:
            waiting = self._replaceable.get(key)
            if waiting is not None:
                self._queued_bytes += len(data) - len(waiting.data)
                waiting.data = data
            elif self._make_room(len(data), must_arrive=False):
                entry = _Entry(data, key)
                self._replaceable[key] = entry
                self._append(entry)

    def close(self, timeout_s: float = 1.0) -> bool:
        """Writes what is queued, for at most `timeout_s`, and tells whether all of it was written."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._is_broken

    def _append(self, entry: _Entry) -> None:
        self._queue.append(entry)
        self._queued_bytes += len(entry.data)
        self._changed.notify_all()

    def _make_room(self, size: int, *, must_arrive: bool = True) -> bool:
        if self._is_broken or self._is_closing:
            return False
        if self._queued_bytes + size > self._queued_bytes_max and must_arrive:
            self._queue = deque(entry for entry in self._queue if entry.key is None)
            self._queued_bytes = sum(len(entry.data) for entry in self._queue)
            self._replaceable.clear()
        return self._queued_bytes + size <= self._queued_bytes_max

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._is_closing:
                    self._changed.wait()
                if not self._queue:
                    return
                entry = self._queue.popleft()
                self._queued_bytes -= len(entry.data)
                if entry.key is not None:
                    self._replaceable.pop(entry.key, None)
            if not self._write_all(entry.data):
                return

    def _write_all(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view[:_WRITE_BYTES]) :]
            except BlockingIOError:
                # Where stdin and stdout are one terminal or socket, reading without blocking made this end
                # non-blocking too.
                select.select([], [self._fd], [], 1.0)
            except OSError:
                with self._changed:
                    self._is_broken = True
                    self._queue.clear()
                self._on_broken()
                return False
        return True
