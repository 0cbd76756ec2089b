"""Rows that are moved late against rows that are moved at once."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.buffers.ranges import Edit, Ranges
from fimble.index.buffers.row_list import definition_list
from fimble.index.extraction import Row
from fimble.index.symbols import Kind


def row(start: int, end: int, body: int = -1) -> Row:
    return Row(start, end, min(start + 1, end), body, Kind.FUNCTION, "name")


def random_row(chance: random.Random) -> Row:
    start = chance.randrange(0, 1000)
    end = start + chance.choice([1, 5, 80, 400])
    return row(start, end, chance.choice([-1, chance.randrange(start, end + 1)]))


def moved(old: Row, edit: Edit) -> Row:
    if old.end <= edit.start and old.start < edit.old_end:
        return old
    body = edit.moved(old.body) if old.body >= 0 else -1
    return Row(edit.moved(old.start), edit.moved(old.end), edit.moved(old.name_start), body, old.kind, old.name)


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_after_any_operations_the_rows_are_where_moving_each_at_once_puts_them(seed: int) -> None:
    chance = random.Random(seed)
    rows, model = definition_list(), []
    for _ in range(60):
        what = chance.choice(["edit", "edit", "edit", "take", "add", "look"])
        if what == "edit":
            start = chance.choice([chance.randrange(0, 1200), chance.randrange(0, 30)])
            old_end = start + chance.choice([0, 0, 1, 50])
            edit = Edit(start, old_end, start + chance.choice([0, 1, 1, 7, 500]))
            rows.edit(edit)
            model = [moved(old, edit) for old in model]
        elif what == "take":
            start = chance.randrange(0, 1200)
            ranges = Ranges([(start, start + 3), (start + 100, start + 103)])
            expected = sorted(old for old in model if ranges.touch(old.start, old.end))
            assert rows.take(ranges) == expected
            model = [old for old in model if not ranges.touch(old.start, old.end)]
        elif what == "add":
            added = sorted(random_row(chance) for _ in range(chance.choice([1, 5])))
            rows.add(added)
            model += added
        else:
            assert rows.all() == sorted(model)
    assert rows.all() == sorted(model)
    assert rows.take(None) == sorted(model)
    assert rows.all() == []


def test_rows_around_an_edit_grow_and_rows_behind_it_move() -> None:
    rows = definition_list()
    rows.add([row(0, 100, 10), row(20, 30, 25), row(60, 70)])
    rows.edit(Edit(40, 40, 45))
    assert rows.all() == [row(0, 105, 10), row(20, 30, 25), row(65, 75)]


def test_an_insertion_at_the_start_of_a_row_moves_it_and_one_at_its_end_does_not() -> None:
    rows = definition_list()
    rows.add([row(0, 10), row(10, 20)])
    rows.edit(Edit(10, 10, 12))
    assert rows.all() == [row(0, 10), row(12, 22)]


def test_a_row_without_a_body_has_none_after_a_paste_before_it_that_is_longer_than_the_text_before() -> None:
    rows = definition_list()
    rows.add([row(5, 10), row(20, 30), row(40, 50, 45)])
    rows.edit(Edit(35, 35, 1035))
    rows.edit(Edit(0, 0, 100))
    assert rows.all() == [row(105, 110), row(120, 130), row(1140, 1150, 1145)]


def test_rows_between_two_offsets_have_a_byte_there() -> None:
    rows = definition_list()
    rows.add([row(0, 100), row(10, 20), row(20, 30), row(30, 40)])
    assert rows.between(20, 30) == [row(0, 100), row(20, 30)]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10))), st.integers(0, 60), st.integers(1, 10))
def test_ranges_tell_which_bytes_they_hold(pairs: list[tuple[int, int]], start: int, size: int) -> None:
    ranges = Ranges((first, first + length) for first, length in pairs)
    held = {byte for first, length in pairs for byte in range(first, first + length)}
    if all(length for _, length in pairs):
        assert ranges.touch(start, start + size) == (not held.isdisjoint(range(start, start + size)))
        assert ranges.size == len(held)
    gaps = {byte for first, last in ranges.gaps(start, start + size) for byte in range(first, last)}
    assert gaps == set(range(start, start + size)) - held


def test_ranges_move_with_an_edit_that_becomes_one_of_them() -> None:
    assert Ranges([(0, 2), (10, 12)]).after(Edit(5, 6, 9)).pairs() == [(0, 2), (5, 9), (13, 15)]
    assert Ranges([(0, 2), (10, 12)]).after(Edit(1, 11, 1)).pairs() == [(0, 2)]
