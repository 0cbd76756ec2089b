"""What of a text that is being written, or was written, is shown at one place, and when enough of it is known."""

import math
from dataclasses import dataclass

from fimble.features.completion.trim import (
    Surroundings,
    Trimmed,
    aligned,
    covered_length,
    finished,
    trim,
    without_broken_end,
)
from fimble.features.completion.writing import Writing
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

# Lines above and below that the stop rules look at.
_NEIGHBOURS = 3
_NEIGHBOUR_DISTANCE_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Ghost text: `text` replaces `replace_length` code points after the cursor.

    `ended_by` names the rule that ended it, None where the model ended it; `suppressed_by` the rule by which there is
    nothing to show, None where there is.
    """

    text: str
    replace_length: int = 0
    ended_by: str | None = None
    suppressed_by: str | None = None


class Place:
    """The hole in a document, for which several texts may be written one after the other."""

    def __init__(self, snapshot: Snapshot, offset: int, wrong_max: float = math.inf) -> None:
        """`wrong_max` is how many characters of what is shown may be expected to be wrong."""
        self._text = snapshot.text
        self._around = surroundings(snapshot.text, offset)
        self._wrong_max = wrong_max

    @property
    def is_inside_word(self) -> bool:
        """Whether there are characters of a word on both sides."""
        before, after = self._around.line_before[-1:], self._around.line_after[:1]
        return (after.isalnum() or after == "_") and (before.isalnum() or before == "_")

    def has_enough(self, writing: Writing, typed: str) -> bool:
        """Tells whether nothing more that is written would be shown after `typed`."""
        return self._trimmed(writing, typed, is_whole=False).rule is not None

    def serves(self, writing: Writing, typed: str) -> bool:
        """Tells whether a text that goes along with what was typed says, or will say, what comes next here."""
        if writing.is_running or (writing.is_whole and writing.report.stop_reason != "length"):
            return True
        # It was broken off, because enough was known then; here it may not be.
        return self.has_enough(writing, typed)

    def shown(self, writing: Writing, typed: str) -> Shown:
        """Returns the ghost text after `typed`."""
        trimmed = self._trimmed(writing, typed, is_whole=not writing.is_running)
        text = finished(trimmed.text, self._around)
        if text.strip():
            replaced = covered_length(text, self._around)
            return Shown(text=_with_line_ends_of(self._text, text), replace_length=replaced, ended_by=trimmed.rule)
        suppressed_by = "early-closer" if trimmed.text.strip() else trimmed.rule or "empty"
        return Shown(text="", ended_by=trimmed.rule, suppressed_by=suppressed_by)

    def _trimmed(self, writing: Writing, typed: str, *, is_whole: bool) -> Trimmed:
        """Returns what is shown of what was written after `typed`, if at most `wrong_max` of it may be wrong."""
        start, around = len(typed), self._around
        sure_end = writing.sure_end(start, self._wrong_max)
        if sure_end is not None:
            trimmed = trim(aligned(writing.text[start:sure_end], around), around, is_complete=False)
            return trimmed if trimmed.rule is not None else Trimmed(trimmed.text.rstrip(), "not-sure")
        written = aligned(writing.text[start:], around)
        trimmed = trim(written, around, is_complete=is_whole)
        if is_whole and trimmed.rule is None and writing.report.stop_reason == "length":
            return trim(without_broken_end(written), around, is_complete=True)
        return trimmed


def surroundings(text: Text, offset: int) -> Surroundings:
    """Returns what the stop rules need to know about the place at `offset` (code points)."""
    line, character = text.position(offset, Encoding.UTF_32)
    current = text.line(line)
    above = range(line - 1, max(-1, line - 1 - _NEIGHBOUR_DISTANCE_MAX), -1)
    below = range(line + 1, min(text.line_count, line + 1 + _NEIGHBOUR_DISTANCE_MAX))
    return Surroundings(
        line_before=current[:character],
        line_after=current[character:],
        above=_non_blank(text, above),
        below=_non_blank(text, below),
    )


def _non_blank(text: Text, numbers: range) -> tuple[str, ...]:
    lines: list[str] = []
    for number in numbers:
        if len(lines) == _NEIGHBOURS:
            break
        if (line := text.line(number)).strip():
            lines.append(line)
    return tuple(lines)


def _with_line_ends_of(text: Text, suggestion: str) -> str:
    if "\n" not in suggestion:
        return suggestion
    first_line_end = text.content[text.line_start(0) + len(text.line(0)) :][:2]
    return suggestion.replace("\n", "\r\n") if first_line_end == "\r\n" else suggestion
