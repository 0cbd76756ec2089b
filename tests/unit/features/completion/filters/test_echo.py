"""Lines that stand next to the hole already."""

import pytest

from fimble.features.completion.filters.echo import without_echo_of_above, without_echo_of_below
from tests.unit.features.completion.holes import around


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("    items.append(value)\n    $0\n", "items.append(value)"),
        ("items.append(value)\nite$0\n", "ms.append(value)"),
        ("a = load(1)\nb = load(2)\n$0\n", "a = load(1)\nb = load(2)"),
        ("a = b\n$0\n", "a = b"),
    ],
)
def test_the_lines_above_are_not_said_again(document: str, text: str) -> None:
    assert without_echo_of_above(text, around(document)) == ""


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("    items.append(value)\n    $0\n", "items.append(other)"),
        ("i += 1\n$0\n", "i += 1"),
        ("if a:\n    return False\nif b:\n    return False\nif c:\n    $0\n", "return False"),
        ("    items.append(value)\n$0\n", "items.append(value)"),
    ],
)
def test_what_is_like_the_lines_above_may_be_meant(document: str, text: str) -> None:
    assert without_echo_of_above(text, around(document)) == text


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("$0\nself.pending = {}\nself.ids = []\n", "self.pending = {}\nself.ids = []", ""),
        ("    $0\n    ans = []\n", "ans = []", ""),
        ("    $0\n    ans = [\n    ]\n", "ans = [", "ans = ["),
        ("    $0\n    break\n", "break", ""),
        ("    $0\n    i += 1\n", "i += 1", "i += 1"),
        ("$0\nself.pending = {}\n", "self.pending = {}\nself.other = 1", ""),
        (
            "$0\nadd(\n    alpha,\n    beta,\n    gamma,\n    one)\n",
            "add(\n    alpha,\n    beta,\n    gamma,\n    two)",
            "",
        ),
        (
            "$0\nadd(\n    alpha,\n    one_thing)\n",
            "add(\n    alpha,\n    another_thing,\n    a_third_thing)",
            "add(\n    alpha,\n    another_thing,\n    a_third_thing)",
        ),
        ("if a:\n    $0\nreturn None\n", "return None", "return None"),
        ("if a:\n    $0\n    return None\n", "return None", ""),
        ("if a:\n    $0\n    return (\n        1)\n", "return (", "return ("),
        ("$0\nroute(\n    a)\n", "route(\n    b)", "route(\n    b)"),
    ],
)
def test_the_lines_below_are_not_said_again(document: str, text: str, shown: str) -> None:
    assert without_echo_of_below(text, around(document)) == shown
