"""What of a text that is being written, or was written, is shown at one place, and when enough of it is known."""

import copy
import math
from dataclasses import dataclass
from functools import cached_property

from fimble.features.completion.filters.chain import Chain
from fimble.features.completion.filters.indentation import restyled
from fimble.features.completion.filters.names import IsKnownName
from fimble.features.completion.filters.overlap import covered_length
from fimble.features.completion.frame import Frames
from fimble.features.completion.surroundings import leading_blanks, surroundings
from fimble.features.completion.syntax import Syntax
from fimble.features.completion.trim import Trimmed, aligned, trim, without_broken_end
from fimble.features.completion.writing import Writing
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Ghost text: `text` replaces `replace_length` code points after the cursor.

    `ended_by` names the rule that ended it, None where the model ended it; `filters` all filters that took something
    away after that; `suppressed_by` the rule or filter by which there is nothing to show, None where there is.
    """

    text: str
    replace_length: int = 0
    ended_by: str | None = None
    suppressed_by: str | None = None
    filters: tuple[str, ...] = ()


class Place:
    """The hole in a document, for which several texts may be written one after the other."""

    def __init__(
        self,
        snapshot: Snapshot,
        offset: int,
        wrong_max: float = math.inf,
        *,
        is_known_name: IsKnownName | None = None,
        frames: Frames | None = None,
    ) -> None:
        """`wrong_max` is how many characters of what is shown may be expected to be wrong; infinite if asked by hand.

        `is_known_name` tells which attributes exist. `frames` are kept from question to question, to spare parses.
        """
        self._snapshot, self._offset = snapshot, offset
        self._around = surroundings(snapshot.text, offset, snapshot)
        self._wrong_max = wrong_max
        self._is_known_name = is_known_name
        self._frames = frames
        # What was written without an end so far, in the file's style: it need not be looked at again when more comes.
        self._without_end = ""
        self._latest: tuple[str, Trimmed] | None = None

    def knowing(self, is_known_name: IsKnownName) -> "Place":
        """Returns this place, which knows which attributes exist."""
        place = copy.copy(self)
        place._is_known_name = is_known_name
        return place

    @property
    def wrong_max(self) -> float:
        """How many characters of what is shown may be expected to be wrong; infinite if asked by hand."""
        return self._wrong_max

    @property
    def is_inside_word(self) -> bool:
        """Whether there are characters of a word on both sides."""
        before, after = self._around.line_before[-1:], self._around.line_after[:1]
        return (after.isalnum() or after == "_") and (before.isalnum() or before == "_")

    def has_enough(self, writing: Writing, typed: str) -> bool:
        """Tells whether nothing more that is written would be shown after `typed`."""
        return self._trimmed(writing, typed, is_whole=False)[0].rule is not None

    def serves(self, writing: Writing, typed: str) -> bool:
        """Tells whether a text that goes along with what was typed says, or will say, what comes next here."""
        if writing.is_running or (writing.is_whole and writing.report.stop_reason != "length"):
            return True
        # It was broken off, because enough was known then; here it may not be.
        return self.has_enough(writing, typed)

    def shown(self, writing: Writing, typed: str) -> Shown:
        """Returns the ghost text after `typed`."""
        trimmed, written = self._trimmed(writing, typed, is_whole=not writing.is_running)
        chain = Chain(
            around=self._around,
            syntax=lambda: self._syntax,
            is_asked_by_hand=math.isinf(self._wrong_max),
            is_known_name=self._is_known_name,
        )
        filtered = chain.filtered(trimmed.text, trimmed.rule)
        filters = filtered.filters
        if _is_indented_otherwise(trimmed.text, written):
            filters = ("indentation", *filters)
        if filtered.text.strip():
            return Shown(
                text=_with_line_ends_of(self._snapshot.text, filtered.text),
                replace_length=covered_length(filtered.text, self._around),
                ended_by=trimmed.rule,
                filters=filters,
            )
        suppressed_by = filtered.filters[-1] if filtered.filters else trimmed.rule or "empty"
        return Shown(text="", ended_by=trimmed.rule, suppressed_by=suppressed_by, filters=filters)

    @cached_property
    def _syntax(self) -> Syntax | None:
        # Most questions are answered from a text of one line that needs no parse.
        return Syntax.of(self._snapshot, self._offset, self._frames)

    def _ends_before(self, written: str, line: str) -> bool | None:
        return self._syntax.ends_before(written, line) if self._syntax is not None else None

    def _trimmed(self, writing: Writing, typed: str, *, is_whole: bool) -> tuple[Trimmed, str]:
        """Returns what is shown of what was written after `typed`, if at most `wrong_max` of it may be wrong.

        Also returns that text as it was written.
        """
        start = len(typed)
        sure_end = writing.sure_end(start, self._wrong_max)
        if sure_end is not None:
            # The line end after it tells that the line is whole.
            written = writing.text[start : sure_end + writing.text.startswith("\n", sure_end)]
            trimmed = self._trim(written, is_complete=False)
            if trimmed.rule is None:
                # The beginning of a line helps somebody who is writing that line, not below other lines.
                trimmed = Trimmed(without_broken_end(trimmed.text).rstrip(), "not-sure")
            return trimmed, written
        written = writing.text[start:]
        trimmed = self._trim(written, is_complete=is_whole)
        if is_whole and trimmed.rule is None and writing.report.stop_reason == "length":
            trimmed = self._trim(without_broken_end(written), is_complete=True)
        return trimmed, written

    def _trim(self, written: str, *, is_complete: bool) -> Trimmed:
        if not is_complete and self._latest is not None and self._latest[0] == written:
            # Both the writing and whoever waits for it ask.
            return self._latest[1]
        around = self._around
        styled = restyled(aligned(written, around), around)
        known = self._without_end if styled.startswith(self._without_end) else ""
        trimmed = trim(styled, around, is_complete=is_complete, ends_before=self._ends_before, known=known)
        if not is_complete:
            self._latest = written, trimmed
            if trimmed.rule is None:
                self._without_end = styled
        return trimmed


def _is_indented_otherwise(text: str, written: str) -> bool:
    pairs = zip(text.split("\n"), written.split("\n"), strict=False)
    return any(leading_blanks(one) != leading_blanks(other) for one, other in pairs if one.strip())


def _with_line_ends_of(text: Text, suggestion: str) -> str:
    if "\n" not in suggestion:
        return suggestion
    first_line_end = text.content[text.line_start(0) + len(text.line(0)) :][:2]
    return suggestion.replace("\n", "\r\n") if first_line_end == "\r\n" else suggestion
