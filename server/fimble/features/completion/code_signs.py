"""Code with its strings and comments blanked out, for rules that look at signs and have no syntax tree."""

import re
from collections.abc import Sequence
from functools import lru_cache

OPENERS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(OPENERS.values())
_STRINGS = (
    r'"""(?:\\.|[^\\])*?"""|'
    + r"'''(?:\\.|[^\\])*?'''|"
    # Three quotes that are not closed are not an empty string and a quote.
    + r'(?<!")"(?!"")(?:\\.|[^"\\\n])*"|'
    + r"(?<!')'(?!'')(?:\\.|[^'\\\n])*'|"
    # A template may have line ends.
    + r"`(?:\\.|[^`\\])*`"
)
_SIGN = re.compile(r"[()\[\]{}]")


def masked(code: str, comment_markers: Sequence[str]) -> str:
    """Returns code of the same length whose strings and comments are blanks; what is not closed is no string."""
    return _literals(tuple(comment_markers)).sub(_blank, code)


def brackets(code: str, comment_markers: Sequence[str]) -> str:
    """Returns the brackets of code, without those in strings and comments."""
    return "".join(_SIGN.findall(masked(code, comment_markers)))


def closed_beyond(signs: str) -> str:
    """Returns the closing brackets among `signs` that they did not open themselves."""
    open_signs: list[str] = []
    beyond = ""
    for sign in signs:
        if sign in OPENERS:
            open_signs.append(OPENERS[sign])
        elif open_signs and sign == open_signs[-1]:
            open_signs.pop()
        elif sign in CLOSERS:
            beyond += sign
    return beyond


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found.group())


@lru_cache(32)
def _literals(comment_markers: tuple[str, ...]) -> re.Pattern[str]:
    comments = [re.escape(marker) + r"[^\n]*" for marker in comment_markers]
    return re.compile("|".join([_STRINGS, *comments, r"/\*.*?\*/"]), re.DOTALL)
