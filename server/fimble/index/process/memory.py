"""How much memory this process has had."""

import resource
import sys


def peak_rss_bytes() -> int:
    """Returns the most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
