"""Edits and ranges of bytes, and what an edit does to offsets."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Edit(NamedTuple):
    """The bytes from `start` up to `old_end` became those from `start` up to `new_end`."""

    start: int
    old_end: int
    new_end: int

    def moved(self, offset: int) -> int:
        """Returns where an offset is after the edit; inside of what was replaced, it is kept within the new text."""
        if offset >= self.old_end:
            return offset + self.new_end - self.old_end
        return min(offset, self.new_end) if offset > self.start else offset


class Ranges:
    """Ranges of bytes in ascending order, none of which touch."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def size(self) -> int:
        """How many bytes the ranges hold."""
        return sum(self._ends) - sum(self._starts)

    @property
    def first(self) -> int:
        """Where the first range starts."""
        return self._starts[0]

    @property
    def last(self) -> int:
        """Where the last range ends."""
        return self._ends[-1]

    def pairs(self) -> list[tuple[int, int]]:
        """Returns start and end of each range."""
        return list(zip(self._starts, self._ends, strict=True))

    def touch(self, start: int, end: int) -> bool:
        """Tells whether a range has a byte between `start` and `end`."""
        number = bisect_right(self._ends, start)
        return number < len(self._starts) and self._starts[number] < end

    def cover(self, start: int, end: int) -> bool:
        """Tells whether all bytes between `start` and `end` are in the ranges."""
        number = bisect_right(self._starts, start) - 1
        return number >= 0 and end <= self._ends[number]

    def gaps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yields the parts between `start` and `end` that are in none of the ranges."""
        for first, last in self.pairs():
            if start < min(first, end):
                yield start, min(first, end)
            start = max(start, last)
        if start < end:
            yield start, end

    def after(self, edit: Edit) -> "Ranges":
        """Returns the ranges as they are after an edit, what was edited included."""
        pairs = [(edit.moved(start), edit.moved(end)) for start, end in self.pairs()]
        return Ranges([*pairs, (edit.start, edit.new_end)])
