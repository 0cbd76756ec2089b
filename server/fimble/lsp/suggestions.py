"""Between a suggestion and what the editor gets: what became of it while the user typed, and its items."""

import itertools
from collections import OrderedDict, deque
from dataclasses import asdict, replace
from typing import Any, Final

from lsprotocol import types

from fimble.features.completion.suggestion import CompletionQuery, ContextItem, Explanation, Section, Suggestion
from fimble.lsp.extensions import ACCEPTED_COMPLETION
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding, Text

_REMEMBERED_MAX: Final = 256
_RECENT_MAX: Final = 8
_DOCUMENTS_MAX: Final = 32
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
    """Remembers the newest suggestions by the id under which the editor speaks of them, and each document's last."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._suggestions: OrderedDict[str, Suggestion] = OrderedDict()
        self._answers: OrderedDict[str, tuple[CompletionQuery, Suggestion]] = OrderedDict()

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

    def answered(self, query: CompletionQuery, suggestion: Suggestion) -> None:
        """Remembers the last answer in a document, also if it is none."""
        uri = query.snapshot.uri
        self._answers[uri] = query, suggestion
        self._answers.move_to_end(uri)
        if len(self._answers) > _DOCUMENTS_MAX:
            self._answers.popitem(last=False)

    def last(self, uri: str | None) -> tuple[CompletionQuery, Suggestion] | None:
        """Returns the last question and its answer in a document, without `uri` in any."""
        if uri is None:
            return next(reversed(self._answers.values()), None)
        return self._answers.get(uri)


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


def suggestion_to_lsp(suggestion: Suggestion) -> dict[str, Any]:
    """Returns a suggestion with what it cost and how it came about, as EXTENSIONS.md describes it."""
    fields = asdict(replace(suggestion, alternatives=()))
    del fields["offset"]
    fields["alternatives"] = [
        {"text": other.text, "replace_length": other.replace_length} for other in suggestion.alternatives
    ]
    fields["context"] = [
        {"path": item.path, "range": [item.first_line, item.last_line], "why": item.why, "tokens": item.tokens}
        for item in suggestion.context
    ]
    explanation = suggestion.explanation
    fields["explanation"] |= {
        "sections": [
            {
                "name": section.name,
                "path": section.path,
                "range": None if section.first_line is None else [section.first_line, section.last_line],
                "why": section.why,
                "tokens": section.tokens,
            }
            for section in explanation.sections
        ],
        "stages_ms": [{"stage": stage, "ms": milliseconds} for stage, milliseconds in explanation.stages_ms],
        "filters": list(explanation.filters),
    }
    return fields


def suggestion_from_lsp(fields: dict[str, Any]) -> Suggestion:
    """Returns the suggestion of which `suggestion_to_lsp` made `fields`; its offset is not among them and 0."""
    known = {**fields, "offset": 0}
    known["alternatives"] = tuple(Suggestion(offset=0, **other) for other in fields["alternatives"])
    known["context"] = tuple(ContextItem(**_with_lines(item)) for item in fields["context"])
    explanation = fields["explanation"]
    known["explanation"] = Explanation(
        **{
            **explanation,
            "sections": tuple(Section(**_with_lines(section)) for section in explanation["sections"]),
            "stages_ms": tuple((stage["stage"], stage["ms"]) for stage in explanation["stages_ms"]),
            "filters": tuple(explanation["filters"]),
        }
    )
    return Suggestion(**known)


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


def _with_lines(fields: dict[str, Any]) -> dict[str, Any]:
    first_line, last_line = fields["range"] or (None, None)
    others = {name: value for name, value in fields.items() if name != "range"}
    return {**others, "first_line": first_line, "last_line": last_line}


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
