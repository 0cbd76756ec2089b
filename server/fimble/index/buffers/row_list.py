"""Rows in the order of their starts, kept at the right offsets while the text changes.

Most edits are near the last one, and then nearly all rows behind them move by the same distance. So that distance is
kept aside for all rows from some number on, and added to a row when somebody looks at it.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from fimble.index.buffers.ranges import Edit, Ranges
from fimble.index.extraction import ImportRow, Row

R = TypeVar("R", Row, ImportRow)


def definition_list() -> "RowList[Row]":
    """Returns an empty list for definitions."""
    return RowList(_shift_definition, _move_definition)


def import_list() -> "RowList[ImportRow]":
    """Returns an empty list for imports."""
    return RowList(_shift_import, _move_import)


class RowList(Generic[R]):
    """A list of rows; `shift` returns a row moved by a distance, `move` one whose offsets a function has changed."""

    def __init__(self, shift: Callable[[R, int], R], move: Callable[[R, Callable[[int], int]], R]) -> None:
        self._shift: Callable[[R, int], R] = shift
        self._move: Callable[[R, Callable[[int], int]], R] = move
        self._rows: list[R] = []
        # Rows from this number on are to be moved by this distance.
        self._unmoved = 0
        self._distance = 0

    def __len__(self) -> int:
        return len(self._rows)

    def all(self) -> list[R]:
        """Returns all rows, sorted."""
        self._move_up_to(len(self._rows))
        # A row that an edit cut short may have come to start where its neighbour does.
        self._rows.sort()
        return self._rows.copy()

    def edit(self, edit: Edit) -> None:
        """Takes note of an edit of the text: rows behind it move, rows around it grow or shrink with it."""
        distance = edit.new_end - edit.old_end
        behind = self._first_from(edit.old_end)
        rows = self._rows
        if behind < self._unmoved and rows[behind][0] < self._distance:
            # Moved back, these would have negative offsets, and -1 says that there is no body.
            self._move_up_to(len(rows))
        if behind < self._unmoved:
            self._shift_between(behind, self._unmoved, -self._distance)
            self._unmoved = behind
        else:
            self._move_up_to(behind)
        self._distance += distance
        touched = [number for number, row in enumerate(rows[:behind]) if row[1] > edit.start]
        for number in touched:
            rows[number] = self._move(rows[number], edit.moved)

    def take(self, ranges: Ranges | None) -> list[R]:
        """Removes the rows that have a byte in one of `ranges`, or all rows, and returns them, sorted."""
        if ranges is None:
            taken = self.all()
            self._rows = []
            self._unmoved = self._distance = 0
            return taken
        rows = self._rows
        touched = self._touched(ranges)
        taken = [rows[number] for number in touched]
        for number in reversed(touched):
            del rows[number]
        self._unmoved -= len(touched)
        return sorted(taken)

    def touching(self, ranges: Ranges) -> list[R]:
        """Returns the rows that have a byte in one of `ranges`."""
        return [self._rows[number] for number in self._touched(ranges)]

    def between(self, start: int, end: int) -> list[R]:
        """Returns the rows that have a byte between two offsets."""
        return [self._rows[number] for number in self._overlapping(start, end)]

    def add(self, rows: Sequence[R]) -> None:
        """Adds rows, which are sorted."""
        if not self._rows:
            self._rows = list(rows)
            self._unmoved, self._distance = len(self._rows), 0
            return
        for row in rows:
            number = self._first_from(row[0])
            if number > self._unmoved:
                self._move_up_to(number)
            self._rows.insert(number, row)
            self._unmoved += 1

    def _touched(self, ranges: Ranges) -> list[int]:
        if not ranges:
            return []
        rows = self._rows
        overlapping = self._overlapping(ranges.first, ranges.last)
        return [number for number in overlapping if ranges.touch(rows[number][0], rows[number][1])]

    def _overlapping(self, start: int, end: int) -> list[int]:
        until = self._first_from(end)
        if until > self._unmoved:
            self._move_up_to(until)
        return [number for number, row in enumerate(self._rows[:until]) if row[1] > start]

    def _first_from(self, offset: int) -> int:
        """Returns the number of the first row that starts at `offset` or behind it."""
        rows = self._rows
        if self._unmoved < len(rows) and self._start(self._unmoved) < offset:
            return bisect_left(rows, offset - self._distance, self._unmoved, key=_start)
        return bisect_left(rows, offset, 0, self._unmoved, key=_start)

    def _start(self, number: int) -> int:
        return self._rows[number][0] + (self._distance if number >= self._unmoved else 0)

    def _move_up_to(self, number: int) -> None:
        if number > self._unmoved:
            self._shift_between(self._unmoved, number, self._distance)
        self._unmoved = number
        if number == len(self._rows):
            self._distance = 0

    def _shift_between(self, first: int, last: int, distance: int) -> None:
        if not distance:
            return
        shift = self._shift
        self._rows[first:last] = [shift(row, distance) for row in self._rows[first:last]]


def _start(row: Row | ImportRow) -> int:
    return row[0]


def _shift_definition(row: Row, distance: int) -> Row:
    start, end, name_start, body, kind, name = row
    return Row(
        start + distance, end + distance, name_start + distance, body + distance if body >= 0 else -1, kind, name
    )


def _move_definition(row: Row, move: Callable[[int], int]) -> Row:
    start, end, name_start, body, kind, name = row
    return Row(move(start), move(end), move(name_start), move(body) if body >= 0 else -1, kind, name)


def _shift_import(row: ImportRow, distance: int) -> ImportRow:
    start, end, module, name, alias = row
    return ImportRow(start + distance, end + distance, module, name, alias)


def _move_import(row: ImportRow, move: Callable[[int], int]) -> ImportRow:
    start, end, module, name, alias = row
    return ImportRow(move(start), move(end), module, name, alias)
