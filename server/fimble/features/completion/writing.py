"""What the model does for a hole: it reads the prompt's stable parts once, and writes a text that is kept while the
user types along it.

Both run as tasks of their own, so that a question that was replaced by the next keystroke takes nothing with it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

from fimble.features.completion.confidence import Scored, expected_wrong, sure_end
from fimble.providers.provider import GenerationReport, GenerationRequest, Provider

Enough = Callable[[], bool]
"""Tells whether more text is not needed."""


class Reading:
    """The evaluation of a prompt's stable parts ahead of their use, at the lowest priority that anybody waits for."""

    def __init__(self, provider: Provider, request: GenerationRequest) -> None:
        """`request` asks for no tokens."""
        self._report = GenerationReport()
        self._task = asyncio.ensure_future(self._run(provider, request))
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def is_done(self) -> bool:
        """Whether the parts are in the model's cache now."""
        return self._task.done() and not self._task.cancelled() and self._task.exception() is None

    async def done(self) -> None:
        """Waits; cancelling the wait leaves the reading alone.

        Raises:
            EngineError: the engine is gone or busy.
            ModelError: there is no model.
        """
        await asyncio.wait({self._task})
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    def stop(self) -> None:
        """Ends the reading; what has been read stays in the cache."""
        self._task.cancel()

    async def _run(self, provider: Provider, request: GenerationRequest) -> None:
        async with contextlib.aclosing(provider.generate(request, self._report)) as pieces:
            async for _ in pieces:
                pass


class Writing:
    """A generation and what it has written; `text` is counted from the prompt's anchor, so it begins with `start`."""

    def __init__(self, provider: Provider, request: GenerationRequest, kept: str, reading: Reading | None) -> None:
        """`kept` is the typed text at the prompt's end; it is gone on from there once `reading` is done."""
        self.start = kept + request.starts_with
        self.report = GenerationReport()
        self._kept = kept
        self._written = ""
        self._scored: list[Scored] = []
        self._enough_unwatched: Enough | None = None
        self._enough: Enough | None = None
        self._asking: list[Enough] = []
        # How long the prompt's stable parts had still to be read, in milliseconds.
        self.waited_ms = 0.0
        self._first_s = self._last_s = 0.0
        self._changed = asyncio.Event()
        self._is_ended = False
        self._task = asyncio.ensure_future(self._run(provider, request, reading))
        # Nobody may be waiting when it fails; whoever waits gets the error from `until`.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def text(self) -> str:
        """What is known to stand after the anchor if the model is right."""
        text = self._kept + self._written
        return text if len(text) >= len(self.start) else self.start

    def sure_end(self, start: int, wrong_max: float) -> int | None:
        """Returns up to where the text that goes on at `start` is worth showing, None while all of it is."""
        return sure_end(self._scored, start, wrong_max)

    def expected_wrong(self, start: int, end: int) -> float:
        """Returns how many characters of the text from `start` to `end` the model expects to be wrong."""
        return expected_wrong(self._scored, start, end)

    def mean_log_probability(self, start: int) -> float | None:
        """Returns the mean log-probability of the pieces after `start`, None where there are none."""
        after = [piece.log_probability for piece in self._scored if piece.end > start]
        return sum(after) / len(after) if after else None

    @property
    def writing_ms(self) -> float:
        """The time from the first piece to the last one, in milliseconds."""
        return (self._last_s - self._first_s) * 1000

    @property
    def is_running(self) -> bool:
        """Whether more may come."""
        return not self._task.done()

    @property
    def is_whole(self) -> bool:
        """Whether the model came to an end by itself, or to its limit of tokens."""
        return self._is_ended

    def goes_along(self, typed: str) -> bool:
        """Tells whether the text goes on where `typed` (since the anchor) ends, or may once it is written."""
        if not typed.startswith(self.start):
            return False
        text = self.text
        return text.startswith(typed) or (self.is_running and typed.startswith(text))

    def end_when(self, enough: Enough) -> None:
        """Ends the writing once there is enough text, while nobody waits for it."""
        self._enough = self._enough_unwatched = enough

    async def until(self, enough: Enough) -> None:
        """Waits until there is enough text, or no more to come; cancelling the wait leaves the writing alone.

        Raises:
            EngineError: the engine is gone, busy, or the request was superseded.
            ModelError: there is no model.
        """
        self._enough = enough
        self._asking.append(enough)
        try:
            is_enough = enough()
            while self.is_running and not is_enough:
                self._changed.clear()
                waiting = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                # The newest question is answered by the writing itself, piece by piece.
                is_enough = self._enough is not enough and enough()
        finally:
            self._asking.remove(enough)
            # Only the newest question is waited for.
            if self._enough is enough:
                self._enough = self._enough_unwatched
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    def stop(self) -> None:
        """Ends the model's work; what it has written stays."""
        self._task.cancel()

    async def _run(self, provider: Provider, request: GenerationRequest, reading: Reading | None) -> None:
        if reading is not None and not reading.is_done:
            started_s = time.monotonic()
            await reading.done()
            self.waited_ms = (time.monotonic() - started_s) * 1000
        async with contextlib.aclosing(provider.generate(request, self.report)) as pieces:
            async for piece in pieces:
                self._last_s = time.monotonic()
                self._first_s = self._first_s or self._last_s
                self._written += piece.text
                self._scored.append(Scored(len(self._kept) + len(self._written), piece.log_probability))
                # Looked at here, since pieces may come faster than whoever waits is woken.
                if self._enough is not None and self._enough():
                    return
                if any(enough is not self._enough for enough in self._asking):
                    self._changed.set()
        self._is_ended = True
