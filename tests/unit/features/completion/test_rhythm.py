"""How long is waited before the model is asked."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.completion.feature import Completion
from fimble.features.completion.rhythm import DELAY_MAX_S, GAPS_MAX, Rhythm
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece, Priority
from tests.unit.features.completion.test_context import query
from tests.unit.features.test_completion import WritingProvider


def _rhythm(*, gaps_s: list[float], latency_ms: float | None) -> Rhythm:
    rhythm, now_s = Rhythm(), 1_000.0
    rhythm.key(now_s)
    for gap_s in gaps_s:
        now_s += gap_s
        rhythm.key(now_s)
    if latency_ms is not None:
        rhythm.answered(latency_ms)
    return rhythm


_FAST = [0.09] * GAPS_MAX
_PAUSING = [0.09, 0.09, 0.09, 5.0] * (GAPS_MAX // 4)


def test_nothing_is_waited_for_before_the_first_answer() -> None:
    assert _rhythm(gaps_s=_FAST, latency_ms=None).delay_s(is_cached=False, before="retur") == 0.0


@pytest.mark.parametrize("latency_ms", [20, 60, 160, 300])
def test_nothing_is_waited_for_where_the_model_is_quick(latency_ms: float) -> None:
    assert _rhythm(gaps_s=_FAST, latency_ms=latency_ms).delay_s(is_cached=False, before="retur") == 0.0


def test_a_fast_typist_and_a_slow_model_are_worth_the_longest_wait_inside_of_a_word() -> None:
    rhythm = _rhythm(gaps_s=_FAST, latency_ms=2_000)
    assert rhythm.delay_s(is_cached=False, before="retur") == DELAY_MAX_S
    assert rhythm.delay_s(is_cached=False, before="my_") == DELAY_MAX_S


@pytest.mark.parametrize("before", ["", "return ", "total(", "self.", "x = 1\n", "x = 1\n    "])
def test_nothing_is_waited_for_after_other_signs(before: str) -> None:
    assert _rhythm(gaps_s=_FAST, latency_ms=2_000).delay_s(is_cached=False, before=before) == 0.0


def test_nothing_is_waited_for_where_no_model_is_asked_or_the_user_asked() -> None:
    rhythm = _rhythm(gaps_s=_FAST, latency_ms=2_000)
    assert rhythm.delay_s(is_cached=True, before="retur") == 0.0
    assert rhythm.delay_s(is_cached=False, before="retur", is_manual=True) == 0.0


def test_who_pauses_often_is_not_made_to_wait_by_the_same_model() -> None:
    assert _rhythm(gaps_s=_FAST, latency_ms=1_500).delay_s(is_cached=False, before="retur") > 0.0
    assert _rhythm(gaps_s=_PAUSING, latency_ms=1_500).delay_s(is_cached=False, before="retur") == 0.0


def test_only_the_last_gaps_and_answers_count() -> None:
    rhythm = _rhythm(gaps_s=_FAST + _PAUSING, latency_ms=1_500)
    assert rhythm.delay_s(is_cached=False, before="retur") == 0.0
    rhythm = _rhythm(gaps_s=_FAST, latency_ms=2_000)
    for _ in range(15):
        rhythm.answered(100)
    assert rhythm.delay_s(is_cached=False, before="retur") == 0.0


def test_one_slow_answer_changes_nothing() -> None:
    rhythm = _rhythm(gaps_s=_FAST, latency_ms=100)
    rhythm.answered(100)
    rhythm.answered(60_000)
    assert rhythm.delay_s(is_cached=False, before="retur") == 0.0


def test_before_anything_was_typed_gaps_are_those_of_users_at_large() -> None:
    shares = [Rhythm().share_at_least(gap_s) for gap_s in (0.0, 0.2, 0.3, 0.5, 1.0, 4.0)]
    assert shares == pytest.approx([1.0, 0.25, 0.18, 0.12, 0.071, 0.0215])


def test_an_absence_is_no_gap() -> None:
    away = _rhythm(gaps_s=[3_600.0] * 50, latency_ms=None)
    assert away.share_at_least(5.0) == Rhythm().share_at_least(5.0)
    there = _rhythm(gaps_s=[6.0] * 50, latency_ms=None)
    assert there.share_at_least(5.0) > 0.5


def test_a_clock_that_runs_backwards_gives_no_gap() -> None:
    rhythm = _rhythm(gaps_s=[-1.0, -2.0], latency_ms=None)
    assert rhythm.share_at_least(0.1) == Rhythm().share_at_least(0.1)


_GAPS = st.lists(st.floats(0, 20), max_size=300)
_LATENCY = st.floats(0, 100_000)


@given(_GAPS, st.lists(st.floats(-10, 100_000), max_size=30), st.text(max_size=5))
def test_the_wait_is_bounded(gaps_s: list[float], latencies_ms: list[float], before: str) -> None:
    rhythm = _rhythm(gaps_s=gaps_s, latency_ms=None)
    for latency_ms in latencies_ms:
        rhythm.answered(latency_ms)
    assert 0.0 <= rhythm.delay_s(is_cached=False, before=before) <= DELAY_MAX_S
    assert rhythm.delay_s(is_cached=True, before=before) == 0.0


@given(_GAPS, _LATENCY, _LATENCY)
def test_a_slower_model_is_never_waited_less_for(gaps_s: list[float], one_ms: float, other_ms: float) -> None:
    waits = [
        _rhythm(gaps_s=gaps_s, latency_ms=latency_ms).delay_s(is_cached=False, before="retur")
        for latency_ms in sorted((one_ms, other_ms))
    ]
    assert waits == sorted(waits)


@given(_GAPS, st.floats(0, 30), st.floats(0, 30))
def test_longer_gaps_are_never_more_frequent(gaps_s: list[float], one_s: float, other_s: float) -> None:
    rhythm = _rhythm(gaps_s=gaps_s, latency_ms=None)
    low_s, high_s = sorted((one_s, other_s))
    assert 1.0 >= rhythm.share_at_least(low_s) >= rhythm.share_at_least(high_s) > 0.0


class _SlowProvider(WritingProvider):
    """Takes ten seconds of the test's clock for each text."""

    def __init__(self) -> None:
        super().__init__("x")
        self.now_s = 0.0

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        self.now_s += 10.0
        async for piece in super().generate(request, report):
            yield piece


@pytest.mark.parametrize(("is_manual", "asked"), [(False, False), (True, True)])
async def test_only_who_types_with_a_slow_model_is_made_to_wait(*, is_manual: bool, asked: bool) -> None:
    provider = _SlowProvider()
    completion = Completion(provider, clock=lambda: provider.now_s)
    await completion.suggest(query("y = $0\n", is_manual=False))
    task = asyncio.ensure_future(completion.suggest(query("y = othe$0\n", is_manual=is_manual)))
    for _ in range(20):
        await asyncio.sleep(0)
    # What is written ahead does not wait.
    assert (sum(request.priority is Priority.INLINE for request in provider.requests) > 1) is asked
    await task
    assert sum(request.priority is Priority.INLINE for request in provider.requests) > 1
