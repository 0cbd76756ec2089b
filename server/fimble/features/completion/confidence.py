"""How much of a text the model is sure of, from the probabilities of its tokens.

What is shown unasked has to be right: a wrong suggestion costs a glance, and more of them the user's trust.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scored:
    """A piece of text that ends at `end` (characters from the anchor), and its tokens' summed log-probability."""

    end: int
    log_probability: float


def expected_wrong(pieces: Sequence[Scored], start: int, end: int) -> float:
    """Returns how many characters from `start` to `end` are expected to be wrong, counted as `sure_end` counts."""
    probability, wrong, at = 1.0, 0.0, start
    for piece in pieces:
        if piece.end <= start:
            continue
        if at >= end:
            break
        probability *= math.exp(piece.log_probability)
        wrong += (1 - probability) * (min(piece.end, end) - at)
        at = piece.end
    return wrong


def sure_end(pieces: Sequence[Scored], start: int, wrong_max: float) -> int | None:
    """Returns up to where the text that goes on at `start` is worth showing, None while all of it is.

    It ends before the piece with which more than `wrong_max` characters are expected to be wrong: each counts with the
    probability that it or something before it is. So a long text has to be surer than a short one. A piece in which
    `start` lies counts with what is left of it, since it was chosen as a whole.
    """
    probability, wrong = 1.0, 0.0
    end = start
    for piece in pieces:
        if piece.end <= start:
            continue
        probability *= math.exp(piece.log_probability)
        wrong += (1 - probability) * (piece.end - end)
        if wrong > wrong_max:
            return end
        end = piece.end
    return None
