"""One suggestion as the user sees it, from when it is offered until something else takes its place.

An editor that asks again with every key gets the rest of the suggestion under a new id each time. To the user it is
one suggestion, so here it is one sight: it goes on as long as the document differs by nothing but its first letters.
"""

import re
from enum import StrEnum
from pathlib import PurePath
from typing import Final

from fimble.features.acceptance.feedback import Trigger
from fimble.features.acceptance.store import Row
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.workspace.text import Text

# Whoever typed half of it by hand found it right; they were only quicker than the key that accepts.
_TYPED_SHARE_WANTED: Final = 0.5
# What is stored are words of ours and of the editor; anything else could be a piece of code or a path.
_WORD: Final = re.compile(r"[\w.+#-]{1,64}")
_RULES_MAX: Final = 12


class Ending(StrEnum):
    """Why a suggestion is no longer on the screen."""

    ACCEPTED = "accepted"
    """It was accepted to its end."""
    TYPED_OVER = "typed-over"
    """The user typed something else, or went to another place in the document."""
    REPLACED = "replaced"
    """Another suggestion came for the same place."""
    LEFT = "left"
    """The user turned to another document, closed this one, or left the editor."""


class Sight:
    """A suggestion, the names that it has had, and how much of it is in the document."""

    def __init__(
        self,
        name: str,
        query: CompletionQuery,
        suggestion: Suggestion,
        trigger: Trigger,
        *,
        key: int,
        now_s: float,
        time_s: float,
    ) -> None:
        """`key` identifies it in the database; `now_s` is by a clock that never goes backwards, `time_s` since 1970."""
        self.key = key
        self.uri = query.snapshot.uri
        self.text = suggestion.text
        self.offset = query.offset
        self.origin = query.snapshot.text
        self.is_confirmed = False
        self.ending: Ending | None = None
        self._bases = {name: 0}
        self._alternatives: dict[str, str] = {}
        self._suggestion = suggestion
        self._language = query.snapshot.language
        self._trigger = trigger
        self._time_s = time_s
        self._shown_s = self._ended_s = now_s
        self._reached = 0
        self._reached_most = 0
        # Where in the text the cursor has been, and which characters went into the document by an accept.
        self._stops = {0}
        self._accepts: set[int] = set()
        self._accepted: set[int] = set()

    @property
    def accepted_text(self) -> str:
        """What was accepted, in one piece."""
        return self.text[min(self._accepted) : max(self._accepted) + 1] if self._accepted else ""

    @property
    def accepted_start(self) -> int:
        """Where in the document the accepted text begins, if nothing has changed but by this suggestion."""
        return self.offset + min(self._accepted, default=0)

    def follow(self, text: Text, offset: int) -> bool:
        """Takes the document as it is now, with the cursor at `offset`; tells whether it still is this sight."""
        reached = self._reach(text, offset)
        if reached is None:
            return False
        self._reached = reached
        self._reached_most = max(self._reached_most, reached)
        self._stops.add(reached)
        return True

    def join(self, name: str, query: CompletionQuery, suggestion: Suggestion) -> bool:
        """Takes a further offer if it is the rest of this suggestion, perhaps longer by now; tells whether it is."""
        if not self.follow(query.snapshot.text, query.offset):
            return False
        rest = self.text[self._reached :]
        if not rest or not (rest.startswith(suggestion.text) or suggestion.text.startswith(rest)):
            return False
        self._bases[name] = self._reached
        if len(suggestion.text) > len(rest):
            self.text = self.text[: self._reached] + suggestion.text
        return True

    def add_alternative(self, name: str, suggestion: Suggestion) -> None:
        """Takes a text that the user may choose instead; until then it is not looked at."""
        self._bases[name] = self._reached
        self._alternatives[name] = self.text[: self._reached] + suggestion.text

    def show(self, now_s: float) -> None:
        """Takes note that it is on the screen for certain."""
        if not self.is_confirmed:
            self.is_confirmed = True
            self._shown_s = now_s

    def accept(self, name: str, length: int) -> bool:
        """Takes note that the editor put the first `length` characters of the offer `name` into the document.

        Returns whether that is news. What stood there before is not counted: what was typed by hand, or accepted
        already. The question that follows an accept may have come before the news of it.
        """
        self.text = self._alternatives.pop(name, self.text)
        end = min(self._bases.get(name, 0) + length, len(self.text))
        if end in self._accepts or end <= 0:
            return False
        start = max((stop for stop in self._stops if stop < end), default=0)
        self._accepted |= set(range(start, end))
        self._accepts.add(end)
        self._stops.add(end)
        self._reached_most = max(self._reached_most, end)
        return True

    @property
    def is_whole(self) -> bool:
        """Whether its end was accepted."""
        return len(self.text) in self._accepts

    def end(self, ending: Ending, now_s: float) -> None:
        """Takes note that it is gone; the first reason counts."""
        if self.ending is None:
            self.ending = ending
            self._ended_s = now_s

    def row(self) -> Row:
        """Returns what is stored of it."""
        suggestion, explanation = self._suggestion, self._suggestion.explanation
        rules = (*explanation.filters, *([suggestion.stop_reason] if suggestion.stop_reason else []))
        accepted = len(self._accepted)
        by_hand = self._reached_most - sum(place < self._reached_most for place in self._accepted)
        return Row(
            key=self.key,
            time_s=self._time_s,
            language=_word(self._language),
            # Somebody's model may be a file, whose folders say more than a database should know.
            model=_word(PurePath(suggestion.model).name),
            trigger=self._trigger.value,
            is_confirmed=self.is_confirmed,
            characters=len(self.text),
            lines=self.text.count("\n") + 1,
            latency_ms=suggestion.latency_ms,
            prompt_tokens=suggestion.prompt_tokens,
            cached_tokens=suggestion.cached_tokens,
            expected_wrong=explanation.expected_wrong_characters,
            mean_log_probability=explanation.mean_log_probability,
            rules=",".join(_word(rule) for rule in rules[:_RULES_MAX]),
            ending="" if self.ending is None else self.ending.value,
            seen_ms=(self._ended_s - self._shown_s) * 1000,
            typed_characters=by_hand,
            accepted_characters=accepted,
            accepts=len(self._accepts),
            is_whole=self.is_whole,
            is_wanted=accepted > 0 or self._reached_most >= len(self.text) * _TYPED_SHARE_WANTED,
        )

    def _reach(self, text: Text, offset: int) -> int | None:
        """Returns how many characters of it are in the document, None where anything else has changed."""
        count = len(text) - len(self.origin)
        if not 0 <= count <= len(self.text) or offset != self.offset + count:
            return None
        if text.slice(self.offset, offset) != self.text[:count]:
            return None
        start, end, _ = self.origin.difference(text)
        if count == 0:
            return 0 if start == len(self.origin) else None
        # The same insertion can be seen further right, where the text repeats what was inserted.
        same = self.origin.slice(self.offset, start) == text.slice(offset, start + count)
        return count if start == end and start >= self.offset and same else None


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else "other" if text else ""
