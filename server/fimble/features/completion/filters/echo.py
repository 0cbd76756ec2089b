"""Lines that stand next to the hole already, above it or below."""

import re
from collections.abc import Sequence
from typing import Final

from fimble.features.completion.surroundings import Surroundings

# One line says again what stands next to it when it has at least as many letters and digits.
_SIGNS_MIN: Final = 8
# Of several lines in the same order, all together.
_SIGNS_OF_SEVERAL_MIN: Final = 10
# Lines that are the same so far are an echo, if they are most of the text.
_ECHO_SHARE: Final = 0.8
_SIGN: Final = re.compile(r"\w")
# What may well stand twice: branches that end alike, and lines that only open something.
_ALIKE: Final = re.compile(
    r"(?:return|raise|throw|break|continue|pass|yield|else|end|fi|done|try|finally)\b|.*[(\[{,:]\s*\Z"
)

# However short, an echo where it stands twice in a row: the same value for the same name, and what leaves the block.
_NEVER_TWICE: Final = re.compile(r"(?:[\w.\[\]]+ :?= |(?:return|raise|throw|break|continue)\b).*(?<![(\[{,:])\Z")


def without_echo_of_above(text: str, around: Surroundings) -> str:
    """Returns nothing for a text that begins with the line or lines right above the hole."""
    lines = _whole_lines(text, around)
    above = [line.rstrip() for line in reversed(around.above)]
    sizes = range(1, min(len(lines), len(above)) + 1)
    return "" if any(lines[:size] == above[-size:] and _is_echo(lines, size) for size in sizes) else text


def without_echo_of_below(text: str, around: Surroundings) -> str:
    """Returns nothing for a text that begins with the line or lines right below the hole.

    Where a text comes to them later on, it has been ended there.
    """
    lines = _whole_lines(text, around)
    below = [line.rstrip() for line in around.below]
    return "" if _is_echo(lines, _common(lines, below)) else text


def _common(lines: Sequence[str], others: Sequence[str]) -> int:
    pairs = zip(lines, others, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(lines), len(others)))


def _is_echo(lines: Sequence[str], size: int) -> bool:
    """Tells whether the first `size` lines, which stand elsewhere too, do not do so by chance."""
    same = lines[:size]
    if not same:
        return False
    signs = sum(len(_SIGN.findall(line)) for line in same)
    if size == 1:
        line = same[0].strip()
        return _NEVER_TWICE.match(line) is not None or (signs >= _SIGNS_MIN and not _ALIKE.match(line))
    if sum(_SIGN.search(line) is not None for line in same) < 2 or signs < _SIGNS_OF_SEVERAL_MIN:
        return False
    # A statement that only begins like its neighbour is another one.
    is_whole = not _ALIKE.match(same[-1].strip()) and "".join(same).count("(") == "".join(same).count(")")
    return is_whole or signs >= _ECHO_SHARE * sum(len(_SIGN.findall(line)) for line in lines)


def _whole_lines(text: str, around: Surroundings) -> list[str]:
    """Returns the text's lines with what stands before the cursor, as they will stand in the file."""
    rest = around.line_after if "\n" not in text else ""
    return [line.rstrip() for line in (around.line_before + text + rest).split("\n")]
