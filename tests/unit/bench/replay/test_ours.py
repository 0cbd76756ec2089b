import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from fimble.bench.replay.keys import Buffer
from fimble.bench.replay.ours import change_between, inserted_text


@pytest.mark.parametrize(
    ("text", "end", "inserted"),
    [
        ("x)", 7, "x"),  # Writes the bracket anew.
        ("x", 6, "x"),
        ("x):", 7, "x):"),  # Changes what is right of the cursor.
    ],
)
def test_what_an_item_adds_at_the_cursor(text: str, end: int, inserted: str) -> None:
    places = types.Range(start=types.Position(0, 6), end=types.Position(0, end))
    item = types.InlineCompletionItem(insert_text=text, range=places)
    assert inserted_text(item, Buffer("a.py", "print(", ")\n")) == inserted


def test_an_item_without_a_range_adds_its_text() -> None:
    assert inserted_text(types.InlineCompletionItem(insert_text="x"), Buffer("a.py", "print(", ")\n")) == "x"


LINES = st.text(alphabet="ab\r\n", max_size=12).map(lambda text: text.replace("\r", "\r\n"))


@given(LINES, LINES)
def test_a_change_makes_the_new_text_and_splits_no_line_end(old: str, new: str) -> None:
    start, end, text = change_between(old, new)
    assert old[:start] + text + old[end:] == new
    for offset in (start, end):
        assert old[offset - 1 : offset + 1] != "\r\n" or not offset


def test_a_change_is_small() -> None:
    assert change_between("one two three", "one 2 three") == (4, 7, "2")
    assert change_between("aa", "aaa") == (2, 2, "a")
    assert change_between("same", "same") == (4, 4, "")
