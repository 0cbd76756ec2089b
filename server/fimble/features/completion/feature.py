"""Ghost text from a snapshot: lays out the prompt, reads what the model writes, and stops it where it should end."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fimble.errors import ModelRefused
from fimble.features.completion.context import ContextSource, NoContext
from fimble.features.completion.explained import context_items, explanation, prompt_sections
from fimble.features.completion.known_names import judge, owners_in
from fimble.features.completion.layout import Layout
from fimble.features.completion.rhythm import Rhythm
from fimble.features.completion.session import Session, Sessions
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.shown import Place, Shown
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.features.completion.writing import Writing
from fimble.prompting.anchor import Anchor
from fimble.prompting.fill_in_middle import lay_out
from fimble.providers.provider import GenerationRequest, Priority, Provider, ProviderModel

# As Tabby asks for its three alternatives.
_ALTERNATIVE_TEMPERATURE = 0.8
_FURTHER_TRIES = 2
_WORD_CHARACTERS_MAX = 80


class Completion:
    """Suggests ghost text with one provider."""

    def __init__(
        self,
        provider: Provider,
        settings: CompletionSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        context: ContextSource | None = None,
        leniency: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`context` finds code in other places; without it the model sees the file alone.

        `leniency` is how much more, or less, than the settings say may be wrong of what is shown unasked.
        """
        self._provider = provider
        self._settings = settings or CompletionSettings()
        self._context = context or NoContext()
        self._layout = Layout(provider, self._settings, self._context)
        self._leniency = leniency
        self._sessions = Sessions()
        self._rhythm = Rhythm()
        self._model_name = ""
        self._clock = clock

    async def suggest(self, query: CompletionQuery) -> Suggestion:
        """Returns ghost text for a place in a snapshot.

        Cancelling the call lets the model go on for a moment: whoever types along what it writes asks again.

        Raises:
            EngineError: the engine is gone or busy.
            ModelError: there is no model, or it cannot fill in the middle.
        """
        started = asked = self._clock()
        if not query.is_manual:
            self._rhythm.key(started)
        # Whoever asks by a key sees all of it.
        wrong_max = math.inf if query.is_manual else self._wrong_characters_max()
        place = Place(query.snapshot, query.offset, wrong_max, frames=self._sessions.frames)
        if not query.is_manual and place.is_inside_word:
            return Suggestion(text="", offset=query.offset, suppressed_by="inside-word")
        model = await self._provider.model()
        if model.card.fill_in_middle is None:
            raise ModelRefused(
                f"The model {model.card.name} has no fill-in-the-middle tokens, so that it cannot complete code; "
                "choose another one (fimble models list)."
            )
        session = self._session(query, model)
        anchor = await self._layout.anchor(session, query, model)
        laid_out = self._clock()
        typed = anchor.typed(query.snapshot.text, query.offset)
        writing = session.find(typed)
        if writing is not None and not place.serves(writing, typed):
            writing = None
        is_new = writing is None
        if writing is None:
            if delay_s := self._delay_s(query):
                await asyncio.sleep(delay_s)
            asked = self._clock()
            writing = self._write(session, anchor, typed, priority=Priority.INLINE, window=query.window)
        session.hold()
        try:
            await writing.until(partial(place.has_enough, writing, typed))
        finally:
            session.linger()
            session.in_pause(query, partial(self._layout.grow, session, query, model))
        place, shown = await self._judged(query, place, writing, typed)
        if is_new and shown.text:
            self._rhythm.answered((self._clock() - asked) * 1000)
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
            context=context_items(session.shown_context),
            explanation=explanation(
                prompt_sections(query, anchor, session.shown_context),
                (("lay out the prompt", (laid_out - started) * 1000),),
                shown,
                writing=writing,
                start=len(typed),
                wrong_max=place.wrong_max,
            ),
        )
        if query.is_manual and query.alternatives:
            others = await self._alternatives(query, place, session, anchor, suggestion)
            return replace(suggestion, alternatives=others, latency_ms=(self._clock() - started) * 1000)
        if suggestion.text:
            self._go_ahead(query, suggestion, session, anchor)
        return suggestion

    async def _judged(self, query: CompletionQuery, place: Place, writing: Writing, typed: str) -> tuple[Place, Shown]:
        """Returns what is shown, and the place that knows which of the names in it exist."""
        shown = place.shown(writing, typed)
        text = query.snapshot.text
        before = text.slice(text.line_start(text.line_at(query.offset)), query.offset)
        owners = owners_in(f"{before}{shown.text}", len(before))
        if not owners:
            return place, shown
        # Most suggestions name nothing's attribute; the others wait for the index a moment.
        known = await self._context.known_names(query.snapshot, query.offset, owners)
        place = place.knowing(judge(known))
        return place, place.shown(writing, typed)

    def _wrong_characters_max(self) -> float:
        return self._settings.wrong_characters_max * self._leniency()

    def _delay_s(self, query: CompletionQuery) -> float:
        """Returns how long to wait for a further key before the model is asked; nearly always not at all."""
        before = query.snapshot.text.slice(max(0, query.offset - _WORD_CHARACTERS_MAX), query.offset)
        return self._rhythm.delay_s(is_cached=False, before=before, is_manual=query.is_manual)

    async def _alternatives(
        self, query: CompletionQuery, place: Place, session: Session, anchor: Anchor, first: Suggestion
    ) -> tuple[Suggestion, ...]:
        """Returns other texts than the first one, written with some chance; as many as come in a few tries."""
        typed = anchor.typed(query.snapshot.text, query.offset)
        found: dict[str, Suggestion] = {}
        for seed in range(1, query.alternatives + _FURTHER_TRIES + 1):
            if len(found) >= query.alternatives:
                break
            writing = self._begin(session, anchor, typed, priority=Priority.INLINE, window=query.window, seed=seed)
            try:
                await writing.until(partial(place.has_enough, writing, typed))
            finally:
                writing.stop()
            session.add_alternative(writing)
            shown = place.shown(writing, typed)
            if shown.text and shown.text != first.text and shown.text not in found:
                found[shown.text] = replace(first, text=shown.text, replace_length=shown.replace_length)
        return tuple(found.values())

    def _go_ahead(self, query: CompletionQuery, suggestion: Suggestion, session: Session, anchor: Anchor) -> None:
        """Lets the model write what may be wanted once the suggestion has been accepted."""
        end = query.offset + suggestion.replace_length
        text = query.snapshot.text.replace(query.offset, end, suggestion.text)
        offset = query.offset + len(suggestion.text)
        snapshot = replace(query.snapshot, text=text)
        if not anchor.holds(snapshot, offset):
            return
        typed = anchor.typed(text, offset)
        place = Place(snapshot, offset, self._wrong_characters_max(), frames=self._sessions.frames)
        known = session.find(typed)
        if known is None or len(known.text) == len(typed) or not place.serves(known, typed):
            writing = self._write(session, anchor, typed, priority=Priority.PREFETCH)
            writing.end_when(partial(place.has_enough, writing, typed))
            session.linger()

    def _session(self, query: CompletionQuery, model: ProviderModel) -> Session:
        if self._model_name != model.card.name:
            self._layout.forget()
            self._sessions.forget()
            self._model_name = model.card.name
        return self._sessions.of(query.window)

    def _write(self, session: Session, anchor: Anchor, typed: str, *, priority: Priority, window: str = "") -> Writing:
        """Begins to write what follows `typed`, and remembers it."""
        writing = self._begin(session, anchor, typed, priority=priority, window=window)
        session.add(writing)
        return writing

    def _begin(
        self, session: Session, anchor: Anchor, typed: str, *, priority: Priority, window: str, seed: int = 0
    ) -> Writing:
        """Begins to write what follows `typed`; with a seed, another text than the likeliest."""
        prompt = lay_out(anchor, typed)
        request = GenerationRequest(
            prompt=prompt.parts,
            tokens_max=self._settings.tokens_max,
            starts_with=prompt.starts_with,
            priority=priority,
            supersede_key=window,
            temperature=_ALTERNATIVE_TEMPERATURE if seed else 0.0,
            seed=seed,
            version_of=session.window,
        )
        return Writing(self._provider, request, typed.removesuffix(prompt.starts_with), session.reading)
