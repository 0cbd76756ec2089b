"""The statistics as `fimble stats` prints them: text with small charts, and JSON."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typer

from fimble.features.acceptance.summary import Group, Summary

_LABEL_WIDTH: Final = 28
_BAR_WIDTH: Final = 24
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_GROUPS_MAX: Final = 8
_STATES: Final = {
    "ready": "written ahead",
    "warm": "prompt in the cache",
    "partly": "prompt partly in the cache",
    "cold": "prompt read anew",
}
_MOMENTS: Final = {"30_s": "30 seconds", "2_min": "2 minutes", "10_min": "10 minutes"}
_NAMES: Final = ("p50", "p90", "p99")


def to_json(summary: Summary, path: Path) -> dict[str, Any]:
    """Returns the statistics as one object; what cannot be said yet is null."""
    total = _group_to_json(summary.total)
    del total["name"]
    latencies = {
        latency.state: {"answers": latency.answers, **dict(zip(_NAMES, latency.percentiles_ms, strict=True))}
        for latency in summary.latencies
    }
    return {
        "days": summary.days,
        **total,
        "kept": {kept.moment: kept.share for kept in summary.kept},
        "asked": summary.asked,
        "answered": summary.answered,
        "empty": summary.empty,
        "cancelled": summary.cancelled,
        "failed": summary.failed,
        "cancelled_share": summary.cancelled_share,
        "suppressed": dict(summary.suppressed),
        "latency_ms": latencies,
        "languages": [_group_to_json(group) for group in summary.languages],
        "models": [_group_to_json(group) for group in summary.models],
        "triggers": [_group_to_json(group) for group in summary.triggers],
        "saved_characters_by_day": list(summary.saved_by_day),
        "confidence": {"factor": summary.factor, "outcomes": summary.outcomes},
        "database": os.fspath(path),
    }


class Page:
    """Prints statistics for a person; a plain page has no colours, and bars of ordinary signs."""

    def __init__(self, *, is_plain: bool) -> None:
        self._is_plain = is_plain

    def lines(self, summary: Summary, path: Path) -> Iterator[str]:
        """Yields the lines."""
        yield self._strong("Suggestions today" if summary.days == 1 else f"Suggestions of the last {summary.days} days")
        if summary.total.shown or summary.asked:
            yield from self._totals(summary)
            yield from self._kept(summary)
            yield from self._latencies(summary)
            yield from self._groups("By language", summary.languages)
            yield from self._groups("By model", summary.models)
        else:
            yield "  None; there may be older ones: fimble stats --days 180"
        yield ""
        yield _learnt(summary)
        yield f"All of it stays on this machine, in {path}"
        yield "To forget it: fimble stats --reset"

    def _totals(self, summary: Summary) -> Iterator[str]:
        total = summary.total
        yield (
            f"  {total.shown:,} shown, {total.accepted:,} accepted ({_percent(total.accepted_share)}): "
            f"{total.accepted_whole:,} to the end, {total.accepted - total.accepted_whole:,} partly; "
            f"{total.typed:,} typed along by hand"
        )
        yield (
            f"  {total.shown_characters:,} characters shown, {total.accepted_characters:,} accepted, "
            f"{total.saved_characters:,} keys saved"
        )
        if summary.asked:
            yield (
                f"  asked {summary.asked:,} times: {summary.answered:,} answered, {summary.empty:,} without a "
                f"suggestion, {summary.cancelled:,} overtaken by the next key ({_percent(summary.cancelled_share)}), "
                f"{summary.failed:,} failed"
            )
        if summary.suppressed:
            reasons = ", ".join(f"{name} {count:,}" for name, count in summary.suppressed[:_GROUPS_MAX])
            yield f"  nothing was shown because of: {reasons}"
        if len(summary.saved_by_day) > 1 and any(summary.saved_by_day):
            chart = self._chart(summary.saved_by_day)
            yield f"  keys saved per day {chart} up to {max(summary.saved_by_day):,}"

    def _kept(self, summary: Summary) -> Iterator[str]:
        if all(kept.share is None for kept in summary.kept):
            return
        yield ""
        yield self._strong("Accepted characters that are still there after")
        for kept in summary.kept:
            line = f"  {_MOMENTS[kept.moment]:<{_LABEL_WIDTH}}{_percent(kept.share):>9}  {self._bar(kept.share)}"
            yield line.rstrip()

    def _latencies(self, summary: Summary) -> Iterator[str]:
        if not any(latency.answers for latency in summary.latencies):
            return
        yield ""
        names = "".join(f"{name:>9}" for name in _NAMES)
        yield self._strong(f"{'Milliseconds until an answer':<{_LABEL_WIDTH + 2}}{'answers':>9}{names}")
        for latency in summary.latencies:
            figures = "".join(f"{'–' if each is None else f'{each:,.0f}':>9}" for each in latency.percentiles_ms)
            yield f"  {_STATES[latency.state]:<{_LABEL_WIDTH}}{latency.answers:>9,}{figures}"

    def _groups(self, title: str, groups: Sequence[Group]) -> Iterator[str]:
        if not groups:
            return
        yield ""
        yield self._strong(f"{title:<{_LABEL_WIDTH + 2}}{'shown':>9}{'keys saved':>12}{'accepted':>10}")
        for group in groups[:_GROUPS_MAX]:
            name, share = group.name[:_LABEL_WIDTH] or "unknown", group.accepted_share
            figures = f"{group.shown:>9,}{group.saved_characters:>12,}{_percent(share):>10}"
            yield f"  {name:<{_LABEL_WIDTH}}{figures}  {self._bar(share)}".rstrip()
        if len(groups) > _GROUPS_MAX:
            yield f"  and {len(groups) - _GROUPS_MAX} others"

    def _bar(self, share: float | None) -> str:
        if share is None:
            return ""
        if self._is_plain:
            return "#" * round(share * _BAR_WIDTH)
        whole, eighths = divmod(round(share * _BAR_WIDTH * 8), 8)
        return self._green(("█" * whole + _EIGHTHS[eighths]).rstrip())

    def _chart(self, values: Sequence[int]) -> str:
        """Returns one sign per value; the plain ones are digits from 0 to 9."""
        levels = "0123456789" if self._is_plain else _LEVELS
        most = max(values)
        # Rounded up, so that a little is not nothing.
        return self._green("".join(levels[-(-value * (len(levels) - 1) // most)] for value in values))

    def _green(self, text: str) -> str:
        return text if self._is_plain else typer.style(text, fg=typer.colors.GREEN)

    def _strong(self, text: str) -> str:
        return text if self._is_plain else typer.style(text, bold=True)


def _learnt(summary: Summary) -> str:
    if summary.factor == 1.0:
        return "What you accept has not changed yet how sure a suggestion must be to be shown."
    verb = "more" if summary.factor > 1 else "fewer"
    return (
        f"You accept {verb} suggestions than expected, so what is shown may have {summary.factor:.2f} times as many "
        f"wrong characters (learnt from {summary.outcomes:,})."
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.0f} %"


def _group_to_json(group: Group) -> dict[str, Any]:
    return {**asdict(group), "accepted_share": group.accepted_share}
