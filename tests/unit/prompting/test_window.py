"""The lines that fit the budget, and that they seldom change."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fimble.prompting.window import GRID_LINES, Window, choose_window, scope_headers
from fimble.workspace.text import Text


async def ten_each(lines: Sequence[str]) -> list[int]:
    return [10] * len(lines)


def numbered(count: int) -> Text:
    return Text.from_string("".join(f"line {number}\n" for number in range(count)))


async def test_a_small_file_is_shown_whole() -> None:
    assert await choose_window(numbered(20), 10, 1000, ten_each) == Window(first=0, last=20)


async def test_a_large_file_is_cut_to_the_budget_with_more_before_than_after() -> None:
    window = await choose_window(numbered(1000), 500, 800, ten_each)
    assert (window.last - window.first) * 10 <= 800
    assert 500 - window.first > window.last - 500 > 0


async def test_the_first_line_lies_on_a_grid_so_that_it_stays_while_the_cursor_moves() -> None:
    windows = [await choose_window(numbered(1000), line, 800, ten_each) for line in range(500, 500 + GRID_LINES)]
    assert all(window.first % GRID_LINES == 0 for window in windows)
    assert len({window.first for window in windows}) <= 2


async def test_few_huge_lines_still_show_what_fits() -> None:
    window = await choose_window(numbered(100), 50, 35, ten_each)
    assert window.first < 50


async def test_at_the_end_of_a_file_the_prefix_gets_the_suffixs_share() -> None:
    window = await choose_window(numbered(999), 999, 800, ten_each)
    assert (999 - window.first) * 10 > 800 * 0.75 - GRID_LINES * 10


@given(st.integers(1, 300), st.data(), st.integers(0, 2000))
async def test_the_window_always_holds_the_cursors_line_and_keeps_to_the_budget(
    count: int, data: st.DataObject, tokens_max: int
) -> None:
    line = data.draw(st.integers(0, count))
    window = await choose_window(numbered(count), line, tokens_max, ten_each)
    assert 0 <= window.first <= line <= window.last <= count
    assert (window.last - window.first) * 10 <= tokens_max


def test_the_headers_of_the_scopes_around_are_told_where_they_are_out_of_sight() -> None:
    text = Text.from_string(
        "class Shop(Base):\n    size = 1\n\n    def sell(\n        self,\n    ) -> int:\n"
        "        # A note.\n        for item in self.items:\n            a = 1\n            b = 2\n"
    )
    assert scope_headers(text, 9, 8) == ("class Shop(Base):", "    def sell(", "        for item in self.items:")
    # What is in sight is not said twice.
    assert scope_headers(text, 9, 3) == ("class Shop(Base):",)
    assert scope_headers(text, 9, 0) == ()


@given(st.lists(st.sampled_from(["", "a", "    b:", "  c", "\td", ") e", "# f", "        g"]), max_size=40), st.data())
def test_headers_are_lines_above_the_window_that_are_indented_ever_more(lines: list[str], data: st.DataObject) -> None:
    text = Text.from_string("\n".join(lines))
    line = data.draw(st.integers(0, text.line_count - 1))
    first = data.draw(st.integers(0, line))
    headers = scope_headers(text, line, first)
    assert set(headers) <= {text.line(number) for number in range(first)}
    widths = [len(header) - len(header.lstrip()) for header in headers]
    assert widths == sorted(set(widths))
