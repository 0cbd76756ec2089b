"""Which tokens may begin a text."""

from hypothesis import given
from hypothesis import strategies as st

from fimble.engine.process.backends.exl2.pieces import Pieces

TEXTS = ["", "a", "ab", "abc", "b", "ba", "\ufffd", "é", "éa", "ab", "\U0010ffff"]


def test_tokens_that_start_with_the_text_and_those_that_the_text_starts_with() -> None:
    pieces = Pieces(TEXTS)
    assert pieces.beginning("ab") == [1, 2, 3, 9]
    assert pieces.beginning("abd") == [1, 2, 9]
    assert pieces.beginning("é") == [7, 8]
    assert pieces.beginning("x") == []


def test_the_text_of_a_token_that_does_not_exist_is_empty() -> None:
    assert [Pieces(TEXTS).text(token_id) for token_id in (-1, 1, 11)] == ["", "a", ""]


@given(
    st.lists(st.text(alphabet="abé\ufffd\U0010ffff", max_size=4), max_size=30),
    st.text(alphabet="abé", min_size=1, max_size=5),
)
def test_nothing_is_missed_and_nothing_else_found(texts: list[str], wanted: str) -> None:
    expected = [
        token_id
        for token_id, text in enumerate(texts)
        if text and "\ufffd" not in text and (text.startswith(wanted) or wanted.startswith(text))
    ]
    found = Pieces(texts).beginning(wanted)
    assert [token_id for token_id in found if "\U0010ffff" not in texts[token_id]] == [
        token_id for token_id in expected if "\U0010ffff" not in texts[token_id]
    ]
    assert set(found) <= set(expected)
