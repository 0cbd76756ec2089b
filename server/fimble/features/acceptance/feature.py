"""What becomes of suggestions: hears of every question and of what the user does with the answers, and keeps count.

All of it belongs to the event loop and does next to nothing there; one thread of its own writes.
"""

import asyncio
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable

from fimble.errors import FimbleError
from fimble.features.acceptance.feedback import Feedback, FeedbackKind
from fimble.features.acceptance.keeping import MOMENTS_S, CallLater, Keeping, TextOf
from fimble.features.acceptance.sight import Ending, Sight
from fimble.features.acceptance.store import Store, day_of, statistics_file
from fimble.features.acceptance.tally import ASKED, CANCELLED, FAILED, count_answer
from fimble.features.acceptance.threshold import OUTCOMES_MAX, factor_after
from fimble.features.acceptance.writer import Writer
from fimble.features.completion.suggestion import CompletionQuery, Suggestion

Suggest = Callable[[CompletionQuery], Awaitable[Suggestion]]

_NAMES_MAX = 256
_DOCUMENTS_MAX = 64
_COUNT_INTERVAL_S = 60.0


class Acceptance:
    """The statistics of one editor window, and what was learnt from those of all windows."""

    def __init__(
        self,
        writer: Writer | None = None,
        *,
        call_later: CallLater | None = None,
        moments_s: tuple[float, float, float] = MOMENTS_S,
        monotonic_s: Callable[[], float] = time.monotonic,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """`writer` writes to `statistics_file()` unless given; `call_later` is the running loop's."""
        self.is_enabled = True
        self._writer = writer or Writer(statistics_file())
        self._keeping = Keeping(self._writer.put, call_later or _call_later, moments_s)
        self._monotonic_s = monotonic_s
        self._time_s = time_s
        self._counts: Counter[str] = Counter()
        self._counted_s = monotonic_s()
        self._sights: OrderedDict[str, Sight] = OrderedDict()
        self._named: OrderedDict[str, Sight] = OrderedDict()
        self._editor_tells = False
        # Set by the writing thread: a single float, which is either the old or the new one to whoever reads it.
        self._factor = 1.0

    def start(self) -> None:
        """Reads what was learnt before."""
        if self.is_enabled:
            self._writer.put(self._learn)

    def factor(self) -> float:
        """Returns by what the number of characters that may be wrong is multiplied; 1 until something is learnt."""
        return self._factor if self.is_enabled else 1.0

    def follow_texts(self, text_of: TextOf) -> None:
        """Takes what tells the text of an open document."""
        self._keeping.follow_texts(text_of)

    def watching(self, suggest: Suggest) -> Suggest:
        """Returns `suggest`, which is counted."""

        async def watched(query: CompletionQuery) -> Suggestion:
            if not self.is_enabled:
                return await suggest(query)
            self._follow(query)
            self._counts[ASKED] += 1
            try:
                suggestion = await suggest(query)
            except asyncio.CancelledError:
                self._counts[CANCELLED] += 1
                raise
            except FimbleError:
                self._counts[FAILED] += 1
                raise
            count_answer(self._counts, suggestion)
            self._store_counts()
            return suggestion

        return watched

    def take(self, feedback: Feedback) -> None:
        """Takes what the editor tells; what is not known any more is ignored, and what comes twice counts once."""
        if not self.is_enabled:
            return
        sight = self._named.get(feedback.name)
        match feedback.kind:
            case FeedbackKind.OFFERED:
                self._offered(feedback)
            case FeedbackKind.SHOWN:
                self._editor_tells = True
                if sight is not None:
                    sight.show(self._monotonic_s())
            case FeedbackKind.ACCEPTED | FeedbackKind.PARTLY_ACCEPTED:
                if sight is not None:
                    self._accepted(sight, feedback)
            case FeedbackKind.FOCUSED:
                for uri in [uri for uri in self._sights if uri != feedback.uri]:
                    self._end(uri, Ending.LEFT)
            case FeedbackKind.CLOSED:
                self._end(feedback.uri, Ending.LEFT)
                if feedback.text is not None:
                    self._keeping.move(feedback.uri, feedback.text)

    async def stop(self) -> None:
        """Stores what is left, and ends the writing thread."""
        for uri in tuple(self._sights):
            self._end(uri, Ending.LEFT)
        if self.is_enabled:
            self._keeping.stop()
            self._store_counts(is_due=True)
        await asyncio.to_thread(self._writer.close)

    def _follow(self, query: CompletionQuery) -> None:
        """Takes the document as it is with the next question: usually one key further."""
        uri, text = query.snapshot.uri, query.snapshot.text
        self._keeping.move(uri, text)
        sight = self._sights.get(uri)
        if sight is not None and not sight.follow(text, query.offset):
            self._end(uri, Ending.TYPED_OVER)

    def _offered(self, feedback: Feedback) -> None:
        query, suggestion = feedback.query, feedback.suggestion
        if query is None or suggestion is None or not suggestion.text:
            return
        uri = query.snapshot.uri
        sight = self._sights.get(uri)
        if sight is not None and feedback.is_alternative:
            sight.add_alternative(feedback.name, suggestion)
        elif sight is None or not sight.join(feedback.name, query, suggestion):
            self._end(uri, Ending.REPLACED)
            # A random number, since several windows write to one database.
            key = secrets.randbits(62)
            sight = Sight(
                feedback.name,
                query,
                suggestion,
                feedback.trigger,
                key=key,
                now_s=self._monotonic_s(),
                time_s=self._time_s(),
            )
            self._sights[uri] = sight
            if len(self._sights) > _DOCUMENTS_MAX:
                self._end(next(iter(self._sights)), Ending.LEFT)
        self._named[feedback.name] = sight
        if len(self._named) > _NAMES_MAX:
            self._named.popitem(last=False)

    def _accepted(self, sight: Sight, feedback: Feedback) -> None:
        length = feedback.accepted_length
        if not sight.accept(feedback.name, length):
            return
        self._keeping.follow(sight)
        if sight.is_whole and self._sights.get(sight.uri) is sight:
            self._end(sight.uri, Ending.ACCEPTED)
        else:
            # It ended before the news came, or it goes on and this may be the last that is heard of it.
            self._record(sight)

    def _end(self, uri: str, ending: Ending) -> None:
        sight = self._sights.pop(uri, None)
        if sight is not None:
            sight.end(ending, self._monotonic_s())
            self._record(sight)

    def _record(self, sight: Sight) -> None:
        row = sight.row()
        if not self.is_enabled:
            return
        if self._editor_tells and not sight.is_confirmed and not row.accepts:
            return  # An editor that tells what it shows has not shown this.

        def record(store: Store) -> None:
            store.record(row)
            self._learn(store)

        self._writer.put(record)

    def _learn(self, store: Store) -> None:
        # Read anew each time, so that other windows and `fimble stats --reset` have their effect.
        self._factor = factor_after(store.outcomes(OUTCOMES_MAX))

    def _store_counts(self, *, is_due: bool = False) -> None:
        if not self._counts or (not is_due and self._monotonic_s() - self._counted_s < _COUNT_INTERVAL_S):
            return
        counts, day = dict(self._counts), day_of(self._time_s())
        self._counts.clear()
        self._counted_s = self._monotonic_s()
        self._writer.put(lambda store: store.count(day, counts))


def _call_later(delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(delay_s, call)
