"""How far a share that was measured on a few may be from that of all."""

import math
from typing import Final

# The two-sided 95 % quantile of the normal distribution.
_Z: Final = 1.959964


def wilson(count: float, n: int) -> tuple[float, float] | None:
    """Returns the 95 % interval of a share by Wilson's score method (1927); None of nothing."""
    if n == 0:
        return None
    share = count / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    # At the ends of the scale one bound is the end itself, which rounding would miss.
    return (0.0 if count == 0 else middle - half, 1.0 if count == n else middle + half)
