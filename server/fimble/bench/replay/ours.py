"""Fimble as an editor drives it: `fimble lsp` over stdio, a change and a request per key, as VS Code sends them."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lsprotocol import types

from fimble.bench.replay.keys import Buffer, language_of
from fimble.bench.replay.metrics import common_length
from fimble.bench.replay.screen import Screen
from fimble.bench.replay.system import Costs, Traffic
from fimble.errors import EngineError, EngineUnavailable
from fimble.lsp.client import Answer, LanguageServerClient

# The limit by which the trace in the evaluation notes tells answers of a cache from others.
CACHED_MS_MAX: Final = 30.0
_ANSWER_TIMEOUT_S: Final = 60.0
# The server counts as at rest once its counts have stood still for so long.
_REST_S: Final = 0.5
_REST_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Origin:
    """An item on the screen, as the editor speaks of it; `text` is what it inserts at the cursor it came for."""

    item: types.InlineCompletionItem
    text: str


class Fimble:
    """Fimble's language server, for the length of an `async with` block."""

    def __init__(self, workspace: Path, *, model: str, environment: dict[str, str]) -> None:
        """`workspace` exists; `environment` is set for the server on top of this process's own."""
        self._workspace = workspace
        self._client = LanguageServerClient(workspace, model=model, is_index_on=True, environment=environment)
        self._screen: Screen | None = None
        self._open: dict[str, str] = {}
        self._asked = 0
        self._outstanding = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._traffic = Traffic()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        try:
            await self._load()
        except BaseException as error:
            await self._client.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._client.__aexit__(kind, error, trace)

    def enter(self, buffer: Buffer, screen: Screen) -> None:
        """Opens the document, or brings it up to date, and turns to it."""
        self._screen = screen
        file = self._file(buffer)
        if buffer.path not in self._open:
            self._client.open(file, language_of(buffer.path), buffer.text)
        elif (old := self._open[buffer.path]) != buffer.text:
            start, end, text = change_between(old, buffer.text)
            first, last = (Buffer("", old[:offset], "").position for offset in (start, end))
            self._client.replace(file, first, last, text)
        self._open[buffer.path] = buffer.text
        self._client.focus(file)

    def typed(self, buffer: Buffer, text: str) -> bool:
        """Sends the change, cancels the request that is under way, and asks anew."""
        self._insert(buffer, text)
        self._ask(buffer)
        return True

    def accepted(self, buffer: Buffer, text: str, origin: object, total: int, *, is_whole: bool) -> bool:
        """Sends the change and what was accepted, and asks for what comes next."""
        if not isinstance(origin, _Origin):
            raise TypeError(origin)
        self._insert(buffer, text)
        if is_whole and origin.item.command is not None:
            self._start(self._client.run(origin.item.command))
        else:
            self._client.partly_accepted(origin.item, origin.text[:total])
        self._ask(buffer)
        return True

    async def leave(self) -> None:
        """Cancels what is under way, and waits until the engine rests, so that it does not disturb the next one.

        Raises:
            EngineUnavailable: the server has ended.
        """
        if self._client.has_ended:
            raise EngineUnavailable("The language server ended while somebody typed; run: fimble doctor")
        self._cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_ANSWER_TIMEOUT_S)
        before, deadline = await self.costs(), time.monotonic() + _REST_TIMEOUT_S
        while time.monotonic() < deadline:
            await asyncio.sleep(_REST_S)
            now = await self.costs()
            if now == before:
                return
            before = now

    async def costs(self) -> Costs:
        """Returns what the server counts; nothing where it has counted no request."""
        try:
            counts = await self._client.costs()
        except EngineError:
            return Costs()
        known = {name: value for name in Costs.__dataclass_fields__ if isinstance(value := counts.get(name), int)}
        return Costs(**known) if counts.get("requests") else Costs()

    def take_traffic(self) -> Traffic:
        """Returns the requests since the last call."""
        traffic, self._traffic = self._traffic, Traffic()
        return traffic

    async def _load(self) -> None:
        """Has the model loaded, as it is in an editor that has run for a while."""
        file = self._workspace / "warm_up.py"
        self._client.open(file, "python", "value = 1\n")
        await self._client.suggestion(file, 1, 0)
        self._client.close(file)

    def _insert(self, buffer: Buffer, text: str) -> None:
        old = Buffer(buffer.path, buffer.before[: len(buffer.before) - len(text)], "")
        self._client.insert(self._file(buffer), *old.position, text)
        self._open[buffer.path] = buffer.text

    def _ask(self, buffer: Buffer) -> None:
        self._cancel()
        self._asked += 1
        self._outstanding = f"replay-{self._asked}"
        self._traffic.requests += 1
        self._start(self._answer(self._outstanding, buffer))

    def _cancel(self) -> None:
        if self._outstanding:
            self._client.cancel(self._outstanding)
            self._traffic.cancelled += 1
            self._outstanding = ""

    async def _answer(self, id: str, buffer: Buffer) -> None:
        started_s = time.monotonic()
        try:
            ghost = await self._client.ghost_text(id, self._file(buffer), *buffer.position)
        finally:
            is_newest = self._outstanding == id
            if is_newest:
                self._outstanding = ""
        self._traffic.failed += ghost.answer is Answer.FAILED
        # VS Code drops what comes after it has cancelled, and keeps what it shows where there is no answer.
        if is_newest and ghost.answer in (Answer.SHOWN, Answer.EMPTY):
            self._show(ghost.item, buffer, (time.monotonic() - started_s) * 1000)

    def _show(self, item: types.InlineCompletionItem | None, buffer: Buffer, took_ms: float) -> None:
        text = inserted_text(item, buffer) if item is not None else ""
        if not text:
            self._traffic.empty += 1
        elif took_ms <= CACHED_MS_MAX:
            self._traffic.cached_ms.append(took_ms)
        else:
            self._traffic.model_ms.append(took_ms)
        origin = _Origin(item, text) if item is not None else None
        if self._screen is not None and self._screen.show(text, origin) and item is not None:
            self._client.shown(item)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _file(self, buffer: Buffer) -> Path:
        return self._workspace / buffer.path


def change_between(old: str, new: str) -> tuple[int, int, str]:
    """Returns a small change that makes `new` of `old`: from where to where in `old`, and what comes there instead.

    Neither end lies between the halves of a line's end, where editors know no position.
    """
    start = common_length(old, new)
    end = len(old) - common_length(old[start:][::-1], new[start:][::-1])
    while start and old[start - 1] == "\r":
        start -= 1
    while end < len(old) and old[end] == "\n" and end and old[end - 1] == "\r":
        end += 1
    return start, end, new[start : len(new) - (len(old) - end)]


def inserted_text(item: types.InlineCompletionItem, buffer: Buffer) -> str:
    """Returns what accepting an item adds at the cursor.

    An item may write anew what is right of the cursor, such as a bracket; that part is no suggestion. One that
    changes it is not ghost text at the cursor, and counts with all it has.
    """
    text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
    replaced = 0 if item.range is None else max(0, item.range.end.character - buffer.position[1])
    covered = buffer.line_after[:replaced]
    return text.removesuffix(covered) if covered else text
