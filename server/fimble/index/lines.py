"""Where the lines of a text start."""

from collections.abc import Sequence
from itertools import accumulate


def line_starts(source: bytes) -> Sequence[int]:
    """Returns the offsets at which the lines of a text start, as LSP counts lines, and one past the text's end."""
    # Unlike that of str, splitlines() of bytes splits at \n, \r\n and \r only.
    starts = list(accumulate(map(len, source.splitlines(keepends=True)), initial=0))
    if len(starts) > 1 and source[-1] not in b"\r\n":
        starts[-1] += 1
    else:
        starts.append(starts[-1] + 1)
    return starts
