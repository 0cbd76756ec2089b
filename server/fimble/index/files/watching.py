"""Notices which files of a workspace change, and tells of it in batches.

On Linux the kernel's events are used, elsewhere those that watchdog brings; listing again and again fills in where
events cannot be had for all of the workspace.
"""

import os
import select
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Final, Protocol

from fimble.index.files.changes import Batch, Changes
from fimble.index.files.ignoring import Rules
from fimble.index.files.kernel_events import KernelEvents
from fimble.index.files.mounts import file_system_of, may_change_unseen
from fimble.index.files.polling import INTERVAL_MIN_S, Poller
from fimble.index.files.repository import Repository

# A lock that is older was left behind by a git that crashed.
_GIT_BUSY_MAX_S: Final = 30.0
_RETRY_S: Final = 1.0
_POLLER_READY_S: Final = 60.0


class Events(Protocol):
    """A source of changes; `descriptor` becomes readable when there are some."""

    is_full: bool

    @property
    def descriptor(self) -> int: ...  # noqa: D102
    @property
    def watch_count(self) -> int: ...  # noqa: D102
    @property
    def is_root_lost(self) -> bool: ...  # noqa: D102
    def watch_all(self) -> None: ...  # noqa: D102
    def watch_tracked(self) -> None: ...  # noqa: D102
    def settle(self) -> None: ...  # noqa: D102
    def read(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Mode(Enum):
    """How changes are noticed."""

    EVENTS = "events"
    """All of them within milliseconds."""
    EVENTS_AND_POLLING = "events and polling"
    """Some of them only by listing: there are more folders than may be watched, or others can change the files."""
    POLLING = "polling"
    """By listing only."""


class Watcher:
    """Watches a workspace in a thread of its own.

    `on_batch` is called in that thread and in the poller's, and has to be quick: put the batch into a queue. List
    the files after `wait_ready`, then nothing is missed in between, and call `refresh` after each listing.
    """

    def __init__(
        self,
        rules: Rules,
        on_batch: Callable[[Batch], None],
        *,
        watches_max: int | None = None,
        polling_interval_s: float = INTERVAL_MIN_S,
        file_system: str | None = None,
    ) -> None:
        self._rules = rules
        self._on_batch = on_batch
        self._watches_max = watches_max
        self._polling_interval_s = polling_interval_s
        self._file_system = file_system_of(rules.root) if file_system is None else file_system
        self._changes = Changes()
        self._events: Events | None = None
        self._poller: Poller | None = None
        self._ready = threading.Event()
        self._is_stopping = False
        self._must_refresh = False
        self._has_told_busy = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="fimble-watcher", daemon=True)

    @property
    def mode(self) -> Mode:
        """How changes are noticed; known when `wait_ready` has returned."""
        if self._events is None:
            return Mode.POLLING
        return Mode.EVENTS if self._poller is None else Mode.EVENTS_AND_POLLING

    @property
    def watch_count(self) -> int:
        """The number of folders whose events are seen."""
        return 0 if self._events is None else self._events.watch_count

    @property
    def is_alive(self) -> bool:
        """Whether changes are still being noticed."""
        return self._thread.is_alive() or self._poller is not None

    def start(self) -> None:
        """Starts to watch."""
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits until changes are noticed, and returns whether they are."""
        return self._ready.wait(timeout_s)

    def refresh(self) -> None:
        """Says that the rules know the tracked files now, some of which may be in folders not watched yet."""
        self._must_refresh = True
        self._wake()

    def stop(self) -> None:
        """Ends the watch; no batch comes after this returns."""
        self._is_stopping = True
        self._wake()
        if self._poller is not None:
            self._poller.stop()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        if self._wake_write >= 0:
            descriptors, self._wake_write = (self._wake_read, self._wake_write), -1
            for descriptor in descriptors:
                os.close(descriptor)

    def _wake(self) -> None:
        with suppress(OSError):  # A full pipe wakes as well, and a closed one has nobody to wake.
            os.write(self._wake_write, b"\0")

    def _run(self) -> None:
        events = self._events = _open_events(self._rules, self._changes, self._watches_max)
        if events is not None:
            events.watch_all()
        if events is None or events.is_full or may_change_unseen(self._file_system):
            self._start_polling()
            if self._poller is not None:
                self._poller.wait_ready(_POLLER_READY_S)
        self._ready.set()
        if events is None:
            return
        try:
            self._follow(events)
        finally:
            events.close()

    def _start_polling(self) -> None:
        if self._is_stopping:
            return
        self._poller = Poller(self._rules, self._on_batch, interval_min_s=self._polling_interval_s)
        self._poller.start()

    def _follow(self, events: Events) -> None:
        poll = select.poll()
        poll.register(events.descriptor, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while not self._is_stopping:
            wait_s = self._wait_s(events)
            woken = {descriptor for descriptor, _ in poll.poll(None if wait_s is None else wait_s * 1000)}
            if self._wake_read in woken:
                os.read(self._wake_read, 4096)
            if self._must_refresh:
                self._must_refresh = False
                events.watch_tracked()
            if events.descriptor in woken:
                events.read()
            self._look_after(events)
            due_s = self._changes.due_s()
            if due_s is not None and due_s <= time.monotonic() and not self._is_stopping:
                self._tell(events)

    def _wait_s(self, events: Events) -> float | None:
        due_s = self._changes.due_s()
        if due_s is not None:
            return max(due_s - time.monotonic(), 0)
        return _RETRY_S if events.is_root_lost or self._has_told_busy else None

    def _look_after(self, events: Events) -> None:
        """Notices what no event tells of."""
        if events.is_root_lost:
            events.watch_all()
            if not events.is_root_lost:
                self._changes.is_unknown = True
                self._changes.touch(time.monotonic())
        if events.is_full and self._poller is None:
            self._start_polling()
        if self._has_told_busy and not _is_git_busy(self._rules.repository):
            # Whoever waits for git to end hears of it, even when nothing else has changed.
            self._has_told_busy = False
            self._changes.touch(time.monotonic())

    def _tell(self, events: Events) -> None:
        events.settle()
        self._has_told_busy = _is_git_busy(self._rules.repository)
        self._on_batch(self._changes.take(is_git_busy=self._has_told_busy))


def _open_events(rules: Rules, changes: Changes, watches_max: int | None) -> Events | None:
    try:
        if sys.platform == "linux":
            return KernelEvents(rules, changes, clock_s=time.monotonic, watches_max=watches_max)
        from fimble.index.files.observed_events import ObservedEvents  # noqa: PLC0415 - needs a package that Linux does not.

        return ObservedEvents(rules, changes, clock_s=time.monotonic)
    except (OSError, ImportError):
        return None


def _is_git_busy(repository: Repository | None) -> bool:
    if repository is None:
        return False
    try:
        age_s = time.time() - os.lstat(f"{repository.git_dir}/index.lock").st_mtime
    except OSError:
        return False
    return age_s < _GIT_BUSY_MAX_S
