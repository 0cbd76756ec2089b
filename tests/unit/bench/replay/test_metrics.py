"""Timelines made by hand; times in seconds."""

import pytest

from fimble.bench.replay.metrics import (
    common_length,
    delays_s,
    figures,
    percentiles,
    usable_gaps,
    wrong_characters,
)
from fimble.bench.replay.screen import Span
from fimble.bench.replay.system import Costs, Traffic
from fimble.bench.replay.typist import Press, Timeline


def timeline(*spans: Span, is_end_known: bool = True) -> Timeline:
    """Types `abcdef` with 0.4 s between the keys, beginning at 0."""
    gold = "abcdef"
    presses = [
        Press(at_s=0.4 * number, text=sign, rest=gold[number + 1 :], is_asking=number < 5)
        for number, sign in enumerate(gold)
    ]
    return Timeline(gold=gold, keys=6, is_end_known=is_end_known, presses=presses, spans=list(spans))


def test_a_delay_is_the_time_from_the_key_to_the_first_suggestion_in_its_gap() -> None:
    typed = timeline(Span(1, 0, "cde", 0.6, 0.7), Span(1, 1, "cd", 0.7, 0.8), Span(2, 1, "d", 0.8, 1.2))
    assert delays_s(typed) == [None, pytest.approx(0.2), pytest.approx(0.0), None, None]


def test_a_key_without_a_suggestion_counts_as_late() -> None:
    typed = timeline(Span(1, 0, "cde", 0.65, 0.8), Span(3, 1, "ef", 1.5, 1.6))
    row = figures([typed], Costs(), Traffic())
    assert (row.asked, row.within_100ms, row.within_250ms, row.within_500ms) == (5, 0, 0.2, 0.4)


def test_a_suggestion_is_usable_that_stands_for_150_ms_until_the_next_key() -> None:
    typed = timeline(Span(0, 0, "bcd", 0.25, 0.4), Span(1, 1, "cde", 0.7, 0.8), Span(2, 2, "def", 0.9, 1.1))
    assert usable_gaps(typed) == [True, False, False, False, False]


def test_a_suggestion_is_usable_with_three_right_characters_or_all_that_are_left() -> None:
    spans = [
        Span(0, 0, "bcX", 0.0, 0.4),  # Two right, of five left.
        Span(1, 1, "cdeX", 0.4, 0.8),  # Three right.
        Span(3, 2, "efX", 1.2, 1.6),  # Two right, of two left.
    ]
    assert usable_gaps(timeline(*spans)) == [False, True, False, True, False]


def test_of_a_usable_line_nothing_is_wrong() -> None:
    spans = [Span(0, 0, "bcdX", 0.0, 0.4), Span(1, 1, "cde\nX", 0.4, 0.8), Span(3, 2, "ef and more", 1.2, 1.6)]
    assert usable_gaps(timeline(*spans)) == [True, True, False, True, False]
    assert usable_gaps(timeline(*spans), is_whole_line=True) == [False, True, False, True, False]


def test_the_wrong_tail_of_a_suggestion_counts_once_while_it_is_typed_along() -> None:
    spans = [Span(0, 0, "bcXYZ", 0.3, 0.4), Span(1, 0, "cXYZ", 0.4, 0.8), Span(2, 0, "XYZ", 0.8, 1.2)]
    assert wrong_characters(timeline(*spans)) == 3


def test_what_stands_for_less_than_150_ms_is_not_wrong() -> None:
    assert wrong_characters(timeline(Span(0, 0, "XYZ", 0.26, 0.4))) == 0
    assert wrong_characters(timeline(Span(0, 0, "XYZ", 0.25, 0.4))) == 3


def test_what_goes_beyond_the_last_key_is_wrong_only_where_the_end_is_known() -> None:
    spans = [Span(3, 0, "ef and more", 1.2, 1.6)]
    assert wrong_characters(timeline(*spans)) == 9
    assert wrong_characters(timeline(*spans, is_end_known=False)) == 0
    # What differs before the end is wrong in any case.
    assert wrong_characters(timeline(Span(3, 0, "eX and more", 1.2, 1.6), is_end_known=False)) == 10


def test_wrong_characters_are_per_hundred_of_the_text() -> None:
    row = figures([timeline(Span(0, 0, "XYZ", 0.0, 0.4))], Costs(), Traffic())
    assert row.wrong_per_100 == 50


def test_keystrokes_saved_compare_presses_with_those_that_the_text_takes_without_suggestions() -> None:
    presses = [
        Press(at_s=0.0, text="a", rest="bcdef"),
        Press(at_s=0.4, text="bcde", rest="f", is_accept=True),
        Press(at_s=0.8, text="f", rest="", is_asking=False),
    ]
    row = figures([Timeline(gold="abcdef", keys=6, is_end_known=True, presses=presses)], Costs(), Traffic())
    assert (row.keys, row.keys_without, row.accepted, row.keystrokes_saved) == (3, 6, 1, 0.5)


def test_tokens_are_per_press_and_none_where_nobody_counted() -> None:
    counted = Costs(critical_prompt_tokens=12, prompt_tokens=30, generated_tokens=3)
    row = figures([timeline()], counted, Traffic())
    assert (row.critical_prompt_tokens_per_key, row.prompt_tokens_per_key, row.generated_tokens_per_key) == (2, 5, 0.5)
    assert figures([timeline()], Costs(), Traffic()).prompt_tokens_per_key is None


def test_nothing_typed_gives_no_shares() -> None:
    row = figures([], Costs(critical_prompt_tokens=1), Traffic())
    assert (row.within_250ms, row.usable_rate, row.keystrokes_saved, row.critical_prompt_tokens_per_key) == (None,) * 4


def test_percentiles_of_none_one_and_many_values() -> None:
    assert percentiles([]).p50 is None
    assert percentiles([7.0]).p99 == 7.0
    assert percentiles([float(value) for value in range(101)]).p90 == 90.0


def test_common_length_counts_to_the_first_difference_or_to_the_shorter_end() -> None:
    assert [common_length(*pair) for pair in (("abc", "abX"), ("ab", "abc"), ("", "abc"), ("x", "y"))] == [2, 2, 0, 0]
