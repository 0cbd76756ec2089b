"""Brackets: no more are closed than are open, and none stays open that is not closed below."""

import pytest

from fimble.features.completion.filters.balance import Balance, balanced, beginnings
from fimble.features.completion.filters.overlap import covered_length
from tests.unit.features.completion.holes import around


def shown(document: str, text: str, *, is_partial: bool = False, language: str = "python") -> str:
    place = around(document, language)
    return balanced(text, Balance(place, lambda one: covered_length(one, place)), is_partial=is_partial)


@pytest.mark.parametrize(
    ("document", "text", "expected"),
    [
        ("x = f($0\n", "a)", "a)"),
        ("x = f($0\n", "a))", "a)"),
        ("x = f($0)\n", "a):", "a):"),
        ("x = $0\n", "f(a", ""),
        ("x = $0\n", "1\ny = f(", "1"),
        ("x = $0\n", "[\n    1,\n]\ny = [\n    2,", "[\n    1,\n]"),
        ("f(\n    a,\n    $0\n)\n", "b,\n)", "b,"),
        ("x = $0\n", "')'", "')'"),
        ("x = $0\n", "1  # :)", "1  # :)"),
    ],
)
def test_a_text_leaves_the_brackets_no_worse(document: str, text: str, expected: str) -> None:
    assert shown(document, text) == expected


def test_braces_count_as_well() -> None:
    document = "function f() {\n  if (a) {\n    $0\n  }\n}\n"
    assert shown(document, "b();\n  }\n}", language="javascript") == "b();"
    assert shown(document, "if (c) { b(); }", language="javascript") == "if (c) { b(); }"


def test_what_is_shown_as_far_as_it_is_sure_may_leave_brackets_open() -> None:
    assert shown("x = $0\n", "f(a", is_partial=True) == "f(a"
    assert shown("x = $0\n", "a)", is_partial=True) == "a"


def test_beginnings_are_whole_lines_the_longest_first() -> None:
    assert beginnings("a\n\nb\nc") == ["a\n\nb", "a"]
