"""llama.vim's extra context: a ring of slices of what the user has seen, which are read in pauses.

Written from its description (ggml-org/llama.vim, commit a1c8e6e4 of 2026-01-31); nothing is copied. What cannot happen
here is left out: yanking, saving, and leaving a buffer for another one.
"""

import random
import re
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

CHUNKS_MAX: Final = 16
CHUNK_LINES: Final = 64
SCOPE_LINES: Final = 1024
_QUEUE_MAX: Final = 16
_LINES_MIN: Final = 3
# A chunk more similar than this to another one takes its place.
_NEARLY_SAME: Final = 0.9
_WORD: Final = re.compile(r"\W+")


class Ring:
    """Chunks of text in the order in which they came; the oldest goes first."""

    def __init__(self, seed: int) -> None:
        """`seed` decides which half of a place is taken."""
        self._random = random.Random(seed)  # noqa: S311 - a policy that draws lots.
        self._chunks: deque[list[str]] = deque(maxlen=CHUNKS_MAX)
        self._queue: deque[list[str]] = deque(maxlen=_QUEUE_MAX)

    def pick(self, lines: Sequence[str]) -> None:
        """Queues half a chunk's lines out of `lines`, from a place drawn by lot, unless they are known."""
        if len(lines) < _LINES_MIN:
            return
        count = min(len(lines), CHUNK_LINES // 2)
        start = self._random.randint(0, max(0, len(lines) - count))
        chunk = list(lines[start : start + count])
        if chunk in self._chunks or chunk in self._queue:
            return
        for chunks in (self._chunks, self._queue):
            for old in [old for old in chunks if similarity(old, chunk) > _NEARLY_SAME]:
                chunks.remove(old)
        self._queue.append(chunk)

    def promote(self) -> bool:
        """Moves one chunk from the queue to the ring; returns whether there was one."""
        if not self._queue:
            return False
        self._chunks.append(self._queue.popleft())
        return True

    def evict_like(self, neighbourhood: Sequence[str]) -> None:
        """Drops the chunks that are half the same as what is around the cursor, which a model would repeat."""
        for chunk in [chunk for chunk in self._chunks if similarity(chunk, neighbourhood) > 0.5]:
            self._chunks.remove(chunk)

    def chunks(self) -> list[str]:
        """Returns the texts, the oldest first."""
        return ["\n".join(chunk) + "\n" for chunk in self._chunks]


def similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns the Dice coefficient of the words of two slices, 0 to 1."""
    words, others = _words(one), _words(other)
    total = words.total() + others.total()
    return 2 * (words & others).total() / total if total else 1.0


def _words(lines: Sequence[str]) -> Counter[str]:
    return Counter(word for line in lines for word in _WORD.split(line) if word)
