"""Where a text stops being probable."""

import math

import pytest

from fimble.features.completion.confidence import Scored, sure_end

PIECES = [Scored(3, math.log(0.9)), Scored(6, math.log(0.8)), Scored(9, math.log(0.5)), Scored(12, math.log(0.99))]


@pytest.mark.parametrize(
    ("start", "least", "end"),
    [
        (0, 0.95, 0),
        (0, 0.85, 3),
        (0, 0.5, 6),
        (0, 0.36, 9),
        (0, 0.3, None),
        (3, 0.5, 6),
        (4, 0.85, 4),
        (6, 0.5, 9),
        (6, 0.49, None),
        (9, 0.9, None),
        (12, 0.99, None),
    ],
)
def test_the_text_ends_before_the_piece_that_makes_it_improbable(start: int, least: float, end: int | None) -> None:
    assert sure_end(PIECES, start, least) == end
