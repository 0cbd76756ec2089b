"""Where a document's prompt is anchored: what is read at once, what is read in a pause, and what stays in the cache."""

from fimble.features.completion.context import NOTHING, Context, ContextSource, find_context
from fimble.features.completion.session import Session
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery
from fimble.features.completion.writing import Reading
from fimble.models.card import ContextStyle
from fimble.prompting.anchor import Anchor, drop_anchor
from fimble.prompting.context.candidate import Source
from fimble.prompting.context.rendering import NO_CONTEXT, RENDERINGS, Place
from fimble.prompting.fill_in_middle import stable_parts
from fimble.prompting.token_counter import TokenCounter
from fimble.prompting.window import choose_window
from fimble.providers.provider import GenerationRequest, Priority, Provider, ProviderModel

_LATENCY_TARGET_MS = 900
_LATENCY_TARGET_GPU_MS = 400
PROMPT_TOKENS = 512
# From the rate on the left (tokens per second) on, what is read in a few seconds: more of the document helps, but who
# has moved waits for it. Two cores read 190 tokens of the 0.5B model in a second, and half as many when they are busy.
_PROMPT_TOKENS = ((1200, 2048), (400, 1024), (50, PROMPT_TOKENS))
_PROMPT_TOKENS_SLOW = 256
# Less than this is not worth a suggestion.
_QUICK_TOKENS_MIN = 96
# In a pause, the prompt is laid out anew when more than this stands after its middle token.
_TYPED_CHARACTERS_MUCH = 600
# What was certain at a line may be so this many lines further, until the next pause tells.
_LINES_NEAR = 40
# What belongs to the place itself. Recent edits, recent files and parts of the own file are as good a few lines before.
_WORTH_READING_AGAIN = frozenset({Source.MEMBERS, Source.CALLEE, Source.USAGE})
# Room in the prompt for the control tokens, the repository's name and the path.
_HEADER_TOKENS = 48


class Layout:
    """Lays out the prompts of documents for one provider's model."""

    def __init__(self, provider: Provider, settings: CompletionSettings, source: ContextSource) -> None:
        self._provider = provider
        self._settings = settings
        self._source = source
        self._counter = TokenCounter(provider)

    def forget(self) -> None:
        """Forgets what was counted, for when another model answers."""
        self._counter.forget()

    async def anchor(self, session: Session, query: CompletionQuery, model: ProviderModel) -> Anchor:
        """Returns the document's anchor, or a new one where the text around the cursor is not the same any more."""
        holds = session.anchor is not None and session.anchor.holds(query.snapshot, query.offset)
        # Who asks by a key waits for the best that there is.
        if session.anchor is not None and holds and (session.is_grown or not query.is_manual):
            return session.anchor
        old, quick_tokens = session.anchor, self._quick_tokens(model)
        session.context = _still_near(session, query, model)
        anchor = await self._new_anchor(query, model, self._tokens_max(model), session.context)
        is_grown = query.is_manual or anchor.unread_tokens(old if session.is_grown else None) <= quick_tokens
        if query.is_manual:
            anchor = await self._anchor_with_context(session, query, model, anchor)
        elif not is_grown:
            anchor = await self._new_anchor(query, model, quick_tokens, NOTHING)
        session.move(anchor, self._read(session, anchor), is_grown=is_grown)
        return anchor

    async def grow(self, session: Session, query: CompletionQuery, model: ProviderModel) -> None:
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
                reading = self._read(session, anchor)
                session.read_ahead(reading)
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
        style = model.card.context if self._settings.is_context_on else None
        session.line_of_context = query.snapshot.text.line_at(query.offset)
        if style is None:
            return anchor
        found = await find_context(self._source, query, style, self._counter.count, anchor)
        if _is_read_first(style):
            context = session.context.joined(found, style.tokens)
        else:
            # What is new has the whole text read again; then nothing is kept that is not certain any more.
            context = found if _is_worth_reading_again(session.context, found) else session.context
        if context == session.context:
            return anchor
        session.context = context
        return await self._new_anchor(query, model, self._tokens_max(model), context)

    def _tokens_max(self, model: ProviderModel) -> int:
        style = model.card.context
        others = style.tokens if style is not None else 0
        room = model.context_tokens - self._settings.tokens_max - others - _HEADER_TOKENS
        wanted = self._settings.prompt_tokens_max or _prompt_tokens(model.prefill_tokens_per_second)
        return max(1, min(wanted, room) - _HEADER_TOKENS)

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

    def _read(self, session: Session, anchor: Anchor) -> Reading:
        # At low priority: it may take seconds, in which other windows' questions go first.
        parts = stable_parts(anchor)
        request = GenerationRequest(prompt=parts, tokens_max=0, priority=Priority.WARM_UP, version_of=session.window)
        return Reading(self._provider, request)


def _still_near(session: Session, query: CompletionQuery, model: ProviderModel) -> Context:
    """Returns what is shown of other places where the prompt is laid out anew: what was found near by, as a rule.

    Files of the repository stand in front of everything and stay in the model's cache, wherever the user goes.
    """
    style = model.card.context
    distance = abs(session.line_of_context - query.snapshot.text.line_at(query.offset))
    is_kept = style is not None and (_is_read_first(style) or distance <= _LINES_NEAR)
    return session.context if is_kept else NOTHING


def _is_worth_reading_again(shown: Context, found: Context) -> bool:
    """Tells whether `found` has what the prompt should show although it would all be read again for it."""
    known = set(shown.pieces)
    new = [piece for piece in found.pieces if piece not in known]
    return any(piece.candidate.source in _WORTH_READING_AGAIN for piece in new) or (bool(new) and not known)


def _is_read_first(style: ContextStyle) -> bool:
    return RENDERINGS[style.rendering].place is Place.FILES


def _prompt_tokens(tokens_per_second: float) -> int:
    """Returns how much is read of a document, given how fast a prompt is read; 0 where that is not known.

    By steps, so that a machine that is busy today shows the model the same as yesterday.
    """
    for fast_enough, tokens in _PROMPT_TOKENS:
        if tokens_per_second >= fast_enough:
            return tokens
    return PROMPT_TOKENS if tokens_per_second <= 0 else _PROMPT_TOKENS_SLOW
