"""Text that says the same again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.completion.filters.repetition import repeated_end, repeated_lines


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a, a, a, a, a, a", "a, "),
        ("foo(self.x, self.x, self.x, self.x, self.x", "foo(self.x, "),
        ("0, 0, 0, 0, 0, 0, 0, 0, 0, 0", "0, "),
        ("'', '', '', '', '', ''", None),
        ("1\nx.y() x.y() x.y() x.y() ", "1\nx.y() "),
    ],
)
def test_a_piece_that_comes_again_and_again_is_kept_once(text: str, kept: str | None) -> None:
    assert repeated_end(text) == (None if kept is None else len(kept))


@pytest.mark.parametrize(
    "text",
    [
        "a, a, a",
        "[0, 0, 0, 0]",
        '"%s, %s, %s, %s" % row',
        "None, None, None, None",
        '"\\x00\\x00\\x00\\x00"',
        "# ----------------------------------------",
        "                    x",
        "ffffffff",
        "../../../../a",
    ],
)
def test_what_good_code_repeats_stays(text: str) -> None:
    assert repeated_end(text) is None


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (["x()", "x()", "x()"], 2),
        (["x()", "x()"], 0),
        (["a = 1", "b = 2", "a = 1", "b = 2"], 2),
        (["a = 1", "b = 2", "a = 1", "b = 3"], 0),
        (["}", ")", "}", ")"], 0),
        (["a", "b", "c", "a", "b", "c"], 3),
    ],
)
def test_repeated_lines_are_counted(lines: list[str], count: int) -> None:
    assert repeated_lines(lines) == count


@given(st.text(alphabet="ab1, (\n", max_size=60), st.integers(2, 10), st.text(alphabet="ab1, (\n", max_size=20))
def test_growing_text_repeats_where_all_of_it_does(piece: str, times: int, rest: str) -> None:
    text = f"{rest}{piece[:12] * times}{rest}{piece}"
    known = 0
    for end in range(len(text) + 1):
        found = repeated_end(text[:end], known)
        assert found == repeated_end(text[:end])
        if found is not None:
            # More text changes nothing in that.
            assert repeated_end(text) == found
            return
        known = end
