"""What the statistics say."""

import pytest

from fimble.features.acceptance.store import Store, day_of
from fimble.features.acceptance.summary import summarise

from .samples import row

NOW_S = 1_750_000_000.0
DAY_S = 86_400.0


@pytest.fixture
def store() -> Store:
    return Store.in_memory()


def test_without_anything_everything_is_unknown_or_nothing(store: Store) -> None:
    summary = summarise(store, 7, NOW_S)
    assert (summary.total.shown, summary.total.accepted_share, summary.cancelled_share) == (0, None, None)
    assert summary.saved_by_day == (0,) * 7
    assert [kept.share for kept in summary.kept] == [None, None, None]
    assert [latency.percentiles_ms for latency in summary.latencies] == [(None, None, None)] * 4
    assert (summary.languages, summary.models, summary.factor) == ((), (), 1.0)


def test_shown_accepted_and_saved_are_counted_by_language_and_model(store: Store) -> None:
    accepted = {"accepts": 1, "is_wanted": True, "time_s": NOW_S}
    store.record(row(1, **accepted, accepted_characters=10, is_whole=True))
    store.record(row(2, **accepted, accepted_characters=4, language="rust", model="large"))
    store.record(row(3, time_s=NOW_S))
    store.record(row(4, time_s=NOW_S, is_wanted=True))
    summary = summarise(store, 1, NOW_S)
    total = summary.total
    assert (total.shown, total.accepted, total.accepted_whole, total.typed) == (4, 2, 1, 1)
    assert (total.accepted_share, total.accepted_characters, total.saved_characters) == (0.5, 14, 12)
    assert [(group.name, group.shown, group.accepted) for group in summary.languages] == [
        ("python", 3, 1),
        ("rust", 1, 1),
    ]
    assert [(group.name, group.shown) for group in summary.models] == [("small", 3), ("large", 1)]


def test_only_the_last_days_count(store: Store) -> None:
    for number in range(4):
        store.record(row(number, time_s=NOW_S - number * DAY_S, accepts=1, accepted_characters=10 + number))
        store.count(day_of(NOW_S) - number, {"asked": 10, "cancelled": number})
    summary = summarise(store, 2, NOW_S)
    assert (summary.total.shown, summary.asked, summary.cancelled_share) == (2, 20, 0.05)
    assert summary.saved_by_day == (10, 9)
    assert summarise(store, 180, NOW_S).asked == 40


def test_what_is_kept_is_weighed_by_its_length(store: Store) -> None:
    store.record(row(1, time_s=NOW_S, accepts=1, accepted_characters=90))
    store.record(row(2, time_s=NOW_S, accepts=1, accepted_characters=10))
    store.record(row(3, time_s=NOW_S, accepts=1, accepted_characters=1_000))
    store.keep(1, "30_s", 1.0)
    store.keep(2, "30_s", 0.0)
    first, second, _ = summarise(store, 1, NOW_S).kept
    assert (first.moment, first.looked_at, first.share) == ("30_s", 2, 0.9)
    assert (second.looked_at, second.share) == (0, None)


def test_reasons_come_with_the_commonest_first(store: Store) -> None:
    store.count(day_of(NOW_S), {"suppressed:inside-word": 2, "suppressed:not-sure": 5, "empty": 7})
    assert summarise(store, 1, NOW_S).suppressed == (("not-sure", 5), ("inside-word", 2))
