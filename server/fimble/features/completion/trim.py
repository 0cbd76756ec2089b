"""Decides, while text is being written, where ghost text should end.

Small models run past the hole nearly always, so that where to stop decides as much as what is written. The rules look
at text and indentation, and at the syntax tree where there is one; each has a name that statistics and tests use. Once
one has ended the text, nothing that could still be written would change the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fimble.features.completion.code_signs import CLOSERS, OPENERS, brackets, masked
from fimble.features.completion.filters.leaks import leak_start
from fimble.features.completion.filters.overlap import has_only_closers_after
from fimble.features.completion.filters.repetition import repeated_end, repeated_lines
from fimble.features.completion.surroundings import BLOCK_SIGNS, Surroundings, indentation_of

LINES_MAX = 12
_FENCE = "```"
_QUOTES = ("'", '"', "`")
_LONG_QUOTES = ('"""', "'''")
_TEMPLATE_LANGUAGES = frozenset({"javascript", "typescript", "tsx", "go"})
_GOES_ON = ("(", "[", "{", ",")

EndsBefore = Callable[[str, str], bool | None]
"""Tells whether the syntax node of the hole ends before a line (second) after the lines written; None: unknown."""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What of the written text is shown. `rule` names why it ends there; None while nothing ended it."""

    text: str
    rule: str | None = None


def unknown(_written: str, _line: str) -> None:
    """Knows nothing about syntax."""


def trim(
    written: str, around: Surroundings, *, is_complete: bool, ends_before: EndsBefore = unknown, known: str = ""
) -> Trimmed:
    """Returns how much of `written` is ghost text.

    With a rule, nothing that could still be written would change the result, so that writing may stop.
    `is_complete` tells that no more text will come; `known` is a beginning that no rule ended while it was written.
    """
    end, rule_inside = _end_inside(written, around, len(known))
    lines = written[:end].split("\n")
    complete = lines if is_complete and rule_inside is None else lines[:-1]
    # Of the lines in `known`, the last one may have gone on.
    for number in range(known.count("\n"), len(lines)):
        if number and _has_body_below(_whole_line(number - 1, lines, around), around):
            return Trimmed("\n".join(lines[:number]).rstrip(), "body-below")
        rule = _ends_at(number, complete, around, ends_before) if number < len(complete) else None
        if rule is not None:
            kept = number + 1 - repeated_lines(complete[: number + 1]) if rule == "repetition" else number
            return Trimmed("\n".join(complete[:kept]).rstrip(), rule)
    if rule_inside == "closes-bracket":
        # What stands before the bracket may be the blanks of its own line.
        return Trimmed(written[:end], rule_inside)
    if rule_inside is not None:
        return Trimmed(written[:end].rstrip(), rule_inside)
    if not is_complete:
        return Trimmed(written)
    return Trimmed(written.rstrip())


def aligned(written: str, around: Surroundings) -> str:
    """Returns what was written without indentation that the cursor's line has already.

    A model that is used to four columns indents again after the two that the editor has typed.
    """
    extra = written[: len(written) - len(written.lstrip(" \t"))]
    is_indented = around.is_blank and around.above and around.indentation > indentation_of(around.above[0])
    if not extra or not is_indented:
        return written
    return "\n".join(line.removeprefix(extra) for line in written.split("\n"))


def without_broken_end(written: str) -> str:
    """Returns text that was cut off by its token limit, without a last line that is not whole."""
    whole, newline, _ = written.rpartition("\n")
    return whole if newline and whole.strip() else written


def _end_inside(written: str, around: Surroundings, known: int) -> tuple[int, str | None]:
    """Returns the first place inside of a line at which the text ends whatever follows, and the rule's name.

    In the first `known` characters there is none.
    """
    ends = [
        (leak_start(written, around), "control-token"),
        (repeated_end(written, known), "repetition"),
        (_end_of_brackets(written, around), "closes-bracket"),
    ]
    found = min(((place, rule) for place, rule in ends if place is not None), default=None)
    return found if found is not None else (len(written), None)


def _end_of_brackets(written: str, around: Surroundings) -> int | None:
    """Returns where lines that were written into brackets close the bracket that is closed after the cursor."""
    if "\n" not in written or not has_only_closers_after(around):
        return None
    signs, depth = _positions(written, around), 0
    for place, sign in signs:
        depth += 1 if sign in OPENERS else -1
        if depth < 0:
            # On the first line it is a text that closes the bracket itself; see `covered_length`.
            return place if "\n" in written[:place] else None
    return None


def _positions(written: str, around: Surroundings) -> list[tuple[int, str]]:
    """Returns the brackets outside of strings and comments, with their places."""
    found: list[tuple[int, str]] = []
    start = 0
    # Line by line, and not behind a quote that may still be closed, so that more text changes nothing in this.
    for line in written.split("\n")[:LINES_MAX]:
        plain = masked(line, around.comment_markers)
        sure = min((at for at in map(plain.find, _QUOTES) if at >= 0), default=len(plain))
        found += [(start + at, sign) for at, sign in enumerate(plain[:sure]) if sign in OPENERS or sign in CLOSERS]
        start += len(line) + 1
    return found


def _ends_at(number: int, lines: list[str], around: Surroundings, ends_before: EndsBefore) -> str | None:
    """Returns the rule by which the text ends before line `number` of what was written, or None."""
    line = lines[number]
    if _FENCE in line and not around.is_prose:
        return "fence"
    if number == 0:
        return None
    if around.line_after.strip() and not _is_inside_brackets(number, lines, around):
        return "text-after-cursor"
    if number >= LINES_MAX:
        return "lines-max"
    if not line.strip():
        return "blank-line" if any(earlier.strip() for earlier in lines[:number]) else None
    if _meets(line, around):
        return "meets-text-below"
    if repeated_lines(lines[: number + 1]):
        return "repetition"
    return _ends_scope(number, lines, around, ends_before)


def _is_inside_brackets(number: int, lines: list[str], around: Surroundings) -> bool:
    """Tells whether a further line belongs between the brackets around the cursor, which are closed after it."""
    if not has_only_closers_after(around):
        return False
    line = lines[number]
    is_deeper = not line.strip() or line.lstrip()[0] in CLOSERS or indentation_of(line) > around.indentation
    return is_deeper and (not lines[0].strip() or lines[0].rstrip().endswith(_GOES_ON))


def _meets(line: str, around: Surroundings) -> bool:
    """Tells whether a written line is the one that follows the cursor anyway."""
    if not around.below or _plain(line) != _plain(around.below[0]):
        return False
    # At another depth it is another line: a branch may well return what the function returns below.
    return indentation_of(line) == indentation_of(around.below[0])


def _plain(line: str) -> str:
    # The last item of a list that was written may be followed by more items in the file.
    return line.strip().rstrip(",;") or line.strip()


def _whole_line(number: int, lines: list[str], around: Surroundings) -> str:
    """Returns line `number` of what was written, with what stands before the cursor."""
    return around.line_before + lines[0] if number == 0 else lines[number]


def _has_body_below(line: str, around: Surroundings) -> bool:
    """Tells whether a line opens a block whose body stands below the cursor already."""
    if not around.below or not line.rstrip().endswith(BLOCK_SIGNS):
        return False
    return indentation_of(around.below[0]) > indentation_of(line)


def _ends_scope(number: int, lines: list[str], around: Surroundings, ends_before: EndsBefore) -> str | None:
    """Returns the rule where line `number` leaves the block, or the statement, in which the cursor is."""
    before = [around.line_before + lines[0], *lines[1:number]]
    if _depth("\n".join(before)) > 0 or _leaves_string_open(lines[:number], around):
        return None
    line = lines[number]
    is_block = around.is_blank or not lines[0].strip()
    rule = "scope-end" if is_block else "statement-end"
    if around.line_after.strip():
        return None
    # A grammar that is given half a block takes its first line for something else.
    if not _leaves_brace_open(before, around):
        ends = ends_before("\n".join(lines[:number]), line)
        if ends is not None:
            return rule if ends else None
    if is_block:
        # A block is being written, whose first line says how deep it is.
        first = next((earlier for earlier in before if earlier.strip()), "")
        return rule if indentation_of(line) < indentation_of(first) else None
    # The cursor stood inside a statement: what is no longer part of it is another suggestion.
    if indentation_of(line) > around.indentation:
        return None
    return None if _continues(line) and indentation_of(line) == around.indentation else rule


def _leaves_string_open(lines: list[str], around: Surroundings) -> bool:
    """Tells whether lines begin a string that may have line ends in it, of whatever indentation."""
    plain = masked("\n".join(lines), around.comment_markers)
    has_templates = around.language is not None and around.language.name in _TEMPLATE_LANGUAGES
    return any(quotes in plain for quotes in _LONG_QUOTES) or (has_templates and "`" in plain)


def _leaves_brace_open(lines: list[str], around: Surroundings) -> bool:
    signs = brackets("\n".join(lines), around.comment_markers)
    return signs.count("{") > signs.count("}")


def _continues(line: str) -> bool:
    """Tells whether a line at the statement's own indentation still belongs to it: a bracket or a further branch."""
    word = line.strip().split(" ")[0].rstrip(":{(")
    return line.strip()[0] in CLOSERS or word in ("else", "elif", "except", "finally", "catch", "end")


def _depth(text: str) -> int:
    return text.count("(") + text.count("[") - text.count(")") - text.count("]")
