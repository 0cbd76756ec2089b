"""A text that never came to what stands below it is shown up to its first statement's end."""

import pytest

from fimble.features.completion.filters.joining import joining
from tests.unit.features.completion.holes import around, syntax

DOCUMENT = "def f(a):\n    $0\n    return b\n"


@pytest.mark.parametrize("has_syntax", [True, False])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("b = 1\n    c = 2", "b = 1"),
        ("if a:\n        b = 1\n    else:\n        b = 2\n    c = 2", "if a:\n        b = 1\n    else:\n        b = 2"),
        ("b = g(\n        1,\n    )\n    c = 2", "b = g(\n        1,\n    )"),
        ("# One.\n    b = 1\n    c = 2", "# One.\n    b = 1"),
        ("b = 1", "b = 1"),
    ],
)
def test_only_the_first_statement_is_shown_between_statements(text: str, shown: str, has_syntax: bool) -> None:
    grammar = syntax(DOCUMENT) if has_syntax else None
    assert joining(text, "blank-line", around(DOCUMENT), grammar) == shown


@pytest.mark.parametrize("rule", ["meets-text-below", "body-below"])
def test_a_text_that_came_to_what_stands_below_fills_the_gap(rule: str) -> None:
    text = "b = 1\n    c = 2"
    assert joining(text, rule, around(DOCUMENT), syntax(DOCUMENT)) == text


@pytest.mark.parametrize(
    "document",
    [
        "def f(a):\n    $0\n\n\ndef g():\n    pass\n",
        "x = {\n    $0\n    'z': 3,\n}\n",
    ],
)
def test_at_a_blocks_end_and_in_a_list_everything_is_shown(document: str) -> None:
    text = "'x': 1,\n    'y': 2" if "{" in document else "b = 1\n    return b"
    assert joining(text, "blank-line", around(document), syntax(document)) == text
    assert joining(text, "blank-line", around(document), None) == text
