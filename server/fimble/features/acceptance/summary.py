"""What the statistics say, in numbers that a person asks for."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fimble.features.acceptance import tally
from fimble.features.acceptance.store import MOMENTS, Store, StoredRow, day_of
from fimble.features.acceptance.threshold import OUTCOMES_MAX, factor_after

PERCENTILES: Final = (0.5, 0.9, 0.99)
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Suggestions of one kind: how many were shown and accepted, and what that came to in characters.

    `saved_characters` are those that were accepted, less one key for each accept.
    """

    name: str
    shown: int
    accepted: int
    accepted_whole: int
    typed: int
    shown_characters: int
    accepted_characters: int
    saved_characters: int

    @property
    def accepted_share(self) -> float | None:
        """The share of the shown ones that was accepted, None where none was shown."""
        return self.accepted / self.shown if self.shown else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which share of the accepted characters was still there at a moment, None where nobody looked yet."""

    moment: str
    looked_at: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long answers with text took, by how much of them was there; percentiles in ms as in `PERCENTILES`."""

    state: str
    answers: int
    percentiles_ms: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The statistics of some days, the last one today. `outcomes` is what the factor was learnt from."""

    days: int
    total: Group
    languages: tuple[Group, ...]
    models: tuple[Group, ...]
    triggers: tuple[Group, ...]
    saved_by_day: tuple[int, ...]
    kept: tuple[Kept, ...]
    latencies: tuple[Latency, ...]
    asked: int
    answered: int
    empty: int
    cancelled: int
    failed: int
    suppressed: tuple[tuple[str, int], ...]
    outcomes: int
    factor: float

    @property
    def cancelled_share(self) -> float | None:
        """The share of the questions that were replaced before they were answered, None where nothing was asked."""
        return self.cancelled / self.asked if self.asked else None


def summarise(store: Store, days: int, now_s: float) -> Summary:
    """Returns the statistics of the last `days` days.

    Raises:
        sqlite3.Error: the database cannot be read.
    """
    today = day_of(now_s)
    rows = [row for row in store.rows(now_s - days * _DAY_S) if today - days < day_of(row.time_s) <= today]
    counts = store.counts(today - days + 1)
    outcomes = store.outcomes(OUTCOMES_MAX)
    suppressed = {
        name.removeprefix(tally.SUPPRESSED): count
        for name, count in counts.items()
        if name.startswith(tally.SUPPRESSED)
    }
    return Summary(
        days=days,
        total=_group("", rows),
        languages=_groups(rows, lambda row: row.language),
        models=_groups(rows, lambda row: row.model),
        triggers=_groups(rows, lambda row: row.trigger),
        saved_by_day=_saved_by_day(rows, days, today),
        kept=tuple(_kept(moment, rows) for moment in MOMENTS),
        latencies=tuple(
            Latency(
                state=state,
                answers=sum(steps.values()),
                percentiles_ms=tuple(tally.latency_at(steps, share) for share in PERCENTILES),
            )
            for state, steps in tally.latency_steps(counts).items()
        ),
        asked=counts.get(tally.ASKED, 0),
        answered=counts.get(tally.ANSWERED, 0),
        empty=counts.get(tally.EMPTY, 0),
        cancelled=counts.get(tally.CANCELLED, 0),
        failed=counts.get(tally.FAILED, 0),
        suppressed=tuple(Counter(suppressed).most_common()),
        outcomes=len(outcomes),
        factor=factor_after(outcomes),
    )


def saved(row: StoredRow) -> int:
    """Returns how many keys an accepted suggestion saved."""
    return max(0, row.accepted_characters - row.accepts)


def _groups(rows: Iterable[StoredRow], name_of: Callable[[StoredRow], str]) -> tuple[Group, ...]:
    by_name: dict[str, list[StoredRow]] = {}
    for row in rows:
        by_name.setdefault(name_of(row), []).append(row)
    return tuple(sorted((_group(name, rows) for name, rows in by_name.items()), key=lambda group: -group.shown))


def _group(name: str, rows: Sequence[StoredRow]) -> Group:
    return Group(
        name=name,
        shown=len(rows),
        accepted=sum(row.accepts > 0 for row in rows),
        accepted_whole=sum(bool(row.is_whole) for row in rows),
        typed=sum(bool(row.is_wanted) and not row.accepts for row in rows),
        shown_characters=sum(row.characters for row in rows),
        accepted_characters=sum(row.accepted_characters for row in rows),
        saved_characters=sum(saved(row) for row in rows),
    )


def _saved_by_day(rows: Iterable[StoredRow], days: int, today: int) -> tuple[int, ...]:
    by_day: Counter[int] = Counter()
    for row in rows:
        by_day[day_of(row.time_s)] += saved(row)
    return tuple(by_day[day] for day in range(today - days + 1, today + 1))


def _kept(moment: str, rows: Iterable[StoredRow]) -> Kept:
    looked_at = [
        (row.accepted_characters, share) for row in rows if (share := getattr(row, f"kept_{moment}")) is not None
    ]
    accepted = sum(characters for characters, _ in looked_at)
    share = sum(characters * share for characters, share in looked_at) / accepted if accepted else None
    return Kept(moment=moment, looked_at=len(looked_at), share=share)
