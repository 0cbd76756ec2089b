"""Which files the workers get next: the most urgent first, those of one urgency in the order in which they came."""

import heapq
import os
from typing import Final

from fimble.index.process.messages import Parse

_TASK_FILES: Final = 64
_TASK_BYTES: Final = 256 * 1024


class Urgency:
    """What is parsed first; smaller is sooner."""

    OPEN: Final = 0
    TEXT: Final = 1
    """The words of all files come before the symbols of most."""
    IMPORTED: Final = 2
    """Files that open ones import."""
    RECENT: Final = 3
    """Files of the latest commits."""
    CODE: Final = 4
    DATA: Final = 5
    MENTIONS: Final = 6
    """Who mentions what, for files whose symbols are known."""


class Agenda:
    """Files that wait for a worker, each once. Paths are relative to the root."""

    def __init__(self) -> None:
        # What has become more urgent meanwhile is here twice, and counts with the urgency that is noted for its path.
        self._heap: list[tuple[int, int, Parse]] = []
        self._urgency_of: dict[str, int] = {}
        self._added = 0

    def __len__(self) -> int:
        return len(self._urgency_of)

    def __contains__(self, path: str) -> bool:
        return path in self._urgency_of

    def add(self, path: str, urgency: int, file: Parse) -> None:
        """Puts a file down, unless it waits with no less urgency already."""
        if self._urgency_of.get(path, urgency + 1) <= urgency:
            return
        self._urgency_of[path] = urgency
        self._added += 1
        heapq.heappush(self._heap, (urgency, self._added, file))

    def take(self) -> list[Parse]:
        """Takes as many files as make a task for a worker; none when nothing waits."""
        files: list[Parse] = []
        size = 0
        while self._heap and len(files) < _TASK_FILES and size < _TASK_BYTES:
            urgency, _, file = heapq.heappop(self._heap)
            path = os.fsdecode(file.path)
            if self._urgency_of.get(path) == urgency:
                del self._urgency_of[path]
                size += file.size
                files.append(file)
        return files

    def clear(self) -> None:
        """Forgets all files."""
        self._heap.clear()
        self._urgency_of.clear()
