"""How long to wait before a question is sent to the model, from how the user types and how long the model takes.

The answer is nearly always: not at all. See `Rhythm` for what a wait costs.
"""

import statistics
from bisect import bisect_right
from collections import deque
from typing import Final

DELAY_MAX_S: Final = 0.15
GAPS_MAX: Final = 200
# Who does not type for so long has gone; that says nothing about typing.
_GAP_MAX_S: Final = 10.0
# What is known of users at large counts as much as so many gaps of this one.
_PRIOR_GAPS: Final = 50
# Shares of the gaps between keys that are at least so long: 1,911 gaps of one developer (EditSourceTracker.test1 of
# microsoft/vscode-copilot-chat, MIT). The first is our end for them; beyond the last, shares fall as 1/s.
_PRIOR: Final = (
    *((0.0, 1.0), (0.1, 0.55), (0.15, 0.36), (0.2, 0.25), (0.25, 0.20), (0.3, 0.18), (0.4, 0.14), (0.5, 0.12)),
    *((0.75, 0.086), (1.0, 0.071), (1.5, 0.052), (2.0, 0.043)),
)
_PRIOR_AT: Final = [at_s for at_s, _ in _PRIOR]
_LATENCIES_MAX: Final = 15
# What was on the screen for less has not been read.
_READING_S: Final = 0.15
# From so many seconds of the model's work for each gap that is long enough for it on, a wait begins to pay, and from
# so many on it is as long as it may be.
_COST_LOW_S: Final = 16.0
_COST_HIGH_S: Final = 32.0


class Rhythm:
    """One user's pace and one model's, as they were lately.

    A wait has to earn what it costs. Simulated on the development part of the recordings of edits (80 seeds), with a
    model that is right in 55 % of the cases, stops within a token, keeps what it has read, and whose text stays while
    the user types along it, waits inside of words change the share of gaps with a usable suggestion, and the model's
    work, by:

        until a suggestion   no wait: usable, work per key   20 ms        60 ms         150 ms
          51 ms              11.9 %,  15 ms                  -2 %, -3 %   -4 %, -15 %   -30 %, -46 %
         161 ms              10.2 %,  39 ms                  -2 %, -4 %   -4 %, -14 %   -34 %, -42 %
         425 ms               7.0 %,  81 ms                  -1 %, -2 %   -4 %,  -8 %   -31 %, -38 %
        1020 ms               3.2 %, 157 ms                  -1 %, -1 %   -3 %,  -4 %   -24 %, -35 %
        1700 ms               1.5 %, 238 ms                  -2 %,  0 %   -6 %,  -3 %   -20 %, -35 %

    So no wait brings more suggestions: one that is begun early is often still right a key later. Where five seconds of
    work are a fair price for a usable suggestion, not waiting is best up to 680 ms, and the longest wait from 1,020 ms
    on; with a model that is right in 30 % of the cases, 20 ms are best at 425 ms and 60 ms at 680 ms. As only answers
    that came before the next key are known, the rule finds a model quicker than it is, and begins to wait at about
    1.5 s: of two kinds of mistakes that one costs no suggestions. A user who types half as fast is not made to wait.
    Inside of words 3 % of the recorded gaps reach 300 ms; after other signs 20 % do, and nothing is waited for there.
    """

    def __init__(self) -> None:
        self._gaps_s: deque[float] = deque(maxlen=GAPS_MAX)
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES_MAX)
        self._last_key_s: float | None = None

    def key(self, now_s: float) -> None:
        """Takes note of a key, when an automatic question comes; times are of one monotonic clock."""
        if self._last_key_s is not None and 0 <= now_s - self._last_key_s <= _GAP_MAX_S:
            self._gaps_s.append(now_s - self._last_key_s)
        self._last_key_s = now_s

    def answered(self, latency_ms: float) -> None:
        """Takes note of how long the model took from being asked to a text that could be shown, nothing cached."""
        if latency_ms >= 0:
            self._latencies_s.append(latency_ms / 1000)

    def delay_s(self, *, is_cached: bool, before: str, is_manual: bool = False) -> float:
        """Returns how long to wait for another key before the model is asked, from 0 to `DELAY_MAX_S`.

        `before` is the text before the cursor, or its end. Nothing is waited for where no model is asked
        (`is_cached`: what was written before, or is being written, goes on here) or a user has asked by a key.
        """
        if is_cached or is_manual or not self._latencies_s or not _is_in_word(before):
            return 0.0
        latency_s = statistics.median(self._latencies_s)
        cost_s = latency_s / self.share_at_least(latency_s + _READING_S)
        return DELAY_MAX_S * min(1.0, max(0.0, (cost_s - _COST_LOW_S) / (_COST_HIGH_S - _COST_LOW_S)))

    def share_at_least(self, gap_s: float) -> float:
        """Returns the share of gaps between keys that are at least so long, above 0 and at most 1."""
        own = sum(gap >= gap_s for gap in self._gaps_s)
        return (own + _PRIOR_GAPS * _prior(gap_s)) / (len(self._gaps_s) + _PRIOR_GAPS)


def _prior(gap_s: float) -> float:
    last_s, last = _PRIOR[-1]
    if gap_s >= last_s:
        return last * last_s / gap_s
    upper = bisect_right(_PRIOR_AT, max(gap_s, 0.0))
    (low_s, low), (high_s, high) = _PRIOR[upper - 1], _PRIOR[upper]
    return low + (high - low) * (max(gap_s, 0.0) - low_s) / (high_s - low_s)


def _is_in_word(before: str) -> bool:
    return before[-1:].isalnum() or before[-1:] == "_"
