"""Changes as the watchdog package reports them, for systems other than Linux: one recursive watch of the root.

Its kernel interfaces do not say when events were lost, except that too many of them waited here.
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from fimble.index.files.changes import Change, Changes
from fimble.index.files.ignoring import Rules

_EVENTS_MAX: Final = 100_000
# Without this list watchdog also asks to be told of every file that is opened, its own listing included.
_EVENTS: Final[list[type[FileSystemEvent]]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]


class ObservedEvents(FileSystemEventHandler):
    """Takes watchdog's events in its thread, and turns them into changes in ours."""

    is_full = False
    watch_count = 1

    def __init__(self, rules: Rules, changes: Changes, *, clock_s: Callable[[], float]) -> None:
        self._rules = rules
        self._changes = changes
        self._clock_s = clock_s
        self._waiting: deque[FileSystemEvent] = deque()
        self._were_lost = False
        self._observer = Observer()
        self._is_observing = False
        self.descriptor, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self.descriptor, False)

    @property
    def is_root_lost(self) -> bool:
        """Whether the root cannot be watched, because it is gone."""
        return not self._is_observing

    def watch_all(self) -> None:
        """Starts to observe the root."""
        if self._is_observing:
            return
        with suppress(OSError):
            self._observer.schedule(self, self._rules.root, recursive=True, event_filter=_EVENTS)
            self._observer.start()
            self._is_observing = True

    def watch_tracked(self) -> None:
        """Has nothing to do: the root is observed with all that is in it."""

    def settle(self) -> None:
        """Reads the rules again if they have changed."""
        if self._changes.are_rules_changed:
            self._rules.reload()

    def close(self) -> None:
        """Ends the observation."""
        if self._is_observing:
            self._observer.stop()
            self._observer.join()
        os.close(self.descriptor)
        os.close(self._wake)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Takes an event; watchdog calls this in a thread of its own."""
        if len(self._waiting) >= _EVENTS_MAX:
            self._were_lost = True
        else:
            self._waiting.append(event)
        with suppress(OSError):
            os.write(self._wake, b"\0")

    def read(self) -> None:
        """Notes the changes that have been reported."""
        now_s = self._clock_s()
        with suppress(BlockingIOError):
            os.read(self.descriptor, 65536)
        if self._were_lost:
            self._were_lost = False
            self._changes.is_unknown = True
            self._changes.touch(now_s)
        while self._waiting:
            event = self._waiting.popleft()
            is_moved = isinstance(event, FileMovedEvent | DirMovedEvent)
            is_gone = is_moved or isinstance(event, FileDeletedEvent | DirDeletedEvent)
            self._note(event.src_path, event, now_s, is_gone=is_gone)
            if is_moved:
                self._note(event.dest_path, event, now_s, is_gone=False)

    def _note(self, absolute: str | bytes, event: FileSystemEvent, now_s: float, *, is_gone: bool) -> None:
        prefix = self._rules.root.rstrip("/") + "/"
        path = os.fsdecode(absolute)
        if not path.startswith(prefix):
            return
        path = path[len(prefix) :]
        if path in (".git/HEAD", ".git/index"):
            if not is_gone:
                self._changes.is_head_moved |= path.endswith("HEAD")
                self._changes.is_index_changed |= path.endswith("index")
                self._changes.touch(now_s)
            return
        if self._rules.is_rule_file(path):
            self._changes.are_rules_changed = True
            self._changes.touch(now_s)
        if self._rules.is_ignored(path, is_folder=event.is_directory):
            return
        if event.is_directory:
            if is_gone:
                self._changes.add(path, Change.FOLDER, now_s)
            else:
                self._look_into(path, now_s)
        else:
            is_finished = not is_gone and not isinstance(event, FileCreatedEvent)
            self._changes.add(path, Change.FINISHED if is_finished else Change.TOUCHED, now_s)

    def _look_into(self, folder: str, now_s: float) -> None:
        """Notes all files in a folder that came with them."""
        waiting = [folder]
        while waiting:
            path = waiting.pop()
            self._rules.forget_folder(path)
            with suppress(OSError), os.scandir(f"{self._rules.root}/{path}") as entries:
                for entry in entries:
                    inner = f"{path}/{entry.name}"
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if self._rules.is_ignored(inner, is_folder=is_folder):
                        continue
                    if is_folder:
                        waiting.append(inner)
                    else:
                        self._changes.add(inner, Change.TOUCHED, now_s)
