"""Ghost text from a snapshot: lays out the prompt, reads what the model writes, and stops it where it should end."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from fimble.errors import ModelRefused
from fimble.features.completion.context import NOTHING, Context, ContextSource, NoContext, find_context
from fimble.features.completion.session import Session, Sessions
from fimble.features.completion.shown import Place
from fimble.features.completion.suggestion import CompletionQuery, ContextItem, Suggestion
from fimble.features.completion.writing import Reading, Writing
from fimble.prompting.anchor import Anchor, drop_anchor
from fimble.prompting.context.rendering import NO_CONTEXT
from fimble.prompting.fill_in_middle import lay_out, stable_parts
from fimble.prompting.token_counter import TokenCounter
from fimble.prompting.window import choose_window
from fimble.providers.provider import GenerationRequest, Priority, Provider, ProviderModel
from fimble.workspace.snapshot import Snapshot

_LATENCY_TARGET_MS = 900
_LATENCY_TARGET_GPU_MS = 400
# Less than this is not worth a suggestion.
_QUICK_TOKENS_MIN = 96
# In a pause, the prompt is laid out anew when more than this stands after its middle token.
_TYPED_CHARACTERS_MUCH = 600
# Room in the prompt for the control tokens, the repository's name and the path.
_HEADER_TOKENS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """How much is read and written per suggestion, in the model's tokens.

    A prompt of `prompt_tokens_max` takes about three seconds on two cores when nothing is cached. So where the user
    has just come, only what can be read within `latency_target_ms` is read at first (0: 400 on a GPU, 900 elsewhere),
    and the rest in the first pause. Of a text that nobody asked for, only that beginning is shown of which at most
    `wrong_characters_max` characters are expected to be wrong, as the model sees it.
    """

    prompt_tokens_max: int = 512
    tokens_max: int = 64
    latency_target_ms: int = 0
    wrong_characters_max: float = 1.0


class Completion:
    """Suggests ghost text with one provider."""

    def __init__(
        self,
        provider: Provider,
        settings: CompletionSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        context: ContextSource | None = None,
    ) -> None:
        """`context` finds code in other places; without it the model sees the file alone."""
        self._provider = provider
        self._context = context or NoContext()
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
        place = self._place(query.snapshot, query.offset, is_manual=query.is_manual)
        if not query.is_manual and place.is_inside_word:
            return Suggestion(text="", offset=query.offset, suppressed_by="inside-word")
        model = await self._provider.model()
        if model.card.fill_in_middle is None:
            raise ModelRefused(
                f"The model {model.card.name} has no fill-in-the-middle tokens, so that it cannot complete code; "
                "choose another one (fimble models list)."
            )
        session = self._session(query, model)
        anchor = await self._anchor(session, query, model)
        typed = anchor.typed(query.snapshot.text, query.offset)
        writing = session.find(typed)
        if writing is not None and not place.serves(writing, typed):
            writing = None
        is_new = writing is None
        if writing is None:
            writing = self._write(session, anchor, typed, priority=Priority.INLINE, window=query.window)
        session.hold()
        try:
            await writing.until(partial(place.has_enough, writing, typed))
        finally:
            session.linger()
            session.in_pause(query, partial(self._grow, session, query, model))
        shown = place.shown(writing, typed)
        if writing.is_running:
            writing.stop()
        report = writing.report
        suggestion = Suggestion(
            text=shown.text,
            offset=query.offset,
            replace_length=shown.replace_length,
            latency_ms=(self._clock() - started) * 1000,
            prompt_tokens=report.prompt_tokens,
            cached_tokens=report.cached_tokens if is_new else report.prompt_tokens,
            generated_tokens=report.generated_tokens if is_new else 0,
            stop_reason=shown.ended_by or report.stop_reason,
            model=model.card.name,
            suppressed_by=shown.suppressed_by,
            context=_items(session.shown_context),
        )
        if suggestion.text:
            self._go_ahead(query, suggestion, session, anchor)
        return suggestion

    def _place(self, snapshot: Snapshot, offset: int, *, is_manual: bool) -> Place:
        # Whoever asks by a key sees all of it.
        return Place(snapshot, offset, math.inf if is_manual else self._settings.wrong_characters_max)

    def _go_ahead(self, query: CompletionQuery, suggestion: Suggestion, session: Session, anchor: Anchor) -> None:
        """Lets the model write what may be wanted once the suggestion has been accepted."""
        end = query.offset + suggestion.replace_length
        text = query.snapshot.text.replace(query.offset, end, suggestion.text)
        offset = query.offset + len(suggestion.text)
        snapshot = replace(query.snapshot, text=text)
        if not anchor.holds(snapshot, offset):
            return
        typed = anchor.typed(text, offset)
        place = self._place(snapshot, offset, is_manual=False)
        known = session.find(typed)
        if known is None or len(known.text) == len(typed) or not place.serves(known, typed):
            writing = self._write(session, anchor, typed, priority=Priority.PREFETCH)
            writing.end_when(partial(place.has_enough, writing, typed))
            session.linger()

    def _session(self, query: CompletionQuery, model: ProviderModel) -> Session:
        if self._model_name != model.card.name:
            self._counter.forget()
            self._sessions.forget()
            self._model_name = model.card.name
        return self._sessions.of(query.window)

    async def _anchor(self, session: Session, query: CompletionQuery, model: ProviderModel) -> Anchor:
        """Returns the document's anchor, or a new one where the text around the cursor is not the same any more."""
        if session.anchor is not None and session.anchor.holds(query.snapshot, query.offset):
            return session.anchor
        old, quick_tokens = session.anchor, self._quick_tokens(model)
        anchor = await self._new_anchor(query, model, self._tokens_max(model), session.context)
        # Who asks by a key waits for the best that there is.
        is_grown = query.is_manual or anchor.unread_tokens(old if session.is_grown else None) <= quick_tokens
        if query.is_manual:
            anchor = await self._anchor_with_context(session, query, model, anchor)
        elif not is_grown:
            anchor = await self._new_anchor(query, model, quick_tokens, NOTHING)
        session.move(anchor, self._read(anchor), is_grown=is_grown)
        return anchor

    async def _grow(self, session: Session, query: CompletionQuery, model: ProviderModel) -> None:
        """Reads all that a prompt may hold, and uses it from then on, if the user is still there then."""
        if session.anchor is None or not session.anchor.holds(query.snapshot, query.offset):
            return
        tokens_max = self._tokens_max(model)
        is_small = self._quick_tokens(model) < tokens_max and not session.is_grown
        is_long = query.offset - session.anchor.offset >= _TYPED_CHARACTERS_MUCH
        if is_small or is_long or session.line_of_context != query.snapshot.text.line_at(query.offset):
            grown = session.anchor
            if is_small or is_long:
                grown = await self._new_anchor(query, model, tokens_max, session.context)
            anchor = await self._anchor_with_context(session, query, model, grown)
            if anchor != session.anchor:
                reading = self._read(anchor)
                await reading.done()
                latest = session.query
                if not reading.is_done or latest is None or not anchor.holds(latest.snapshot, latest.offset):
                    return
                session.move(anchor, reading, is_grown=True)
            session.is_grown = True

    async def _anchor_with_context(
        self, session: Session, query: CompletionQuery, model: ProviderModel, anchor: Anchor
    ) -> Anchor:
        """Returns `anchor`, or one that shows what else matters here if that is not shown yet."""
        style = model.card.context
        session.line_of_context = query.snapshot.text.line_at(query.offset)
        if style is None:
            return anchor
        found = await find_context(self._context, query, style, self._counter.count, anchor)
        context = session.context.joined(found, style.tokens)
        if context == session.context:
            return anchor
        session.context = context
        return await self._new_anchor(query, model, self._tokens_max(model), context)

    def _tokens_max(self, model: ProviderModel) -> int:
        room = model.context_tokens - self._settings.tokens_max - _HEADER_TOKENS
        return max(1, min(self._settings.prompt_tokens_max, room) - _HEADER_TOKENS)

    def _quick_tokens(self, model: ProviderModel) -> int:
        """Returns how many tokens can be read in the time that somebody waits for a suggestion."""
        default_ms = _LATENCY_TARGET_GPU_MS if model.card.backend == "exllamav2" else _LATENCY_TARGET_MS
        target_ms = self._settings.latency_target_ms or default_ms
        quick = round(model.prefill_tokens_per_second * target_ms / 1000) - _HEADER_TOKENS
        tokens_max = self._tokens_max(model)
        return tokens_max if model.prefill_tokens_per_second <= 0 else min(tokens_max, max(_QUICK_TOKENS_MIN, quick))

    async def _new_anchor(self, query: CompletionQuery, model: ProviderModel, budget: int, context: Context) -> Anchor:
        line = query.snapshot.text.line_at(query.offset)
        window = await choose_window(query.snapshot.text, line, budget, self._counter.count)
        fim, style = model.card.fill_in_middle, model.card.context
        assert fim is not None  # noqa: S101 - looked at when the question came.
        rendered = NO_CONTEXT if style is None else context.rendered(style, query.snapshot.language)
        return drop_anchor(
            query.snapshot, query.offset, window=window, repository=query.repository, fim=fim, context=rendered
        )

    def _read(self, anchor: Anchor) -> Reading:
        # At low priority: it may take seconds, in which other windows' questions go first.
        request = GenerationRequest(prompt=stable_parts(anchor), tokens_max=0, priority=Priority.WARM_UP)
        return Reading(self._provider, request)

    def _write(self, session: Session, anchor: Anchor, typed: str, *, priority: Priority, window: str = "") -> Writing:
        prompt = lay_out(anchor, typed)
        request = GenerationRequest(
            prompt=prompt.parts,
            tokens_max=self._settings.tokens_max,
            starts_with=prompt.starts_with,
            priority=priority,
            supersede_key=window,
        )
        writing = Writing(self._provider, request, typed.removesuffix(prompt.starts_with), session.reading)
        session.add(writing)
        return writing


def _items(context: Context) -> tuple[ContextItem, ...]:
    return tuple(
        ContextItem(
            path=piece.candidate.path,
            first_line=piece.candidate.first_line,
            last_line=piece.candidate.last_line,
            why=piece.candidate.why,
            tokens=piece.tokens,
        )
        for piece in context.pieces
    )
