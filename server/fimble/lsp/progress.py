"""Shows long work in the editor, with a button that cancels it, where the editor has such a thing."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from lsprotocol import types

from fimble.errors import EditorRefused

_CREATE_TIMEOUT_S: Final = 5.0
_INTERVAL_S: Final = 0.1

Ask = Callable[[str, Any, float], Awaitable[Any]]
Notify = Callable[[str, Any], None]


class Work:
    """Reports on one piece of long work; where the editor shows no progress, it reports to nobody."""

    def __init__(self, token: str | None, notify: Notify, monotonic_s: Callable[[], float]) -> None:
        self._token = token
        self._notify = notify
        self._monotonic_s = monotonic_s
        self._reported_s = float("-inf")

    def begin(self, title: str, *, is_cancellable: bool) -> None:
        """Shows the work under `title`."""
        self._send(types.WorkDoneProgressBegin(title=title, cancellable=is_cancellable))

    def report(self, message: str, percentage: int | None = None) -> None:
        """Shows how far the work is; reports that follow each other too quickly are left out."""
        now_s = self._monotonic_s()
        if now_s - self._reported_s >= _INTERVAL_S:
            self._reported_s = now_s
            self._send(types.WorkDoneProgressReport(message=message, percentage=percentage))

    def end(self, message: str) -> None:
        """Takes the work off the screen."""
        self._send(types.WorkDoneProgressEnd(message=message))

    def _send(
        self, value: types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd
    ) -> None:
        if self._token is not None:
            self._notify(types.PROGRESS, types.ProgressParams(token=self._token, value=value))


class WorkProgress:
    """Hands out tokens for work that can be cancelled, and forgets them when the work has ended."""

    def __init__(self, ask: Ask, notify: Notify, monotonic_s: Callable[[], float]) -> None:
        self.is_supported = False
        self._ask = ask
        self._notify = notify
        self._monotonic_s = monotonic_s
        self._numbers = itertools.count(1)
        self._running: dict[str, asyncio.Task[Any]] = {}

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of work that has not ended."""
        return tuple(self._running)

    async def run(self, title: str, work: Callable[[Work], Awaitable[None]], *, is_cancellable: bool = True) -> None:
        """Does `work` under `title`; raises `asyncio.CancelledError` when the user cancels it."""
        token = await self._create() if self.is_supported else None
        shown = Work(token, self._notify, self._monotonic_s)
        shown.begin(title, is_cancellable=is_cancellable)
        outcome = "failed"
        try:
            with self._registered(token if is_cancellable else None):
                await work(shown)
            outcome = "done"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            shown.end(outcome)

    def cancel(self, token: object) -> None:
        """Cancels the work that an editor shows under `token`; unknown tokens are ignored."""
        task = self._running.get(token) if isinstance(token, str) else None
        if task is not None:
            task.cancel()

    async def _create(self) -> str | None:
        token = f"fimble-work-{next(self._numbers)}"
        try:
            params = types.WorkDoneProgressCreateParams(token=token)
            await self._ask(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params, _CREATE_TIMEOUT_S)
        except EditorRefused:
            # The specification forbids to use a token that the editor did not accept.
            return None
        return token

    @contextmanager
    def _registered(self, token: str | None) -> Iterator[None]:
        task = asyncio.current_task()
        if token is None or task is None:
            yield
            return
        self._running[token] = task
        try:
            yield
        finally:
            del self._running[token]
