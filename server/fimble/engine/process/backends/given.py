"""How probable a token is, given the letters of it that the user has typed already.

The model's own probability of `.settings` says little once somebody has typed `.sett`: of all tokens that can follow,
only those that go with the typed letters are left.
"""

import math
from collections.abc import Sequence

# Of the most probable tokens that are looked at, the last is at least as probable as any that is not. How many of the
# unseen ones may go with the typed letters is a guess, on the side of caution.
CANDIDATES = 40
UNSEEN = 3


def given_start(chosen: tuple[str, float], candidates: Sequence[tuple[str, float]], start: str) -> float:
    """Returns the log-probability of a token among those that go with `start`.

    Args:
        chosen: The token's text and its log-probability under the model.
        candidates: The same of the most probable tokens.
        start: What the user has typed since the last whole token.
    """
    fitting = [math.exp(each) for text, each in candidates if text and _goes_with(text, start)]
    least = min((math.exp(each) for _, each in candidates), default=0.0)
    own = math.exp(chosen[1])
    total = sum(fitting) + UNSEEN * least + (0.0 if chosen[0] in {text for text, _ in candidates} else own)
    return min(0.0, math.log(own / total)) if own > 0 and total > 0 else chosen[1]


def _goes_with(text: str, start: str) -> bool:
    return text.startswith(start) or start.startswith(text)
