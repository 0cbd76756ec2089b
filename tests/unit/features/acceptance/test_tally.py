"""Counting answers and how fast they came."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.acceptance.tally import count_answer, latency_at, latency_steps, state_of

from .samples import suggestion


@pytest.mark.parametrize(
    ("prompt_tokens", "cached_tokens", "generated_tokens", "state"),
    [
        (400, 400, 0, "ready"),
        (400, 399, 5, "warm"),
        (400, 360, 5, "warm"),
        (400, 359, 5, "partly"),
        (400, 40, 5, "partly"),
        (400, 39, 5, "cold"),
        (0, 0, 5, "cold"),
    ],
)
def test_answers_are_told_apart_by_what_was_there(
    prompt_tokens: int, cached_tokens: int, generated_tokens: int, state: str
) -> None:
    answer = suggestion(
        "x", prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, generated_tokens=generated_tokens
    )
    assert state_of(answer) == state


@given(st.lists(st.floats(1, 100_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_percentiles_are_right_within_their_step(latencies: list[float], share: float) -> None:
    counts: Counter[str] = Counter()
    for latency in latencies:
        count_answer(counts, suggestion("x", latency_ms=latency))
    found = latency_at(latency_steps(counts)["ready"], share)
    place = max(0, -int(-share * len(latencies) // 1) - 1)
    assert found == pytest.approx(sorted(latencies)[place], rel=0.03, abs=0.1)


def test_without_answers_there_is_no_percentile() -> None:
    assert latency_at({}, 0.5) is None


def test_an_empty_answer_counts_by_its_reason() -> None:
    counts: Counter[str] = Counter()
    count_answer(counts, suggestion("", suppressed_by="inside-word", latency_ms=3.0))
    count_answer(counts, suggestion(""))
    assert counts == {"empty": 2, "suppressed:inside-word": 1, "suppressed:empty": 1}
