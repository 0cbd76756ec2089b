"""Text that goes on for longer than is known to fit: it never came to what stands below it."""

from typing import Final

from fimble.features.completion.code_signs import CLOSERS, brackets, closed_beyond
from fimble.features.completion.surroundings import Surroundings, indentation_of
from fimble.features.completion.syntax import Syntax

# These, and comments, belong to what stands below them.
_DECORATIONS: Final = ("@", "#[")
_BRANCHES: Final = ("else", "elif", "except", "finally", "catch", "end", "elsif", "rescue", "ensure")


def joining(text: str, rule: str | None, around: Surroundings, syntax: Syntax | None) -> str:
    """Returns the text, or its first statement, where it stands between statements and never met the next one.

    What follows in the same block was written for what stands there now. A text that runs into it (`rule`) fills the
    gap; one that ends anywhere else has lost sight of it, and only its beginning is worth showing.
    """
    if rule in ("meets-text-below", "body-below") or "\n" not in text or not around.is_blank:
        return text
    first = around.line_before + text.split("\n", 1)[0]
    if not first.strip() or not around.below or indentation_of(around.below[0]) < indentation_of(first):
        return text
    lines = text.split("\n")
    skipped = 0
    while skipped < len(lines) - 1 and lines[skipped].strip().startswith((*around.comment_markers, *_DECORATIONS)):
        skipped += 1
    above = "\n".join([*lines[:skipped], ""])
    statement = syntax.first_statement(text, len(above)) if syntax is not None else None
    return statement if statement else _first_statement(lines, skipped, around)


def _first_statement(lines: list[str], skipped: int, around: Surroundings) -> str:
    if lines[0].rstrip().endswith(","):
        # An item of a list, in all likelihood.
        return "\n".join(lines)
    width = indentation_of(around.line_before + lines[0])
    for number, line in enumerate(lines[skipped + 1 :], skipped + 1):
        signs = brackets("\n".join(lines[:number]), around.comment_markers)
        is_open = len(signs) - len(closed_beyond(signs)) > 2 * _pairs(signs)
        if not line.strip() or is_open or indentation_of(line) > width:
            continue
        if line.strip()[0] in CLOSERS or line.split()[0].rstrip(":{(") in _BRANCHES:
            continue
        return "\n".join(lines[:number]).rstrip()
    return "\n".join(lines)


def _pairs(signs: str) -> int:
    """Returns how many of the brackets close another one of them."""
    return sum(sign in CLOSERS for sign in signs) - len(closed_beyond(signs))
