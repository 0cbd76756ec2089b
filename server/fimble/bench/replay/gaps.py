"""Pauses between keys, as people make them."""

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from fimble.bench.replay.keys import GAP_MAX_S

# Shares of the gaps that are at least so long, after single-character insertions in a 92-minute session of one
# developer: the recording EditSourceTracker.test1 of microsoft/vscode-copilot-chat (MIT), 1,911 gaps. The first and
# the last line are our ends for them.
_AT_LEAST: Final = (
    (0.03, 1.0),
    (0.1, 0.55),
    (0.15, 0.36),
    (0.2, 0.25),
    (0.25, 0.20),
    (0.3, 0.18),
    (0.4, 0.14),
    (0.5, 0.12),
    (0.75, 0.086),
    (1.0, 0.071),
    (1.5, 0.052),
    (2.0, 0.043),
    (GAP_MAX_S, 0.0),
)
_BELOW: Final = [1 - share for _, share in _AT_LEAST]


def drawn_gaps(source: random.Random) -> Iterator[float]:
    """Yields gaps in seconds without end, each drawn by itself from the built-in distribution."""
    while True:
        yield gap_at(source.random())


def gap_at(share: float) -> float:
    """Returns the gap in seconds below which `share` of the gaps lie, 0 to 1; between the known ones in a line."""
    upper = min(max(bisect_right(_BELOW, share), 1), len(_BELOW) - 1)
    low, high = _BELOW[upper - 1], _BELOW[upper]
    start_s, end_s = _AT_LEAST[upper - 1][0], _AT_LEAST[upper][0]
    return start_s + (end_s - start_s) * min(1.0, (share - low) / (high - low))


def recorded_gaps(gaps_s: Sequence[float], source: random.Random) -> Iterator[float]:
    """Yields recorded gaps in their order from a place drawn by lot, so that bursts stay bursts."""
    start = source.randrange(len(gaps_s))
    number = start
    while True:
        yield gaps_s[number % len(gaps_s)]
        number += 1
