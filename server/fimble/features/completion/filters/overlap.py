"""What stands right of the cursor already is not written again."""

import re
from typing import Final

from fimble.features.completion.code_signs import CLOSERS, OPENERS, brackets, closed_beyond
from fimble.features.completion.surroundings import Surroundings

# A rest of the line, or the beginning of it, that is shorter than this may well occur in the text by chance.
_REST_CHARACTERS_MIN: Final = 3
_QUOTES: Final = "'\"`"
_CLOSING: Final = CLOSERS | frozenset(_QUOTES)
_WORD: Final = re.compile(r"\w")


def without_overlap(text: str, around: Surroundings) -> str:
    """Returns a text of one line without an end that the rest of the cursor's line begins with, or all of it is.

    A bracket that the text has opened itself is closed by the text.
    """
    if "\n" in text or not around.line_after.strip():
        return text
    for rest in (around.line_after.rstrip(), around.line_after.strip()):
        if text.endswith(rest) and not _leaves_open(text.removesuffix(rest), text, around):
            return text.removesuffix(rest)
        # A rest that has words in it and turns up inside the text means that the model wrote past the hole.
        if _WORD.search(rest) and len(rest) >= _REST_CHARACTERS_MIN and (at := text.find(rest)) >= 0:
            return text[:at]
        for length in range(min(len(text), len(rest)) - 1, 0, -1):
            kept, overlap = text[: len(text) - length], rest[:length]
            is_said_again = text.endswith(overlap) and _is_telling(overlap, around.line_before + kept)
            if is_said_again and not _leaves_open(kept, text, around):
                return kept
    return text


def covered_length(text: str, around: Surroundings) -> int:
    """Returns how many characters after the cursor the text makes superfluous, so that it replaces them.

    With `print(|)`, the text `x):` closes the bracket itself: the old one is replaced, not doubled.
    """
    rest = around.line_after.rstrip()
    if not rest or "\n" in text or _WORD.search(rest):
        return 0
    closed = closed_beyond(brackets(text, around.comment_markers))
    return len(rest) if closed and rest.lstrip()[0] == closed[0] else 0


def has_only_closers_after(around: Surroundings) -> bool:
    """Tells whether the cursor stands right before brackets that close, so that several lines may go inside."""
    rest = around.line_after.strip()
    return rest[:1] in CLOSERS and not _WORD.search(rest)


def _is_telling(overlap: str, before: str) -> bool:
    """Tells whether it is no chance that a text ends (after `before`) with what the rest of the line begins with."""
    if all(sign in _CLOSING for sign in overlap.strip()):
        # A quote closes the string that the cursor is in.
        quotes = [sign for sign in overlap if sign in _QUOTES]
        return bool(overlap.strip()) and all(before.count(quote) % 2 == 1 for quote in quotes)
    return _WORD.search(overlap) is not None and len(overlap) >= _REST_CHARACTERS_MIN


def _leaves_open(kept: str, text: str, around: Surroundings) -> bool:
    return _opened(kept, around) > _opened(text, around)


def _opened(text: str, around: Surroundings) -> int:
    signs = brackets(text, around.comment_markers)
    return sum(1 if sign in OPENERS else -1 for sign in signs) + len(closed_beyond(signs))
