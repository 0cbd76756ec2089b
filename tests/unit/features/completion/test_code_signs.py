"""Code without its strings and comments."""

import pytest

from fimble.features.completion.code_signs import brackets, closed_beyond, masked


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("f('(')", "f(   )"),
        ('f("a\\"(")', "f(      )"),
        ("f(1)  # (", "f(1)     "),
        ('"""(\n("""+(', "    \n    +("),
        ("don't (", "don't ("),
        ('x = """(', 'x = """('),
        ("x = '' + (", "x =    + ("),
        ("f(`(\n${`", "f(  \n   "),
    ],
)
def test_strings_and_comments_become_blanks(code: str, expected: str) -> None:
    assert masked(code, ("#",)) == expected


def test_the_language_says_what_a_comment_is() -> None:
    assert masked("a // b", ("#",)) == "a // b"
    assert masked("a // b", ("//",)) == "a     "


def test_brackets_and_those_that_close_something_else() -> None:
    assert brackets("f(a[')'])]", ("#",)) == "([])]"
    assert closed_beyond("([])]") == "]"
    assert closed_beyond("()") == ""
