"""Brackets: a text closes no more than is open, and leaves nothing open that is not closed below."""

from collections.abc import Callable
from typing import Final

from fimble.features.completion.code_signs import CLOSERS, OPENERS, brackets
from fimble.features.completion.surroundings import Surroundings

_TAIL: Final = CLOSERS | frozenset(";, \t\n")


class Balance:
    """The brackets near a hole."""

    def __init__(self, around: Surroundings, covered: Callable[[str], int]) -> None:
        """`covered` tells how many characters after the cursor a text replaces."""
        self._around = around
        self._covered = covered
        self._above = brackets("\n".join(reversed(around.above)), around.comment_markers)
        self._below = brackets("\n".join(around.below), around.comment_markers)

    def closes_too_much(self, text: str) -> bool:
        """Tells whether the text closes brackets that are not open, or that are closed after it."""
        return self._unmatched(text)[0] > self._unmatched("")[0]

    def is_worse(self, text: str) -> bool:
        """Tells whether more brackets have no partner than without the text."""
        (lone, open_), (lone_before, open_before) = self._unmatched(text), self._unmatched("")
        return lone > lone_before or open_ > open_before

    def _unmatched(self, text: str) -> tuple[int, int]:
        """Returns how many brackets close nothing, and how many are not closed."""
        around = self._around
        line = around.line_before + text + around.line_after[self._covered(text) if text else 0 :]
        waiting: list[str] = []
        lone = 0
        for sign in self._above + brackets(line, around.comment_markers) + self._below:
            if sign in OPENERS:
                waiting.append(OPENERS[sign])
            elif waiting and waiting[-1] == sign:
                waiting.pop()
            else:
                lone += 1
        return lone, len(waiting)


def balanced(text: str, balance: Balance, *, is_partial: bool) -> str:
    """Returns the text, or the longest beginning that leaves the brackets no worse than they are without it.

    That may be nothing. What ends anywhere because the rest is unsure (`is_partial`) may leave brackets open.
    """
    is_bad = balance.closes_too_much if is_partial else balance.is_worse
    if not is_bad(text):
        return text
    rest = text
    while rest and rest[-1] in _TAIL:
        rest = rest[:-1].rstrip()
        if rest and not is_bad(rest):
            return rest
    return next((one for one in beginnings(text) if not is_bad(one)), "")


def beginnings(text: str) -> list[str]:
    """Returns the text up to each of its line ends, the longest first, without blank ones."""
    lines = text.split("\n")
    found = ["\n".join(lines[:end]).rstrip() for end in range(len(lines) - 1, 0, -1)]
    return [one for one in dict.fromkeys(found) if one.strip()]
