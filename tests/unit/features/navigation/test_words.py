"""The word at the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.navigation.words import word_at
from fimble.workspace.text import Text


def word(marked: str, language: str = "python") -> str | None:
    offset = marked.index("$0")
    found = word_at(Text.from_string(marked.replace("$0", "")), offset, language)
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("marked", "language", "expected"),
    [
        ("x = su$0m(a)", "python", "sum"),
        ("x = $0sum(a)", "python", "sum"),
        ("x = sum$0(a)", "python", "sum"),
        ("a\nb.c$0ount\nd", "python", "count"),
        ("größe$0 = 1", "python", "größe"),
        ("नमस्ते$0 = 1", "python", "नमस्ते"),
        ("x =$0 1", "python", None),
        ("x = 12$0", "python", None),
        ("$0", "python", None),
        ("$0 ", "python", None),
        ("a.emp$0ty?", "ruby", "empty?"),
        ("a.empty?$0", "ruby", "empty?"),
        ("if a$0!= b", "ruby", "a"),
        ("save$0!(x)", "elixir", "save!"),
        ("a ? sa$0ve : b", "python", "save"),
        ("color: va$0r(--main-color)", "css", "var"),
        ("var(--main-co$0lor)", "css", "main-color"),
        ("a-b$0", "python", "b"),
    ],
)
def test_a_word_is_what_the_language_takes_for_an_identifier(marked: str, language: str, expected: str | None) -> None:
    assert word(marked, language) == expected


def test_a_dollar_belongs_to_words_where_the_language_allows_it() -> None:
    assert word("le$0t$ = 1", "typescript") == "let$"
    assert word("echo $na$0me", "shellscript") == "name"


def test_a_word_without_end_is_none() -> None:
    assert word("x" * 300 + "$0", "python") is None
    assert word("x" * 150 + "$0", "python") == "x" * 150


@given(
    st.text(alphabet="ab_1?!-$ \n\r\u0301é😀", max_size=30),
    st.integers(0, 40),
    st.sampled_from(["python", "ruby", "css"]),
)
def test_a_word_is_where_it_says_and_around_the_cursor(content: str, offset: int, language: str) -> None:
    text = Text.from_string(content)
    found = word_at(text, offset, language)
    if found is not None:
        assert text.slice(found.start, found.end) == found.text
        assert found.start <= min(offset, len(text)) <= found.end + 1
        assert "\n" not in found.text
