"""Ghost text from a snapshot: lays out the prompt, reads what the model writes, and stops it where it should end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fimble.errors import ModelRefused
from fimble.features.completion.session import Session, Sessions
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.features.completion.trim import (
    Surroundings,
    Trimmed,
    aligned,
    covered_length,
    finished,
    trim,
    without_broken_end,
)
from fimble.features.completion.writing import Enough, Writing
from fimble.models.card import FillInMiddle
from fimble.prompting.anchor import Anchor, drop_anchor
from fimble.prompting.fill_in_middle import lay_out
from fimble.prompting.token_counter import TokenCounter
from fimble.prompting.window import choose_window
from fimble.providers.provider import GenerationReport, GenerationRequest, Priority, Provider, ProviderModel
from fimble.workspace.text import Encoding, Text

# Lines above and below that the stop rules look at.
_NEIGHBOURS = 3
_NEIGHBOUR_DISTANCE_MAX = 50
# Room in the prompt for the control tokens, the repository's name and the path.
_HEADER_TOKENS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """How much is read and written per suggestion, in the model's tokens.

    The default prompt takes about four seconds on two cores when nothing is cached, and a handful of tokens per
    keystroke from then on.
    """

    prompt_tokens_max: int = 768
    tokens_max: int = 64


class Completion:
    """Suggests ghost text with one provider."""

    def __init__(
        self,
        provider: Provider,
        settings: CompletionSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._settings = settings or CompletionSettings()
        self._counter = TokenCounter(provider)
        self._sessions = Sessions()
        self._model_name = ""
        self._clock = clock

    async def suggest(self, query: CompletionQuery) -> Suggestion:
        """Returns ghost text for a place in a snapshot.

        Cancelling the call lets the model go on for a moment: whoever types along what it writes asks again.

        Raises:
            EngineError: the engine is gone or busy.
            ModelError: there is no model, or it cannot fill in the middle.
        """
        started = self._clock()
        text = query.snapshot.text
        line, character = text.position(query.offset, Encoding.UTF_32)
        around = surroundings(text, line, character)
        if not query.is_manual and _is_inside_word(around):
            return Suggestion(text="", offset=query.offset, suppressed_by="inside-word")
        model = await self._provider.model()
        fim = model.card.fill_in_middle
        if fim is None:
            raise ModelRefused(
                f"The model {model.card.name} has no fill-in-the-middle tokens, so that it cannot complete code; "
                "choose another one (fimble models list)."
            )
        session = self._session(query, model)
        anchor = await self._anchor(session, query, model, line, character)
        typed = anchor.typed(text, query.offset)
        writing = session.find(typed)
        if writing is not None and not _is_enough(writing, typed, around):
            writing = None
        is_new = writing is None
        if writing is None:
            writing = self._write(anchor, typed, fim, priority=Priority.INLINE, window=query.window)
            session.add(writing)

        def result(written: str, is_whole: bool) -> Trimmed:
            return _trimmed(written[len(typed) :], around, is_whole, writing.report)

        session.hold()
        try:
            await writing.until(lambda written, is_whole: result(written, is_whole).rule is not None)
        finally:
            session.linger()
        trimmed = result(writing.text, not writing.is_running)
        if writing.is_running:
            writing.stop()
        shown = finished(trimmed.text, around)
        report = writing.report
        suggestion = Suggestion(
            text=_with_line_ends_of(text, shown),
            offset=query.offset,
            replace_length=covered_length(shown, around),
            latency_ms=(self._clock() - started) * 1000,
            prompt_tokens=report.prompt_tokens,
            cached_tokens=report.cached_tokens if is_new else report.prompt_tokens,
            generated_tokens=report.generated_tokens if is_new else 0,
            stop_reason=trimmed.rule or report.stop_reason,
            model=model.card.name,
            suppressed_by=None
            if shown.strip()
            else "early-closer"
            if trimmed.text.strip()
            else trimmed.rule or "empty",
        )
        if suggestion.text:
            self._go_ahead(query, suggestion, session, anchor, fim)
        return suggestion

    def _go_ahead(
        self, query: CompletionQuery, suggestion: Suggestion, session: Session, anchor: Anchor, fim: FillInMiddle
    ) -> None:
        """Lets the model write what may be wanted once the suggestion has been accepted."""
        end = query.offset + suggestion.replace_length
        text = query.snapshot.text.replace(query.offset, end, suggestion.text)
        offset = query.offset + len(suggestion.text)
        if not anchor.holds(replace(query.snapshot, text=text), offset):
            return
        typed = anchor.typed(text, offset)
        line, character = text.position(offset, Encoding.UTF_32)
        around = surroundings(text, line, character)
        known = session.find(typed)
        if known is not None and len(known.text) > len(typed) and _is_enough(known, typed, around):
            return

        def enough(written: str, is_whole: bool) -> bool:
            return _trimmed(written[len(typed) :], around, is_whole, writing.report).rule is not None

        writing = self._write(anchor, typed, fim, priority=Priority.PREFETCH, enough=enough)
        session.add(writing)
        session.linger()

    def _session(self, query: CompletionQuery, model: ProviderModel) -> Session:
        if self._model_name != model.card.name:
            self._counter.forget()
            self._sessions.forget()
            self._model_name = model.card.name
        return self._sessions.of(query.window)

    async def _anchor(
        self, session: Session, query: CompletionQuery, model: ProviderModel, line: int, character: int
    ) -> Anchor:
        """Returns the document's anchor, or a new one where the text around the cursor is not the same any more."""
        if session.anchor is not None and session.anchor.holds(query.snapshot, query.offset):
            return session.anchor
        room = model.context_tokens - self._settings.tokens_max - _HEADER_TOKENS
        budget = max(1, min(self._settings.prompt_tokens_max, room) - _HEADER_TOKENS)
        window = await choose_window(query.snapshot.text, line, budget, self._counter.count)
        anchor = drop_anchor(query.snapshot, line=line, character=character, window=window, repository=query.repository)
        session.move(anchor)
        return anchor

    def _write(
        self,
        anchor: Anchor,
        typed: str,
        fim: FillInMiddle,
        *,
        priority: Priority,
        window: str = "",
        enough: Enough | None = None,
    ) -> Writing:
        prompt = lay_out(anchor, typed, fim)
        request = GenerationRequest(
            prompt=prompt.parts,
            tokens_max=self._settings.tokens_max,
            starts_with=prompt.starts_with,
            priority=priority,
            supersede_key=window,
        )
        return Writing(self._provider, request, typed.removesuffix(prompt.starts_with), enough)


def _is_enough(writing: Writing, typed: str, around: Surroundings) -> bool:
    """Tells whether a text that goes along with what was typed says, or will say, what comes next."""
    if writing.is_running or (writing.is_whole and writing.report.stop_reason != "length"):
        return True
    # It was broken off, because enough was known then; here it may not be.
    return _trimmed(writing.text[len(typed) :], around, False, writing.report).rule is not None


def _trimmed(written: str, around: Surroundings, is_whole: bool, report: GenerationReport) -> Trimmed:
    """Returns what is shown of what was written after the cursor so far."""
    written = aligned(written, around)
    trimmed = trim(written, around, is_complete=is_whole)
    if is_whole and trimmed.rule is None and report.stop_reason == "length":
        return trim(without_broken_end(written), around, is_complete=True)
    return trimmed


def surroundings(text: Text, line: int, character: int) -> Surroundings:
    """Returns what the stop rules need to know about the place at `character` (code points) of `line`."""
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


def _is_inside_word(around: Surroundings) -> bool:
    before, after = around.line_before[-1:], around.line_after[:1]
    return (after.isalnum() or after == "_") and (before.isalnum() or before == "_")


def _with_line_ends_of(text: Text, suggestion: str) -> str:
    if "\n" not in suggestion:
        return suggestion
    first_line_end = text.content[text.line_start(0) + len(text.line(0)) :][:2]
    return suggestion.replace("\n", "\r\n") if first_line_end == "\r\n" else suggestion
