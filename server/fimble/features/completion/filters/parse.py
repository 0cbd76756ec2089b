"""What the grammar says of the file with the text in it: no more errors than without."""

from typing import Final

from fimble.features.completion.code_signs import masked
from fimble.features.completion.filters.balance import beginnings
from fimble.features.completion.surroundings import Surroundings, indentation_of
from fimble.features.completion.syntax import Syntax

# Each costs a parse.
_BEGINNINGS_MAX: Final = 5


def parsing(text: str, around: Surroundings, syntax: Syntax, covered: int) -> str:
    """Returns the text, or the longest of its beginnings in whole lines that parses no worse than the file without it.

    That may be nothing. Where the file cannot be parsed in time, the text is returned as it is.
    """
    text = _without_empty_block(text, around)
    then = syntax.errors(text, covered)
    # Nearly always, and it makes the other parses superfluous.
    if then == 0:
        return text
    now, cleared = syntax.errors(""), syntax.errors_without_line()
    if now is None or cleared is None or then is None:
        return text
    # The line may be broken as far as it is typed; the text should mend that.
    best = min(now, cleared)
    if then <= best:
        return text
    candidates = beginnings(text)[:_BEGINNINGS_MAX]
    for errors_max in (best, now):
        for one in (text, *candidates):
            errors = syntax.errors(one, covered if one == text else 0)
            if errors is not None and errors <= errors_max:
                return one
    return ""


def _without_empty_block(text: str, around: Surroundings) -> str:
    """Returns text without last lines that open a block of which nothing is written; grammars let them pass."""
    lines = text.split("\n")
    while len(lines) > 1:
        last = masked(lines[-1], around.comment_markers).rstrip()
        is_header = around.language is not None and around.language.name == "python" and last.endswith(":")
        has_body = bool(around.below) and indentation_of(around.below[0]) > indentation_of(lines[-1])
        if not is_header or has_body:
            break
        lines.pop()
    whole = "\n".join(lines)
    return whole.rstrip() if whole != text and whole.strip() else text
