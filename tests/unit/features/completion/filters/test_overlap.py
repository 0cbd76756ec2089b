"""What stands right of the cursor is not written again."""

import pytest

from fimble.features.completion.filters.overlap import covered_length, has_only_closers_after, without_overlap
from tests.unit.features.completion.holes import around


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("foo(a, $0)\n", "b)", "b"),
        ("foo(a, $0)\n", "b", "b"),
        ("const $0 = useState(0)\n", "[a, setA] = useState(0);", "[a, setA]"),
        ('print("$0")\n', 'hello"', "hello"),
        ('print("$0")\n', 'hello")', "hello"),
        ("foo($0, key=value)\n", "a, key=value", "a"),
        ("foo($0) + 1\n", "a)", "a"),
        ("x = $0\n", "f(a)", "f(a)"),
        ("a\n$0\n", "x = 1\ny = 2", "x = 1\ny = 2"),
    ],
)
def test_the_rest_of_the_line_is_not_doubled(document: str, text: str, shown: str) -> None:
    assert without_overlap(text, around(document)) == shown


@pytest.mark.parametrize(
    ("document", "text"),
    [("print($0)\n", "f(x)"), ("print($0) + 1\n", "f(x)"), ("a[$0]\n", "b[0]"), ("f($0))\n", "g(h(x))")],
)
def test_a_bracket_that_the_text_has_opened_is_closed_by_it(document: str, text: str) -> None:
    assert without_overlap(text, around(document)) == text


@pytest.mark.parametrize(
    ("document", "text", "length"),
    [
        ("print($0)\n", "x):", 1),
        ("print($0)\n", "x", 0),
        ("print($0)\n", "f(x)", 0),
        ("print($0\n", "x)", 0),
        ("foo([$0])\n", "1], 2):", 2),
        ("a $0 b\n", "= (1)", 0),
        ("print($0)\n", "')'", 0),
    ],
)
def test_a_bracket_that_the_text_closes_itself_is_replaced(document: str, text: str, length: int) -> None:
    assert covered_length(text, around(document)) == length


@pytest.mark.parametrize(
    ("document", "is_before"), [("f($0)\n", True), ("f($0):\n", True), ("f($0, a)\n", False), ("f($0\n", False)]
)
def test_several_lines_fit_between_brackets(document: str, is_before: bool) -> None:
    assert has_only_closers_after(around(document)) is is_before
