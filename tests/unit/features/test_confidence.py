"""Up to where a text is worth showing."""

import math

import pytest

from fimble.features.completion.confidence import Scored, sure_end

# Right with 0.9, 0.72, 0.36 and 0.356 up to their ends; each piece has three characters.
PIECES = [Scored(3, math.log(0.9)), Scored(6, math.log(0.8)), Scored(9, math.log(0.5)), Scored(12, math.log(0.99))]


@pytest.mark.parametrize(
    ("start", "wrong_max", "end"),
    [
        (0, 0.2, 0),
        (0, 0.4, 3),
        (0, 1.2, 6),
        (0, 3.1, 9),
        (0, 6.0, None),
        (0, math.inf, None),
        (1, 0.2, 3),
        (3, 0.7, 6),
        (4, 0.3, 4),
        (9, 0.1, None),
        (12, 0.0, None),
    ],
)
def test_a_text_ends_before_too_much_of_it_is_expected_to_be_wrong(
    start: int, wrong_max: float, end: int | None
) -> None:
    assert sure_end(PIECES, start, wrong_max) == end


def test_a_long_text_has_to_be_surer_than_a_short_one() -> None:
    assert sure_end([Scored(2, math.log(0.6))], 0, 1.0) is None
    assert sure_end([Scored(20, math.log(0.6))], 0, 1.0) == 0
