"""The end of a text: what it left open that its one line should close, and what it must not close."""

from typing import Final

from fimble.features.completion.code_signs import CLOSERS
from fimble.features.completion.surroundings import Surroundings, indentation_of

_LONG_QUOTES: Final = ('"""', "'''")
_CLOSING_SIGNS: Final = CLOSERS | frozenset(";, \n")
_NEAR: Final = 3


def without_early_closer(text: str, around: Surroundings) -> str:
    """Returns nothing for a closing bracket alone above lines that are still inside of it."""
    if around.is_blank and around.below and text.strip() and all(sign in _CLOSING_SIGNS for sign in text):
        return "" if indentation_of(around.below[0]) >= around.indentation else text
    return text


def without_body_below(text: str, around: Surroundings) -> str:
    """Returns text whose last line does not say again, after its colon, what stands as its block below."""
    lines = text.split("\n")
    body = around.below[0].strip() if around.below else ""
    last = lines[-1].rstrip()
    head = last.removesuffix(body).rstrip()
    whole = around.line_before + head if len(lines) == 1 else head
    is_block = bool(body) and head != last and head.endswith((":", "{"))
    if is_block and indentation_of(around.below[0]) > indentation_of(whole):
        return "\n".join([*lines[:-1], head])
    return text


def with_closed_quotes(text: str, around: Surroundings) -> str:
    """Returns a docstring of one line with its closing quotes."""
    for quotes in _LONG_QUOTES:
        is_open = around.line_before.count(quotes) % 2 == 1
        near = (text, *around.below[:_NEAR])
        if is_open and "\n" not in text and text and not any(quotes in line for line in near):
            return text if quotes in around.line_after else text + quotes
    return text
