"""One thread that answers questions to the index, because a reader of the database belongs to one thread.

The newest question of a kind replaces an older one that has not begun; nobody waits longer than their budget.
"""

import asyncio
import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

logger = logging.getLogger(__name__)

WAITING_MAX: Final = 32

T = TypeVar("T")
IsCancelled = Callable[[], bool]


class _Job(Generic[T]):
    def __init__(
        self,
        kind: str,
        work: Callable[[IsCancelled], T],
        nothing: T,
        deadline_s: float,
        monotonic_s: Callable[[], float],
    ) -> None:
        self.kind = kind
        self.nothing = nothing
        self._work = work
        self._deadline_s = deadline_s
        self._monotonic_s = monotonic_s
        self._is_given_up = False
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self._loop.create_future()

    def is_cancelled(self) -> bool:
        return self._is_given_up or self._monotonic_s() >= self._deadline_s

    def give_up(self) -> None:
        self._is_given_up = True

    def run(self) -> None:
        answer = self.nothing
        if not self.is_cancelled():
            try:
                answer = self._work(self.is_cancelled)
            except Exception as error:  # noqa: BLE001 - the fence around questions; the thread has others to answer.
                frames = traceback.extract_tb(error.__traceback__)
                place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
                # The text of the exception may quote the user's code.
                logger.error("A question to the index failed with %s at %s.", type(error).__name__, place)
        self.finish(answer)

    def finish(self, answer: T) -> None:
        try:
            self._loop.call_soon_threadsafe(self._set, answer)
        except RuntimeError:
            # The loop has ended, and with it everybody who could wait.
            return

    def _set(self, answer: T) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


class QueryThread:
    """Answers questions one after the other; the thread is started by the first of them."""

    def __init__(self, name: str, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._monotonic_s = monotonic_s
        self._waiting: deque[_Job[Any]] = deque()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    async def ask(self, kind: str, work: Callable[[IsCancelled], T], *, nothing: T, budget_s: float) -> T:
        """Returns what `work` returns in the thread.

        The answer is `nothing` when a newer question of the same kind came first, when the budget is spent, when
        `work` failed, or when the thread is closed. `work` gets a function that says when nobody waits any more.
        """
        job = _Job(kind, work, nothing, self._monotonic_s() + budget_s, self._monotonic_s)
        if not self._enqueue(job):
            return nothing
        try:
            async with asyncio.timeout(budget_s):
                return await job.answer
        except TimeoutError:
            return nothing
        finally:
            job.give_up()

    def close(self, last: Callable[[], None] = lambda: None) -> None:
        """Ends the thread after the question that it works on; `last` is the last thing that it does."""
        with self._condition:
            if self._is_closed:
                return
            self._is_closed = True
            waiting, self._waiting = tuple(self._waiting), deque()
            self._last = last
            self._condition.notify()
        for job in waiting:
            job.finish(job.nothing)

    def _enqueue(self, job: "_Job[Any]") -> bool:
        replaced: list[_Job[Any]] = []
        with self._condition:
            if self._is_closed:
                return False
            replaced += [other for other in self._waiting if other.kind == job.kind]
            for other in replaced:
                self._waiting.remove(other)
            if len(self._waiting) >= WAITING_MAX:
                replaced.append(self._waiting.popleft())
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._condition.notify()
        for other in replaced:
            other.finish(other.nothing)
        return True

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._is_closed:
                    self._condition.wait()
                if self._is_closed:
                    break
                job = self._waiting.popleft()
            job.run()
        self._last()
