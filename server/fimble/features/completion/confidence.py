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


def sure_end(pieces: Sequence[Scored], start: int, probability_min: float) -> int | None:
    """Returns where the text that goes on at `start` stops being probable, None while all of it is.

    The probability is that of all pieces after `start` together; one in which `start` lies counts, since what is left
    of it was chosen with it. The piece that takes the probability below the least one is not part of the text.
    """
    left = math.log(probability_min)
    end = start
    for piece in pieces:
        if piece.end <= start:
            continue
        left -= piece.log_probability
        if left > 0:
            return end
        end = piece.end
    return None
