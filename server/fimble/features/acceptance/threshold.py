"""How the user's own accepts and rejects move the confidence that is asked of a suggestion shown unasked.

The number of characters that may be wrong is multiplied by a factor of what the user does with suggestions,

    rate = (EXPECTED * PRIOR + sum of w * wanted) / (PRIOR + sum of w),      factor = rate / EXPECTED

within FACTOR_MIN and FACTOR_MAX; w halves with every HALF_LIFE newer outcomes. Who accepts less often than expected is
shown less, only what is surer; who accepts more often is shown more. It settles by itself: less sure suggestions are
accepted less often, which lowers the factor again. As many outcomes as the prior weighs have to speak against it before
it has moved half the way, so that a bad hour does not change much; the first OUTCOMES_MIN change nothing, and the next
as many do so little by little.
"""

from collections.abc import Sequence
from typing import Final

EXPECTED: Final = 0.27
"""Accepted of shown suggestions, over all users of Copilot in 2022 (Ziegler and others, arXiv 2205.06537)."""
PRIOR: Final = 60.0
"""So many outcomes as expected are assumed beforehand."""
HALF_LIFE: Final = 200
OUTCOMES_MIN: Final = 30
OUTCOMES_MAX: Final = 1_000
"""Older ones weigh nothing: 2^-5."""
FACTOR_MIN: Final = 0.5
FACTOR_MAX: Final = 2.0


def factor_after(outcomes: Sequence[bool]) -> float:
    """Returns by what the number of wrong characters that are allowed is multiplied.

    `outcomes` tells of the suggestions that came unasked whether they were wanted, the newest first.
    """
    if len(outcomes) <= OUTCOMES_MIN:
        return 1.0
    weights: list[float] = [0.5 ** (age / HALF_LIFE) for age in range(len(outcomes))]
    wanted = sum(weight for weight, is_wanted in zip(weights, outcomes, strict=True) if is_wanted)
    rate = (EXPECTED * PRIOR + wanted) / (PRIOR + sum(weights))
    weight = min(1.0, (len(outcomes) - OUTCOMES_MIN) / OUTCOMES_MIN)
    factor: float = 1 + weight * (rate / EXPECTED - 1)
    return min(FACTOR_MAX, max(FACTOR_MIN, factor))
