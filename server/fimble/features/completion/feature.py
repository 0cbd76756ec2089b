"""Ghost text from a snapshot: lays out the prompt, reads what the model writes, and stops it where it should end."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from fimble.errors import ModelRefused
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
from fimble.prompting.fill_in_middle import FillInMiddlePrompt, lay_out
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
        self._counted_with = ""
        self._clock = clock

    async def suggest(self, query: CompletionQuery) -> Suggestion:
        """Returns ghost text for a place in a snapshot; cancelling the call cancels the model's work.

        Raises:
            EngineError: the engine is gone, busy, or the query was superseded.
            ModelError: there is no model, or it cannot fill in the middle.
        """
        started = self._clock()
        text = query.snapshot.text
        line, character = text.position(query.offset, Encoding.UTF_32)
        around = surroundings(text, line, character)
        if not query.is_manual and _is_inside_word(around):
            return Suggestion(text="", offset=query.offset, suppressed_by="inside-word")
        model = await self._provider.model()
        prompt = await self._prompt(query, model, line, character)
        report = GenerationReport()
        written, trimmed = await self._write(query, prompt, around, report)
        if trimmed.rule is None and report.stop_reason == "length":
            trimmed = trim(without_broken_end(written), around, is_complete=True)
        shown = finished(trimmed.text, around)
        return Suggestion(
            text=_with_line_ends_of(text, shown),
            offset=query.offset,
            replace_length=covered_length(shown, around),
            latency_ms=(self._clock() - started) * 1000,
            prompt_tokens=report.prompt_tokens,
            cached_tokens=report.cached_tokens,
            generated_tokens=report.generated_tokens,
            stop_reason=trimmed.rule or report.stop_reason,
            model=model.card.name,
            suppressed_by=None
            if shown.strip()
            else "early-closer"
            if trimmed.text.strip()
            else trimmed.rule or "empty",
        )

    async def _prompt(
        self, query: CompletionQuery, model: ProviderModel, line: int, character: int
    ) -> FillInMiddlePrompt:
        fim = model.card.fill_in_middle
        if fim is None:
            raise ModelRefused(
                f"The model {model.card.name} has no fill-in-the-middle tokens, so that it cannot complete code; "
                "choose another one (fimble models list)."
            )
        if self._counted_with != model.card.name:
            self._counter.forget()
            self._counted_with = model.card.name
        room = model.context_tokens - self._settings.tokens_max - _HEADER_TOKENS
        budget = max(1, min(self._settings.prompt_tokens_max, room) - _HEADER_TOKENS)
        window = await choose_window(query.snapshot.text, line, budget, self._counter.count)
        return lay_out(
            query.snapshot,
            line=line,
            character=character,
            window=window,
            fim=fim,
            repository=query.repository,
        )

    async def _write(
        self,
        query: CompletionQuery,
        prompt: FillInMiddlePrompt,
        around: Surroundings,
        report: GenerationReport,
    ) -> tuple[str, Trimmed]:
        request = GenerationRequest(
            prompt=prompt.parts,
            tokens_max=self._settings.tokens_max,
            starts_with=prompt.starts_with,
            priority=Priority.INLINE,
            supersede_key=query.window,
        )
        raw = ""
        async with contextlib.aclosing(self._provider.generate(request, report)) as pieces:
            async for piece in pieces:
                raw += piece.text
                written = aligned(raw[len(prompt.starts_with) :], around)
                trimmed = trim(written, around, is_complete=False)
                if trimmed.rule is not None:
                    return written, trimmed
        written = aligned(raw[len(prompt.starts_with) :], around)
        return written, trim(written, around, is_complete=True)


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
