"""Fimble as an editor drives it: `fimble lsp` over stdio, a change and a request per key, as VS Code sends them."""

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from fimble import __version__
from fimble.bench.replay.keys import Buffer, language_of
from fimble.bench.replay.metrics import common_length
from fimble.bench.replay.screen import Screen
from fimble.bench.replay.system import Costs, Traffic
from fimble.errors import EngineUnavailable
from fimble.lsp.extensions import (
    COSTS,
    DID_CHANGE_STATUS,
    DID_FOCUS,
    DID_PARTIALLY_ACCEPT_COMPLETION,
    DID_SHOW_COMPLETION,
    STATUS,
    SUGGESTION,
)

# The limit by which the trace in the evaluation notes tells answers of a cache from others.
CACHED_MS_MAX: Final = 30.0
_START_TIMEOUT_S: Final = 30.0
_LOAD_TIMEOUT_S: Final = 300.0
_ANSWER_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 10.0
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
        self._arguments = ["--model", model] if model else []
        self._environment = {**os.environ, **environment}
        self._client = _Client("fimble-replay", __version__)
        self._screen: Screen | None = None
        self._open: dict[str, str] = {}
        self._versions: Counter[str] = Counter()
        self._asked = 0
        self._outstanding = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._traffic = Traffic()

        def ignore(params: Any) -> None:
            """How the server is doing, which an editor shows in its status bar."""

        for method in (STATUS, DID_CHANGE_STATUS, types.WINDOW_LOG_MESSAGE):
            self._client.feature(method)(ignore)

    async def __aenter__(self) -> Self:
        # -P keeps modules of the folder in which the command was run from standing in for the real ones.
        command = (sys.executable, "-P", "-m", "fimble", "lsp", *self._arguments)
        # A Ctrl-C is for us, who end the server in order.
        await self._client.start_io(*command, env=self._environment, start_new_session=True)
        params = types.InitializeParams(
            capabilities=types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32]),
                text_document=types.TextDocumentClientCapabilities(
                    inline_completion=types.InlineCompletionClientCapabilities()
                ),
            ),
            client_info=types.ClientInfo(name="fimble-replay", version=__version__),
            workspace_folders=[types.WorkspaceFolder(uri=self._workspace.as_uri(), name=self._workspace.name)],
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await self._client.initialize_async(params)
            self._client.initialized(types.InitializedParams())
            await self._load()
        except BaseException as error:
            await self._stop()
            if isinstance(error, TimeoutError | OSError | RuntimeError):
                # pygls raises RuntimeError where the server's process has ended.
                raise EngineUnavailable("The language server does not start; run: fimble doctor") from error
            if isinstance(error, JsonRpcException):
                raise EngineUnavailable(error.message) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError, OSError, RuntimeError, JsonRpcException):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._client.shutdown_async(None)
                self._client.exit(None)
        await self._stop()

    def enter(self, buffer: Buffer, screen: Screen) -> None:
        """Opens the document, or brings it up to date, and turns to it."""
        self._screen = screen
        uri = self._uri(buffer)
        if uri not in self._open:
            document = types.TextDocumentItem(
                uri=uri, language_id=language_of(buffer.path), version=self._next_version(uri), text=buffer.text
            )
            self._client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
        elif self._open[uri] != buffer.text:
            self._replace(uri, self._open[uri], buffer.text)
        self._open[uri] = buffer.text
        self._notify(DID_FOCUS, {"textDocument": {"uri": uri}})

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
            command = origin.item.command
            self._start(self._run(types.ExecuteCommandParams(command.command, command.arguments)))
        else:
            units = len(origin.text[:total].encode("utf-16-le", "surrogatepass")) // 2
            self._notify(DID_PARTIALLY_ACCEPT_COMPLETION, {"item": _item_to_lsp(origin.item), "acceptedLength": units})
        self._ask(buffer)
        return True

    async def leave(self) -> None:
        """Cancels what is under way, and waits until the engine rests, so that it does not disturb the next one.

        Raises:
            EngineUnavailable: the server has ended.
        """
        if self._client.stopped:
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
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                answer = await self._client.protocol.send_request_async(COSTS, {})
        except (TimeoutError, RuntimeError, JsonRpcException):
            return Costs()
        counts = {name: _count(answer, name) for name in Costs.__dataclass_fields__}
        return Costs(**counts) if _count(answer, "requests") else Costs()

    def take_traffic(self) -> Traffic:
        """Returns the requests since the last call."""
        traffic, self._traffic = self._traffic, Traffic()
        return traffic

    async def _load(self) -> None:
        """Has the model loaded, as it is in an editor that has run for a while."""
        file = self._workspace / "warm_up.py"
        uri = file.as_uri()
        document = types.TextDocumentItem(uri=uri, language_id="python", version=1, text="value = 1\n")
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
        place = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 0}}
        async with asyncio.timeout(_LOAD_TIMEOUT_S):
            await self._client.protocol.send_request_async(SUGGESTION, place)
        identifier = types.TextDocumentIdentifier(uri=uri)
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(text_document=identifier))

    def _insert(self, buffer: Buffer, text: str) -> None:
        uri = self._uri(buffer)
        old = Buffer(buffer.path, buffer.before[: len(buffer.before) - len(text)], "")
        place = types.Position(*old.position)
        self._change(uri, types.Range(start=place, end=place), text)
        self._open[uri] = buffer.text

    def _replace(self, uri: str, old: str, new: str) -> None:
        start, end, text = change_between(old, new)
        first, last = (types.Position(*Buffer("", old[:offset], "").position) for offset in (start, end))
        self._change(uri, types.Range(start=first, end=last), text)

    def _change(self, uri: str, range_: types.Range, text: str) -> None:
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=self._next_version(uri))
        change = types.TextDocumentContentChangePartial(range=range_, text=text)
        self._client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def _ask(self, buffer: Buffer) -> None:
        self._cancel()
        self._asked += 1
        self._outstanding = f"replay-{self._asked}"
        self._traffic.requests += 1
        self._start(self._answer(self._outstanding, buffer))

    def _cancel(self) -> None:
        if self._outstanding:
            self._client.cancel_request(types.CancelParams(id=self._outstanding))
            self._traffic.cancelled += 1
            self._outstanding = ""

    async def _answer(self, id: str, buffer: Buffer) -> None:
        started_s = time.monotonic()
        line, character = buffer.position
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=self._uri(buffer)),
            position=types.Position(line=line, character=character),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )
        method = types.TEXT_DOCUMENT_INLINE_COMPLETION
        try:
            result = await self._client.protocol.send_request_async(method, params, msg_id=id)
        except JsonRpcException as error:
            self._traffic.failed += error.code != types.LSPErrorCodes.RequestCancelled
            return
        finally:
            is_newest = self._outstanding == id
            if is_newest:
                self._outstanding = ""
        # VS Code drops what comes after it has cancelled, and keeps what it shows where there is no answer.
        if is_newest and result is not None:
            self._show(result.items, buffer, (time.monotonic() - started_s) * 1000)

    def _show(self, items: list[types.InlineCompletionItem], buffer: Buffer, took_ms: float) -> None:
        text = inserted_text(items[0], buffer) if items else ""
        if not text:
            self._traffic.empty += 1
        elif took_ms <= CACHED_MS_MAX:
            self._traffic.cached_ms.append(took_ms)
        else:
            self._traffic.model_ms.append(took_ms)
        if self._screen is not None and self._screen.show(text, _Origin(items[0], text) if items else None):
            self._notify(DID_SHOW_COMPLETION, {"item": _item_to_lsp(items[0])})

    async def _run(self, params: types.ExecuteCommandParams) -> None:
        with contextlib.suppress(JsonRpcException):
            await self._client.workspace_execute_command_async(params)

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self._client.protocol.notify(method, params)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _uri(self, buffer: Buffer) -> str:
        return (self._workspace / buffer.path).as_uri()

    def _next_version(self, uri: str) -> int:
        self._versions[uri] += 1
        return self._versions[uri]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        # pygls waits for its reading tasks, which end with the process.
        with contextlib.suppress(TimeoutError, OSError, RuntimeError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._client.stop()  # type: ignore[no-untyped-call]


class _Client(LanguageClient):
    def report_server_error(self, error: Exception, source: Any) -> None:
        """Does nothing: what matters arrives as the reply to a request."""


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


def _item_to_lsp(item: types.InlineCompletionItem) -> dict[str, Any]:
    """Returns what the server reads of an item in feedback."""
    command = item.command
    return {
        "insertText": item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value,
        "command": None
        if command is None
        else {"title": command.title, "command": command.command, "arguments": list(command.arguments or ())},
    }


def _count(answer: Any, name: str) -> int | None:
    value = getattr(answer, name, None)
    return value if isinstance(value, int) else None
