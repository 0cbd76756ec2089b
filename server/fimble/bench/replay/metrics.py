"""The figures of a replay, each defined once, from what happened (`Timeline`) alone."""

import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fimble.bench.replay.screen import Span
from fimble.bench.replay.system import Costs, Traffic
from fimble.bench.replay.typist import READING_S, Press, Timeline, first_line

# Times are sums of floating-point numbers; a millionth of a second more or less is the same time.
_TOLERANCE_S = 1e-6
# Of what is right by chance, one or two characters are not worth looking at.
RIGHT_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds below which these shares of `n` times lie; None of no times."""

    n: int
    p50: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a system did for a typist; shares between 0 and 1, None where there is nothing to divide by.

    `keys` counts presses, those that accept included; `keys_without` is how many the same text takes without
    suggestions. Each other field is explained at the function that computes it.
    """

    keys: int
    keys_without: int
    characters: int
    asked: int
    accepted: int
    critical_prompt_tokens_per_key: float | None
    prompt_tokens_per_key: float | None
    generated_tokens_per_key: float | None
    within_100ms: float | None
    within_250ms: float | None
    within_500ms: float | None
    usable_rate: float | None
    usable_line_rate: float | None
    usable_left_rate: float | None
    keystrokes_saved: float | None
    wrong_per_100: float | None
    shown: int
    requests: int
    cancelled_share: float | None
    failed: int
    kept: int
    cached_ms: Percentiles
    model_ms: Percentiles


def figures(timelines: Sequence[Timeline], costs: Costs, traffic: Traffic) -> Figures:
    """Returns the figures of segments that one system went through at a total of `costs`."""
    presses = sum(len(timeline.presses) for timeline in timelines)
    characters = sum(len(timeline.gold) for timeline in timelines)
    keys_without = sum(timeline.keys for timeline in timelines)
    usable = [verdict for one in timelines for verdict in usable_gaps(one, is_as_typed=True)]
    usable_lines = [verdict for one in timelines for verdict in usable_gaps(one, is_as_typed=True, is_whole_line=True)]
    usable_left = [verdict for one in timelines for verdict in usable_gaps(one)]
    delays = [delay for timeline in timelines for delay in delays_s(timeline)]
    return Figures(
        keys=presses,
        keys_without=keys_without,
        characters=characters,
        asked=len(delays),
        accepted=sum(press.is_accept for timeline in timelines for press in timeline.presses),
        critical_prompt_tokens_per_key=_ratio(costs.critical_prompt_tokens, presses),
        prompt_tokens_per_key=_ratio(costs.prompt_tokens, presses),
        generated_tokens_per_key=_ratio(costs.generated_tokens, presses),
        within_100ms=_within(delays, 0.1),
        within_250ms=_within(delays, 0.25),
        within_500ms=_within(delays, 0.5),
        usable_rate=_ratio(sum(usable), len(usable)),
        usable_line_rate=_ratio(sum(usable_lines), len(usable_lines)),
        usable_left_rate=_ratio(sum(usable_left), len(usable_left)),
        keystrokes_saved=1 - presses / keys_without if keys_without else None,
        wrong_per_100=_ratio(100 * sum(wrong_characters(timeline) for timeline in timelines), characters),
        shown=sum(len({span.suggestion for span in timeline.spans}) for timeline in timelines),
        requests=traffic.requests,
        cancelled_share=_ratio(traffic.cancelled, traffic.requests),
        failed=traffic.failed,
        kept=sum(delay is not None and delay < _TOLERANCE_S for delay in delays),
        cached_ms=percentiles(traffic.cached_ms),
        model_ms=percentiles(traffic.model_ms),
    )


def delays_s(timeline: Timeline) -> list[float | None]:
    """Returns for each press that asks how long it takes until a suggestion is on the screen, None for never.

    Only text that fits what has been typed counts, and only until the next press: a suggestion that was not there by
    then never came for this key. One that is typed along is there at once. `within_250ms` is the share of asking
    presses whose delay is at most 250 ms; a press without a suggestion counts as late.
    """
    return [
        min((span.from_s - press.at_s for span in spans), default=None)
        for press, spans in _gaps(timeline)
        if press.is_asking
    ]


def usable_gaps(timeline: Timeline, *, is_whole_line: bool = False, is_as_typed: bool = False) -> list[bool]:
    """Returns for each press but the last whether the next one came upon a usable suggestion.

    Usable is what has stood on the screen for the last `READING_S` before the next press, within this gap, and whose
    longest correct prefix, the characters in which it agrees with what will be typed, has three characters, or all
    that are left if those are fewer. So the pause before the next press decides too: with an oracle the rate is the
    share of gaps of `READING_S` and more. With `is_whole_line` the first line of what is shown has to be right to its
    end as well. With `is_as_typed` the gaps that an acceptance spared count too, as if its text had been typed along:
    else who accepts much has few usable gaps left, and could not be compared with who accepts nothing.
    """
    verdicts = []
    for (press, spans), following in zip(_gaps(timeline), timeline.presses[1:], strict=False):
        last = spans[-1] if spans else None
        verdicts.append(
            last is not None
            and last.until_s >= following.at_s - _TOLERANCE_S
            and following.at_s - last.from_s >= READING_S - _TOLERANCE_S
            and common_length(last.text, press.rest) >= min(len(press.rest), RIGHT_MIN)
            and (not is_whole_line or _is_line_right(last.text, press.rest))
        )
        if is_as_typed:
            verdicts += [
                spared.gap_s >= READING_S - _TOLERANCE_S
                and spared.characters >= min(RIGHT_MIN, spared.characters + len(following.rest))
                for spared in following.spared
            ]
    return verdicts


def wrong_characters(timeline: Timeline) -> int:
    """Returns how many characters were shown for `READING_S` or more and are not what was typed.

    Each suggestion counts once, however long it is typed along: all its characters from the first on that differs.
    Where nobody knows what would have followed the last key (`Timeline.is_end_known`), what goes beyond it is not
    judged. `wrong_per_100` divides this by the characters of the text, accepted ones included.
    """
    spans: dict[int, list[Span]] = defaultdict(list)
    for span in timeline.spans:
        spans[span.suggestion].append(span)
    wrong = 0
    for parts in spans.values():
        if parts[-1].until_s - parts[0].from_s < READING_S - _TOLERANCE_S:
            continue
        text, press = parts[0].text, parts[0].press
        rest = timeline.presses[press].rest if press >= 0 else timeline.gold
        right = common_length(text, rest)
        if right < len(rest) or timeline.is_end_known:
            wrong += len(text) - right
    return wrong


def common_length(one: str, other: str) -> int:
    """Returns in how many characters from the start two texts agree."""
    return next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


def percentiles(values: Sequence[float]) -> Percentiles:
    """Returns the percentiles of times."""
    if len(values) < 2:
        only = values[0] if values else None
        return Percentiles(len(values), only, only, only, only, only)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return Percentiles(len(values), *(cuts[percent - 1] for percent in (50, 75, 90, 95, 99)))


def _gaps(timeline: Timeline) -> Iterator[tuple[Press, list[Span]]]:
    """Yields each press with what was shown between it and the next one."""
    spans = sorted((span for span in timeline.spans if span.press >= 0), key=lambda span: (span.press, span.from_s))
    numbers = [span.press for span in spans]
    for number, press in enumerate(timeline.presses):
        # A span of no length was replaced, or typed over, in the moment it came.
        yield (
            press,
            [
                span
                for span in spans[bisect_left(numbers, number) : bisect_left(numbers, number + 1)]
                if span.until_s > span.from_s
            ],
        )


def _is_line_right(text: str, rest: str) -> bool:
    line = first_line(text)
    return rest.startswith(line) or line.startswith(rest)


def _within(delays: Sequence[float | None], limit_s: float) -> float | None:
    return _ratio(sum(delay is not None and delay <= limit_s + _TOLERANCE_S for delay in delays), len(delays))


def _ratio(value: float | None, total: int) -> float | None:
    return None if value is None or not total else value / total
