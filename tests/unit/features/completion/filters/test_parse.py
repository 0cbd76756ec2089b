"""A text makes the file no more broken than it was."""

import pytest

from fimble.features.completion.filters.parse import parsing
from tests.unit.features.completion.holes import around, syntax


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("def f():\n    $0\n", "return 1", "return 1"),
        ("def f():\n    $0\n", "x = 1\n    return 1 2 3 ]", "x = 1"),
        ("def f():\n    $0\n", "return ]", ""),
        ("x = f($0\n", "a)", "a)"),
        ("x = f($0\n", "a", "a"),
        ("def f():\n    $0\n", "x = 1\n    if x:", "x = 1"),
        ("def f():\n    $0\n", "if x:", "if x:"),
        ("def f():\n    $0\n        y()\n", "x = 1\n    if x:", "x = 1\n    if x:"),
    ],
)
def test_a_text_is_cut_to_what_parses(document: str, text: str, shown: str) -> None:
    assert parsing(text, around(document), syntax(document), 0) == shown


def test_a_file_that_is_broken_elsewhere_does_not_matter() -> None:
    document = "def g(:\n    ]\n\n\ndef f():\n    $0\n"
    assert parsing("return 1", around(document), syntax(document), 0) == "return 1"


def test_what_the_text_replaces_is_not_counted() -> None:
    document = "print($0)\n"
    assert parsing("x); y()", around(document), syntax(document), 1) == "x); y()"
    assert parsing("x); y()", around(document), syntax(document), 0) == ""
