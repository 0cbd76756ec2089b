"""Guesses of what comes next in text that is copied."""

from hypothesis import given
from hypothesis import strategies as st

from fimble.engine.process.backends.exl2.lookup import MATCH_TOKENS, PromptLookup


def test_what_followed_the_last_tokens_before_is_guessed() -> None:
    lookup = PromptLookup()
    lookup.extend([1, 2, 3, 4, 5, 6, 9, 1, 2, 3])
    assert lookup.guess(3) == [4, 5, 6]
    assert lookup.guess(100) == [4, 5, 6, 9, 1, 2, 3]


def test_tokens_that_are_new_give_no_guess() -> None:
    lookup = PromptLookup()
    assert lookup.guess(4) == []
    lookup.extend([1, 2, 3])
    assert lookup.guess(4) == []
    lookup.extend([9, 8, 7])
    assert lookup.guess(4) == []


def test_who_copies_a_text_goes_on_with_that_one_where_a_line_of_it_occurs_elsewhere_too() -> None:
    lookup = PromptLookup()
    original = [1, 2, 3, 50, 51, 52, 60]
    later = [50, 51, 52, 70]
    lookup.extend([*original, *later, 1, 2, 3])
    assert lookup.guess(2) == [50, 51]
    lookup.advance([50, 51, 52])
    assert lookup.guess(1) == [60]


def test_who_leaves_the_text_finds_the_next_place() -> None:
    lookup = PromptLookup()
    lookup.extend([1, 2, 3, 4, 5, 20, 21, 22, 23, 1, 2, 3])
    assert lookup.guess(2) == [4, 5]
    lookup.advance([20, 21, 22])
    assert lookup.guess(2) == [23, 1]


@given(st.lists(st.lists(st.integers(0, 3), max_size=20), max_size=8), st.integers(1, 6))
def test_a_guess_is_always_what_followed_some_earlier_place(chunks: list[list[int]], tokens_max: int) -> None:
    lookup, tokens = PromptLookup(), []
    for number, chunk in enumerate(chunks):
        if number % 2:
            lookup.advance(chunk)
        else:
            lookup.extend(chunk)
        tokens += chunk
        guess = lookup.guess(tokens_max)
        assert len(lookup) == len(tokens)
        assert len(guess) <= tokens_max
        if guess:
            sought = tokens[-MATCH_TOKENS:] + guess
            places = range(len(tokens) - MATCH_TOKENS)
            assert any(tokens[at : at + len(sought)] == sought for at in places)
