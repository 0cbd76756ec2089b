"""What a text closes, and what it must leave to the lines below."""

import pytest

from fimble.features.completion.filters.closing import with_closed_quotes, without_body_below, without_early_closer
from tests.unit.features.completion.holes import around


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("switch (x) {\n    case 0: return 1;\n    $0\n    default:\n}\n", "}", ""),
        ("foo(\n    a,\n    $0\nbar()\n", ")", ")"),
        ("x = $0\n", "1", "1"),
    ],
)
def test_a_bracket_is_not_closed_above_what_is_inside_of_it(document: str, text: str, shown: str) -> None:
    assert without_early_closer(text, around(document)) == shown


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("for j in k:\n    $0\n        return False\n", "if n % j == 0: return False", "if n % j == 0:"),
        ("for j in k:\n    $0\n    return False\n", "if n % j == 0: return False", "if n % j == 0: return False"),
    ],
)
def test_a_body_that_stands_below_is_not_written_into_its_header(document: str, text: str, shown: str) -> None:
    assert without_body_below(text, around(document)) == shown


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ('def f():\n    """$0\n    return 1\n', "Return one.", 'Return one."""'),
        ('def f():\n    """$0"""\n', "Return one.", "Return one."),
        ('def f():\n    """$0\n    More.\n    """\n', "Return one.", "Return one."),
        ("x = $0\n", "1", "1"),
    ],
)
def test_a_docstring_of_one_line_is_closed(document: str, text: str, shown: str) -> None:
    assert with_closed_quotes(text, around(document)) == shown
