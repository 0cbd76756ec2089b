"""Lets only the newest question about a document run: whoever asks again no longer waits for the old answer.

Neovim never cancels a question that it has replaced, so the server does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

from fimble.errors import FimbleError, RequestFailed
from fimble.features.completion.suggestion import CompletionQuery, Suggestion

logger = logging.getLogger(__name__)

# Loading a model takes long, and the first suggestion waits for it. Nobody waits longer than this.
_TIMEOUT_S: Final = 120.0


class NoAnswer(Enum):
    """Why a question has no suggestion."""

    SUPERSEDED = "superseded"
    """A newer question about the same document replaced it."""
    LATE = "late"
    """It takes longer than whoever asked wants to wait."""


class Question:
    """One question at work; several requests may wait for its answer."""

    def __init__(self, query: CompletionQuery, task: asyncio.Task[Suggestion]) -> None:
        self.query = query
        self._task = task
        self._is_superseded = asyncio.Event()

    def supersede(self) -> None:
        """Ends the work and tells everybody who waits for it."""
        self._is_superseded.set()
        self._task.cancel()

    def on_answer(self, take: Callable[[CompletionQuery, Suggestion], None]) -> None:
        """Lets `take` have the answer when it comes, also if nobody waits for it then."""

        def hand_over(task: asyncio.Task[Suggestion]) -> None:
            if not task.cancelled() and task.exception() is None:
                take(self.query, task.result())

        self._task.add_done_callback(hand_over)

    def is_about(self, query: CompletionQuery) -> bool:
        """Tells whether `query` asks the same."""
        mine = self.query
        return (mine.offset, mine.snapshot.language) == (
            query.offset,
            query.snapshot.language,
        ) and mine.snapshot.text == query.snapshot.text

    def consume(self) -> None:
        """Marks the outcome as seen, because asyncio reports failures that nobody waits for any more."""
        if not self._task.cancelled():
            self._task.exception()

    async def answer(self, timeout_s: float = _TIMEOUT_S, *, is_kept: bool = False) -> Suggestion | NoAnswer:
        """Returns the answer; cancelling this cancels the work, and so does the timeout unless `is_kept`.

        Raises:
            FimbleError: the engine or the model could not answer.
        """
        # A suggestion service that is slow to notice its cancellation must not delay the reply, so the
        # supersession is waited for on its own.
        replaced = asyncio.ensure_future(self._is_superseded.wait())
        try:
            await asyncio.wait({self._task, replaced}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            replaced.cancel()
        if self._is_superseded.is_set():
            return NoAnswer.SUPERSEDED
        if not self._task.done():
            if not is_kept:
                self._task.cancel()
            return NoAnswer.LATE
        return NoAnswer.SUPERSEDED if self._task.cancelled() else self._task.result()


class NewestQuestions:
    """Asks for suggestions, one question at a time for each window and document."""

    def __init__(self, suggest: Callable[[CompletionQuery], Awaitable[Suggestion]]) -> None:
        self._suggest = suggest
        self._running: dict[str, Question] = {}

    def ask(self, query: CompletionQuery) -> Question:
        """Starts to work on `query` and supersedes the older question of the same window."""
        if (previous := self._running.get(query.window)) is not None:
            previous.supersede()
        task = asyncio.ensure_future(self._run(query))
        question = Question(query, task)
        self._running[query.window] = question
        task.add_done_callback(lambda _: self._forget(question))
        return question

    def running(self, window: str) -> Question | None:
        """Returns the question that runs for `window`."""
        return self._running.get(window)

    def stop(self) -> None:
        """Supersedes all questions."""
        for question in tuple(self._running.values()):
            question.supersede()

    async def _run(self, query: CompletionQuery) -> Suggestion:
        try:
            return await self._suggest(query)
        except FimbleError:
            raise
        except Exception as error:
            # Whatever breaks, ghost text stays away quietly; an LSP error would be a popup in VS Code.
            logger.error("Suggesting failed with %s.", type(error).__name__)
            raise RequestFailed(f"Suggesting failed inside of Fimble ({type(error).__name__}).") from error

    def _forget(self, question: Question) -> None:
        if self._running.get(question.query.window) is question:
            del self._running[question.query.window]
        question.consume()
