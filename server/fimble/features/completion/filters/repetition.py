"""Text that says the same again: a line, a block of lines, or a few words inside of a line."""

import re
from collections.abc import Sequence
from typing import Final

LINES_REPEATED_MAX: Final = 3
_BLOCK_LINES_MAX: Final = 6
_SIGNS_MAX: Final = 2_000
_WORD: Final = re.compile(r"\w")
# A piece and its copies: the whole is group 1, the piece group 2.
_AGAIN: Final = re.compile(r"(?=(([^\n]{2,40}?)\2{3}))")
_AGAIN_OFTEN: Final = re.compile(r"(?=(([^\n]{2,40}?)\2{7}))")
_AGAIN_CHARACTERS_MAX: Final = 8 * 40
# The fewest copies, and the most characters that so many of them have.
_COPIES: Final = 4
_COPIES_CHARACTERS_MAX: Final = 4 * 40
# A name and what separates it: four in a row (`a, a, a, a, `) are none too few. Of numbers, format signs and constants
# there may be more in good code.
_NAME: Final = re.compile(r"(?<![%\\&\w])[A-Za-z_]\w*")
_CONSTANTS: Final = frozenset({"None", "null", "nil", "true", "false", "True", "False", "int", "float", "str", "bool"})


def repeated_end(written: str, known: int = 0) -> int | None:
    """Returns how much to keep where a piece comes again and again inside of a line: up to its first copy's end.

    In the first `known` characters, nothing does so.
    """
    end = min(len(written), _SIGNS_MAX)
    if not _may_repeat(written, known, end):
        return None
    first: tuple[int, int] | None = None
    start = max(0, known - _AGAIN_CHARACTERS_MAX)
    for pattern, is_repetition in ((_AGAIN, _has_name), (_AGAIN_OFTEN, _has_word_and_sign)):
        for found in pattern.finditer(written, start, end):
            # What was seen first while it was written, whatever else repeats in a longer text.
            if (first is None or found.end(1) < first[0]) and is_repetition(found.group(2)):
                first = found.end(1), found.end(2)
    return None if first is None else first[1]


def repeated_lines(lines: Sequence[str]) -> int:
    """Returns how many lines at the end say again what stands before them, 0 if none do.

    A line has to come three times, a block of several lines with words in them twice.
    """
    if len(lines) >= LINES_REPEATED_MAX and len({*lines[-LINES_REPEATED_MAX:]}) == 1:
        return LINES_REPEATED_MAX - 1
    for size in range(2, min(_BLOCK_LINES_MAX, len(lines) // 2) + 1):
        block = lines[-size:]
        if block == lines[-2 * size : -size] and sum(bool(_WORD.search(line)) for line in block) > 1:
            return size
    return 0


def _may_repeat(written: str, known: int, end: int) -> bool:
    """Tells whether a piece may have come often enough somewhere behind the first `known` characters.

    Where copies end, so do as many pairs of the same two signs, which are much quicker to count.
    """
    line = written.rfind("\n", 0, known) + 1
    for place in range(known + 1, end + 1):
        if written[place - 1] == "\n":
            line = place
            continue
        start = max(line, place - _COPIES_CHARACTERS_MAX)
        if place - start < 2 * _COPIES:
            continue
        if written.count(written[place - 2 : place], start, place) >= _COPIES:
            return True
    return False


def _has_name(piece: str) -> bool:
    # The piece may begin anywhere inside of what is repeated.
    names = _NAME.findall(piece + piece)
    return _has_word_and_sign(piece) and any(name not in _CONSTANTS for name in names)


def _has_word_and_sign(piece: str) -> bool:
    return _WORD.search(piece) is not None and re.search(r"\W", piece) is not None
