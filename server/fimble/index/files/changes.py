"""Turns single changes of files into batches: the first after a quiet time at once, bursts in few pieces.

Knows no thread and no clock; `watching` brings both.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

QUIET_S: Final = 0.05
"""So long after another one a finished file is reported without waiting for others."""
SETTLE_S: Final = 0.025
"""A batch waits until nothing has happened for so long."""
HOLD_S: Final = 0.2
"""No change waits longer than this."""


class Change(Enum):
    """What happened to a path."""

    FINISHED = auto()
    """A file was closed after writing, or has been moved here: it is what its writer wanted."""
    TOUCHED = auto()
    """A file was made or went away, which may be half of something."""
    FOLDER = auto()
    """A folder came, went or was moved: whatever is below it may have changed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What has changed since the last batch. A path may be gone by now, or not have changed at all."""

    paths: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    """Folders that went away or changed as a whole; files that are new in them are among the paths."""
    is_unknown: bool = False
    """Changes were lost, or may have been: everything has to be listed again."""
    are_rules_changed: bool = False
    """Other files are ignored now: everything has to be listed again. The rules have been reloaded."""
    is_head_moved: bool = False
    """Git has checked out something else."""
    is_index_changed: bool = False
    """Git may track other files now; this happens often, and mostly nothing follows from it."""
    is_git_busy: bool = False
    """Git is changing the work tree right now, more will follow."""


@dataclass(slots=True)
class Changes:
    """The changes that no batch has told of yet."""

    paths: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    is_unknown: bool = False
    are_rules_changed: bool = False
    is_head_moved: bool = False
    is_index_changed: bool = False
    _first_s: float | None = None
    _last_s: float = 0.0
    _is_urgent: bool = False
    _finished_s: float = float("-inf")

    def add(self, path: str, change: Change, now_s: float) -> None:
        """Notes a change of a path."""
        (self.folders if change is Change.FOLDER else self.paths).add(path)
        if change is Change.FINISHED:
            self._is_urgent = self._is_urgent or now_s - self._finished_s > QUIET_S
            self._finished_s = now_s
        self.touch(now_s)

    def touch(self, now_s: float) -> None:
        """Notes that something happened which the next batch tells of."""
        if self._first_s is None:
            self._first_s = now_s
        self._last_s = now_s

    def due_s(self) -> float | None:
        """Returns the time at which the next batch is to be taken, or None while there is nothing to tell."""
        if self._first_s is None:
            return None
        if self._is_urgent:
            return self._first_s
        return min(self._last_s + SETTLE_S, self._first_s + HOLD_S)

    def take(self, *, is_git_busy: bool = False) -> Batch:
        """Returns all changes as a batch and forgets them."""
        batch = Batch(
            frozenset(self.paths),
            frozenset(self.folders),
            self.is_unknown,
            self.are_rules_changed,
            self.is_head_moved,
            self.is_index_changed,
            is_git_busy,
        )
        self.paths.clear()
        self.folders.clear()
        self.is_unknown = self.are_rules_changed = self.is_head_moved = self.is_index_changed = False
        self._first_s = None
        self._is_urgent = False
        return batch
