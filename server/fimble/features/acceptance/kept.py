"""How much of an accepted text is still in the document, and where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

REGION_CHARACTERS_MAX: Final = 20_000
"""What is compared at most: a formatter may have rewritten the file."""
NEAR_CHARACTERS: Final = 1_500
"""Text that was moved, or undone and brought back, is looked for so far away, as Copilot does (postInsertion.ts)."""

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_WORD: Final = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text, in code points."""

    start: int
    end: int


Change = tuple[int, int, int]
"""What `Text.difference` returns."""


def moved(span: Span, change: Change) -> Span:
    """Returns where a piece of a text is after the text was changed; what replaced a part of it belongs to it."""
    start, end, new_end = change
    added = new_end - end
    if end <= span.start:
        return Span(span.start + added, span.end + added)
    if start >= span.end:
        return span
    return Span(min(span.start, start), new_end if end >= span.end else span.end + added)


def kept_share(accepted: str, region: str, around: str = "") -> float:
    """Returns which share of the characters of `accepted`, white space aside, is still in `region`, from 0 to 1.

    Words and signs count in their order, and signs only next to a word that is still there, because there are brackets
    everywhere. A whole copy in `region` or `around` counts as all of it.
    """
    tokens = _TOKEN.findall(accepted)
    if not tokens or accepted in region or accepted in around:
        return 1.0
    has_words = _WORD.search(accepted) is not None
    matched = sum(sum(map(len, run)) for run in _common_runs(tokens, _TOKEN.findall(region)) if _counts(run, has_words))
    return matched / sum(map(len, tokens))


def _common_runs(left: list[str], right: list[str]) -> Iterator[list[str]]:
    for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        if block.size:
            yield left[block.a : block.a + block.size]


def _counts(run: list[str], has_words: bool) -> bool:
    return not has_words or any(_WORD.search(token) for token in run)
