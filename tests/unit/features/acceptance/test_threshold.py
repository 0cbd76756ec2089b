"""How the user's accepts move the confidence that is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.acceptance.threshold import EXPECTED, FACTOR_MAX, FACTOR_MIN, OUTCOMES_MIN, factor_after

WANTED, UNWANTED = [True], [False]


@given(st.lists(st.booleans(), max_size=400))
def test_the_factor_stays_within_its_bounds(outcomes: list[bool]) -> None:
    assert FACTOR_MIN <= factor_after(outcomes) <= FACTOR_MAX


@given(st.lists(st.booleans(), max_size=OUTCOMES_MIN))
def test_a_few_outcomes_change_nothing(outcomes: list[bool]) -> None:
    assert factor_after(outcomes) == 1.0


def test_who_accepts_as_expected_changes_nothing() -> None:
    outcomes = [number * 37 % 100 < EXPECTED * 100 for number in range(1_000)]
    assert factor_after(outcomes) == pytest.approx(1.0, abs=0.1)


def test_who_accepts_nothing_is_shown_half_as_much_after_a_while() -> None:
    assert factor_after(UNWANTED * 31) > 0.95
    assert 0.5 < factor_after(UNWANTED * 45) < 0.8
    assert factor_after(UNWANTED * 300) == FACTOR_MIN


def test_who_accepts_everything_is_shown_twice_as_much_after_a_while() -> None:
    assert factor_after(WANTED * 31) < 1.05
    assert factor_after(WANTED * 300) == FACTOR_MAX


@given(st.lists(st.booleans(), min_size=60, max_size=200), st.integers(0, 59))
def test_one_more_accept_never_lowers_the_factor(outcomes: list[bool], place: int) -> None:
    better = outcomes.copy()
    better[place] = True
    assert factor_after(better) >= factor_after(outcomes)


def test_newer_outcomes_weigh_more() -> None:
    now_better = WANTED * 60 + UNWANTED * 200
    now_worse = UNWANTED * 200 + WANTED * 60
    assert factor_after(now_better) > factor_after(now_worse)
