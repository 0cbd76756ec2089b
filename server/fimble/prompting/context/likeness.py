"""How alike two pieces of code are: what is too like the text around the cursor makes small models repeat that text."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

# llama.vim leaves out what is more than 0.5 alike (Dice over words), and of two pieces that are 0.9 alike the older.
TOO_LIKE: Final = 0.5
NEARLY_SAME: Final = 0.9
# Lines with fewer letters and figures stand anywhere: brackets, else, return.
_TELLING_SIGNS_MIN: Final = 8
_WORD: Final = re.compile(r"\w+")
# What is longer than this is no code that somebody wrote; looking at all of it would take long.
_CHARACTERS_MAX: Final = 40_000

T = TypeVar("T")


class Around:
    """The text around a cursor, prepared for comparing many pieces with it."""

    def __init__(self, text: str) -> None:
        self._lines = frozenset(_lines(text))
        self._words = frozenset(_words(text))

    def likeness(self, piece: str) -> float:
        """Returns how alike a piece is, 0 to 1: by its lines or by its words, whichever is more.

        Of its lines those that stand around as well are counted (containment: a piece is as long as it is, whatever
        is around). Words are compared both ways (Dice), since the definition of a function that is called here should
        share its words with what is here; that is what it is shown for.
        """
        lines, words = _lines(piece), _words(piece)
        by_lines = sum(line in self._lines for line in lines) / len(lines) if lines else 0.0
        shared = len(words & self._words)
        by_words = 2 * shared / (len(words) + len(self._words)) if shared else 0.0
        return max(by_lines, by_words)

    def is_too_like(self, piece: str) -> bool:
        """Returns whether a piece would only say again what stands around."""
        return self.likeness(piece) > TOO_LIKE


def is_too_like(piece: str, around: str) -> bool:
    """Returns whether a piece would only say again what stands around; for many pieces, make one `Around`."""
    return Around(around).is_too_like(piece)


def distinct(pieces: Iterable[T], text_of: Callable[[T], str] = str) -> list[T]:
    """Returns the pieces without those of which nearly every line is in an earlier one that was kept."""
    kept: list[T] = []
    holders: dict[str, list[int]] = {}
    for piece in pieces:
        text = text_of(piece)
        lines = _lines(text) or {line for line in map(_normal, text.split("\n")) if line}
        shared = Counter(number for line in lines for number in holders.get(line, ()))
        if lines and max(shared.values(), default=0) >= NEARLY_SAME * len(lines):
            continue
        for line in lines:
            holders.setdefault(line, []).append(len(kept))
        kept.append(piece)
    return kept


def _lines(text: str) -> set[str]:
    """Returns the lines that tell something, however they are indented."""
    return {
        line
        for line in map(_normal, text[:_CHARACTERS_MAX].split("\n"))
        if len(line) >= _TELLING_SIGNS_MIN and sum(map(str.isalnum, line)) >= _TELLING_SIGNS_MIN
    }


def _normal(line: str) -> str:
    return " ".join(line.split())


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text[:_CHARACTERS_MAX]))
