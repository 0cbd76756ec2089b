"""Between a suggestion and what the editor gets: what became of it while the user typed, and its items."""

import itertools
from collections import OrderedDict, deque
from dataclasses import replace
from typing import Final

from lsprotocol import types

from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.lsp.extensions import ACCEPTED_COMPLETION
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

_REMEMBERED_MAX: Final = 256
_RECENT_MAX: Final = 8
_LABEL_CHARACTERS_MAX: Final = 60


def typed_since(old: Text, offset: int, new: Text) -> str | None:
    """Returns what was typed at `offset` to make `new` out of `old`, or None where it was something else."""
    if new is old:
        return ""
    count = len(new) - len(old)
    if count < 0 or offset > len(old):
        return None
    before, after = old.content, new.content
    if after.startswith(before[:offset]) and after.endswith(before[offset:]):
        return after[offset : offset + count]
    return None


def rest_of(suggestion: Suggestion, typed: str) -> Suggestion | None:
    """Returns what is left of a suggestion of which `typed` was typed by hand, or None where they differ."""
    if not suggestion.text.startswith(typed):
        return None
    return replace(suggestion, text=suggestion.text[len(typed) :], offset=suggestion.offset + len(typed))


class SuggestionMemory:
    """Remembers the newest suggestions by the id under which the editor speaks of them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._suggestions: OrderedDict[str, Suggestion] = OrderedDict()

    def remember(self, suggestion: Suggestion) -> str:
        """Returns a new id for `suggestion`; the oldest ones are forgotten."""
        name = f"s{next(self._numbers)}"
        self._suggestions[name] = suggestion
        if len(self._suggestions) > _REMEMBERED_MAX:
            self._suggestions.popitem(last=False)
        return name

    def recall(self, name: object) -> Suggestion | None:
        """Returns the suggestion with this id, or None where it is not remembered."""
        return self._suggestions.get(name) if isinstance(name, str) else None


class RecentSuggestions:
    """Keeps the last few answers, for editors that ask again after an incomplete list."""

    def __init__(self) -> None:
        self._answers: deque[tuple[CompletionQuery, Suggestion]] = deque(maxlen=_RECENT_MAX)

    def add(self, query: CompletionQuery, suggestion: Suggestion) -> None:
        """Keeps the answer to `query`."""
        self._answers.appendleft((query, suggestion))

    def find(self, snapshot: Snapshot, offset: int) -> Suggestion | None:
        """Returns what is left of the newest answer that fits the cursor at `offset` of `snapshot`."""
        for query, suggestion in self._answers:
            if query.snapshot.uri != snapshot.uri:
                continue
            typed = typed_since(query.snapshot.text, query.offset, snapshot.text)
            if typed is not None and query.offset + len(typed) == offset:
                rest = rest_of(suggestion, typed)
                # An entry that has been accepted to its end says nothing about what comes next.
                if rest is not None and (rest.text or not typed):
                    return rest
        return None


def inline_item_to_lsp(
    suggestion: Suggestion, name: str, text: Text, encoding: Encoding, *, is_plain_newline: bool
) -> types.InlineCompletionItem:
    """Returns ghost text for the cursor at `suggestion.offset` in `text`.

    The range begins at the cursor: Neovim draws an item with a wider one over the rest of the line, and fails when
    text before the cursor is deleted before it is accepted (seen with 0.12.4). With `is_plain_newline` lines end
    with a newline also in a file whose lines end otherwise; Neovim inserts a carriage return as text.
    """
    inserted = suggestion.text.replace("\r\n", "\n") if is_plain_newline else suggestion.text
    return types.InlineCompletionItem(
        insert_text=inserted,
        range=_range_to_lsp(text, suggestion.offset, _replaced_end(suggestion, text), encoding),
        command=_accepted_command(name),
    )


def completion_item_to_lsp(
    suggestion: Suggestion, name: str, text: Text, encoding: Encoding, *, has_label_details: bool
) -> types.CompletionItem:
    """Returns the suggestion as an entry of the ordinary completion list.

    It replaces the word before the cursor by itself: that is what editors compare the entry with.
    """
    word = _word_before(text, suggestion.offset)
    first_line = (word + suggestion.text).strip().split("\n", 1)[0].rstrip("\r")
    label = first_line[:_LABEL_CHARACTERS_MAX] or "⏎"
    start = suggestion.offset - len(word)
    return types.CompletionItem(
        label=label,
        label_details=types.CompletionItemLabelDetails(description="Fimble") if has_label_details else None,
        detail=None if has_label_details else "Fimble",
        kind=types.CompletionItemKind.Text,
        filter_text=word or None,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(
            range=_range_to_lsp(text, start, _replaced_end(suggestion, text), encoding),
            new_text=word + suggestion.text,
        ),
        command=_accepted_command(name),
    )


def _accepted_command(name: str) -> types.Command:
    return types.Command(title="Accepted", command=ACCEPTED_COMPLETION, arguments=[name])


def _replaced_end(suggestion: Suggestion, text: Text) -> int:
    line = text.line_at(suggestion.offset)
    line_end = text.line_start(line) + len(text.line(line))
    return max(min(suggestion.offset + suggestion.replace_length, line_end), suggestion.offset)


def _range_to_lsp(text: Text, start: int, end: int, encoding: Encoding) -> types.Range:
    return types.Range(
        start=types.Position(*text.position(start, encoding)),
        end=types.Position(*text.position(end, encoding)),
    )


def _word_before(text: Text, offset: int) -> str:
    before = text.slice(text.line_start(text.line_at(offset)), offset)
    count = 0
    while count < len(before) and (before[-1 - count].isalnum() or before[-1 - count] == "_"):
        count += 1
    return before[len(before) - count :]
