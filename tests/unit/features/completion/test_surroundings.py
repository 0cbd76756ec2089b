"""What the rules see of the text around a hole."""

import pytest

from fimble.features.completion.surroundings import indentation_of, surroundings
from fimble.workspace.text import Text
from tests.unit.features.completion.holes import around


def test_the_nearest_lines_come_first_without_blank_ones() -> None:
    place = around("a\nb\n\n  c$0d\n\ne\nf\n")
    assert (place.line_before, place.line_after) == ("  c", "d")
    assert (place.above, place.below) == (("b", "a"), ("e", "f"))


@pytest.mark.parametrize(
    ("document", "indents"),
    [
        ("def f():\n   a\ndef g():\n   b\n$0\n", ("   ",)),
        ("f {\n\ta\n\tg {\n\t\tb\n\t}\n}\n$0\n", ("\t",)),
        ("def f():\n  a\ndef g():\n  b\ndef h():\n    c\n$0\n", ("  ", "    ")),
        ("x = f(\n       a)\n$0\n", ()),
        ("def f():\n $0\n", ()),
    ],
)
def test_indentation_is_told_from_the_blocks(document: str, indents: tuple[str, ...]) -> None:
    assert around(document).indents == indents


def test_a_long_file_costs_no_more_than_a_bounded_number_of_lines() -> None:
    text = Text.from_string("x = 1\n" * 50_000)
    assert len(surroundings(text, len(text) // 2).above) == 12


def test_a_tab_reaches_to_the_next_multiple_of_four() -> None:
    assert [indentation_of(line) for line in ("  a", "\ta", "  \ta", "")] == [2, 4, 4, 0]
