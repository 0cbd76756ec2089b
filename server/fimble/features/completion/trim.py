"""Decides, while text is being written, where ghost text should end.

Small models run past the hole nearly always, so that where to stop decides as much as what is written. All rules look
at text and indentation only; none needs a parser, and each has a name that statistics and tests use.
"""

import re
from dataclasses import dataclass

LINES_MAX = 12
REPEATED_LINES_MAX = 3
# A rest of the line shorter than this may well occur in the text by chance.
REST_CHARACTERS_MIN = 3
_OPENERS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(_OPENERS.values())
_FENCE = "```"
_LONG_QUOTES = ('"""', "'''")
_BLOCK_SIGNS = (":", "{")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The text around the hole: the line up to the cursor, the rest of it, the lines above and below.

    `above` and `below` hold at most a handful of non-blank lines, the nearest first.
    """

    line_before: str
    line_after: str
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @property
    def indentation(self) -> int:
        """The width of the cursor line's indentation in columns."""
        return indentation_of(self.line_before)

    @property
    def is_blank(self) -> bool:
        """Whether the cursor's line has nothing before the cursor."""
        return not self.line_before.strip()


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What of the written text is shown. `rule` names why it ends there; None while nothing ended it."""

    text: str
    rule: str | None = None


def trim(written: str, around: Surroundings, *, is_complete: bool) -> Trimmed:
    """Returns how much of `written` is ghost text.

    With a rule, nothing that could still be written would change the result, so that writing may stop.
    `is_complete` tells that no more text will come.
    """
    lines = written.split("\n")
    complete = lines if is_complete else lines[:-1]
    for number in range(len(lines)):
        if number and _has_body_below(_whole_line(number - 1, lines, around), around):
            return Trimmed(_cut_tail("\n".join(lines[:number]), around), "body-below")
        rule = _ends_at(number, complete, around) if number < len(complete) else None
        if rule is not None:
            return Trimmed(_cut_tail("\n".join(complete[:number]), around), rule)
    if not is_complete:
        return Trimmed(written)
    return Trimmed(_cut_tail(written, around))


def aligned(written: str, around: Surroundings) -> str:
    """Returns what was written without indentation that the cursor's line has already.

    A model that is used to four columns indents again after the two that the editor has typed.
    """
    extra = written[: len(written) - len(written.lstrip(" \t"))]
    is_indented = around.is_blank and around.above and around.indentation > indentation_of(around.above[0])
    if not extra or not is_indented:
        return written
    return "\n".join(line.removeprefix(extra) for line in written.split("\n"))


def finished(text: str, around: Surroundings) -> str:
    """Returns the text with what it left open closed, or empty where it would close what is still needed.

    A docstring of one line gets its closing quotes; a closing bracket alone above lines that are still inside of it
    is no suggestion; a block that stands below is not written into the line that opens it.
    """
    text = _without_body_below(text, around)
    if around.is_blank and around.below and text.strip() and all(sign in _CLOSERS | set(";, \n") for sign in text):
        return "" if indentation_of(around.below[0]) >= around.indentation else text
    for quotes in _LONG_QUOTES:
        is_open = around.line_before.count(quotes) % 2 == 1
        if is_open and "\n" not in text and text and not any(quotes in line for line in (text, *around.below)):
            return text if quotes in around.line_after else text + quotes
    return text


def _without_body_below(text: str, around: Surroundings) -> str:
    """Returns text whose last line does not say again, after its colon, what stands as its block below."""
    lines = text.split("\n")
    body = around.below[0].strip() if around.below else ""
    last = lines[-1].rstrip()
    head = last.removesuffix(body).rstrip()
    if body and head != last and _has_body_below(_whole_line(len(lines) - 1, [*lines[:-1], head], around), around):
        return "\n".join([*lines[:-1], head])
    return text


def without_broken_end(written: str) -> str:
    """Returns text that was cut off by its token limit, without a last line that is not whole."""
    whole, newline, _ = written.rpartition("\n")
    return whole if newline and whole.strip() else written


def covered_length(text: str, around: Surroundings) -> int:
    """Returns how many characters after the cursor the text makes superfluous, so that it replaces them.

    With `print(|)`, the text `x):` closes the bracket itself: the old one is replaced, not doubled.
    """
    rest = around.line_after.rstrip()
    if not rest or "\n" in text or _WORD.search(rest):
        return 0
    closed = _closes_beyond(text)
    return len(rest) if closed and rest.lstrip()[0] == closed[0] else 0


def indentation_of(line: str) -> int:
    """Returns the width of a line's indentation in columns; a tab reaches to the next multiple of four."""
    width = 0
    for sign in line:
        if sign == " ":
            width += 1
        elif sign == "\t":
            width += 4 - width % 4
        else:
            break
    return width


def _ends_at(number: int, lines: list[str], around: Surroundings) -> str | None:
    """Returns the rule by which the text ends before line `number` of what was written, or None."""
    line = lines[number]
    if _FENCE in line:
        return "fence"
    if number == 0:
        return None
    if around.line_after.strip():
        return "text-after-cursor"
    if number >= LINES_MAX:
        return "lines-max"
    if not line.strip():
        return "blank-line" if any(earlier.strip() for earlier in lines[:number]) else None
    if _meets(line, around):
        return "meets-text-below"
    if _repeats(number, lines):
        return "repetition"
    return _ends_scope(number, lines, around)


def _meets(line: str, around: Surroundings) -> bool:
    """Tells whether a written line is the one that follows the cursor anyway."""
    if not around.below or line.strip() != around.below[0].strip():
        return False
    # At another depth it is another line: a branch may well return what the function returns below.
    return indentation_of(line) == indentation_of(around.below[0])


def _whole_line(number: int, lines: list[str], around: Surroundings) -> str:
    """Returns line `number` of what was written, with what stands before the cursor."""
    return around.line_before + lines[0] if number == 0 else lines[number]


def _has_body_below(line: str, around: Surroundings) -> bool:
    """Tells whether a line opens a block whose body stands below the cursor already."""
    if not around.below or not line.rstrip().endswith(_BLOCK_SIGNS):
        return False
    return indentation_of(around.below[0]) > indentation_of(line)


def _repeats(number: int, lines: list[str]) -> bool:
    return number >= REPEATED_LINES_MAX - 1 and len({*lines[number - REPEATED_LINES_MAX + 1 : number + 1]}) == 1


def _ends_scope(number: int, lines: list[str], around: Surroundings) -> str | None:
    """Returns the rule where line `number` leaves the block, or the statement, in which the cursor is."""
    before = [around.line_before + lines[0], *lines[1:number]]
    depth = _depth("\n".join(before))
    if depth > 0:
        return None
    line = lines[number]
    if around.is_blank or not lines[0].strip():
        # A block is being written, whose first line says how deep it is.
        first = next((earlier for earlier in before if earlier.strip()), "")
        return "scope-end" if indentation_of(line) < indentation_of(first) else None
    # The cursor stood inside a statement: what is no longer part of it is another suggestion.
    if indentation_of(line) > around.indentation:
        return None
    return None if _continues(line) and indentation_of(line) == around.indentation else "statement-end"


def _continues(line: str) -> bool:
    """Tells whether a line at the statement's own indentation still belongs to it: a bracket or a further branch."""
    word = line.strip().split(" ")[0].rstrip(":{(")
    return line.strip()[0] in _CLOSERS or word in ("else", "elif", "except", "finally", "catch", "end")


def _depth(text: str) -> int:
    return text.count("(") + text.count("[") - text.count(")") - text.count("]")


def _closes_beyond(text: str) -> str:
    """Returns the closing brackets of `text` that it did not open itself."""
    open_signs: list[str] = []
    beyond = ""
    for sign in text:
        if sign in _OPENERS:
            open_signs.append(_OPENERS[sign])
        elif open_signs and sign == open_signs[-1]:
            open_signs.pop()
        elif sign in _CLOSERS:
            beyond += sign
    return beyond


def _cut_tail(text: str, around: Surroundings) -> str:
    """Returns the text without blank ends, and without what the rest of the cursor's line says already."""
    text = text.rstrip()
    if "\n" in text or not around.line_after.strip():
        return text
    for rest in (around.line_after.rstrip(), around.line_after.strip()):
        if text.endswith(rest):
            return text.removesuffix(rest)
        # A rest that has words in it and turns up inside the text means that the model wrote past the hole.
        if _WORD.search(rest) and len(rest) >= REST_CHARACTERS_MIN and (at := text.find(rest)) >= 0:
            return text[:at]
    return text
