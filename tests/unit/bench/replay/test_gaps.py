import itertools
import random

import pytest

from fimble.bench.replay.gaps import drawn_gaps, gap_at, recorded_gaps


@pytest.mark.parametrize(
    ("share", "gap_s"), [(0.0, 0.03), (0.45, 0.1), (0.75, 0.2), (0.88, 0.5), (0.957, 2.0), (1.0, 3.0)]
)
def test_the_known_shares_have_their_gaps(share: float, gap_s: float) -> None:
    assert gap_at(share) == pytest.approx(gap_s)


def test_drawn_gaps_follow_the_shares() -> None:
    gaps = list(itertools.islice(drawn_gaps(random.Random(1)), 20_000))
    assert sum(gap >= 0.15 for gap in gaps) / len(gaps) == pytest.approx(0.36, abs=0.01)
    assert sum(gap >= 1.0 for gap in gaps) / len(gaps) == pytest.approx(0.071, abs=0.01)


def test_recorded_gaps_keep_their_order() -> None:
    gaps = list(itertools.islice(recorded_gaps([0.1, 0.2, 0.3], random.Random(1)), 4))
    assert gaps in ([0.1, 0.2, 0.3, 0.1], [0.2, 0.3, 0.1, 0.2], [0.3, 0.1, 0.2, 0.3])
