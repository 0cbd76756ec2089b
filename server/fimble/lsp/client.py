"""The other end of LSP, for our own commands and benchmarks: starts `fimble lsp` as an editor would, and asks it."""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from fimble import __version__
from fimble.errors import EngineUnavailable, RequestFailed
from fimble.lsp.extensions import (
    COSTS,
    DID_CHANGE_STATUS,
    DID_FOCUS,
    DID_PARTIALLY_ACCEPT_COMPLETION,
    DID_SHOW_COMPLETION,
    STATUS,
    SUGGESTION,
)

_INITIALIZE_TIMEOUT_S: Final = 20.0
# A first suggestion may have to wait for a model to load.
_SUGGESTION_TIMEOUT_S: Final = 300.0
_COSTS_TIMEOUT_S: Final = 60.0
_SHUTDOWN_TIMEOUT_S: Final = 5.0

Place = tuple[int, int]
"""A line and a character in it."""


class Answer(StrEnum):
    """What became of a request for ghost text."""

    SHOWN = "shown"
    """There is ghost text."""
    EMPTY = "empty"
    """There is none."""
    SUPERSEDED = "superseded"
    """A newer request took over; what is shown stays."""
    CANCELLED = "cancelled"
    """The editor cancelled it."""
    FAILED = "failed"
    """An error, which must not happen."""


@dataclass(frozen=True, slots=True)
class GhostText:
    """What came of a request for ghost text; there is an item only where the answer is that it is shown."""

    answer: Answer
    item: types.InlineCompletionItem | None = None


class LanguageServerClient:
    """A language server of our own, for the length of an `async with` block; positions count code points from 0."""

    def __init__(
        self,
        workspace: Path,
        *,
        model: str = "",
        on_message: Callable[[str], None] = lambda _: None,
        is_index_on: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`model` is a name or a GGUF file, by default the configured one.

        `on_message` hears what the server says of its state, a sentence at a time. With `is_index_on` the workspace
        is indexed, as an editor's is. `environment` is set for the server on top of this process's own.
        """
        self._workspace = workspace
        self._arguments = ["--model", model] if model else []
        # A single completion is no reason to index a folder, and a command is not the user who accepts or rejects.
        self._options = {"statistics": {"enabled": False}} | ({} if is_index_on else {"index": {"enabled": False}})
        self._environment = {**os.environ, **(environment or {})}
        self._client = _CountingClient("fimble", __version__)
        self._versions: Counter[str] = Counter()

        def tell(params: Any) -> None:
            if message := getattr(params, "message", ""):
                on_message(message)

        def ignore(params: Any) -> None:
            """The same status under its other name, and what the editor's log would show."""

        self._client.feature(STATUS)(tell)
        self._client.feature(DID_CHANGE_STATUS)(ignore)
        self._client.feature(types.WINDOW_LOG_MESSAGE)(ignore)

    @property
    def replies(self) -> Counter[str]:
        """How often each request was answered, by its id."""
        return self._client.replies

    @property
    def pid(self) -> int:
        """The server's process."""
        process = self._client._server
        assert process is not None  # noqa: S101 - it runs for the length of the block.
        return process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the server's process is gone."""
        return bool(self._client.stopped)

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
            client_info=types.ClientInfo(name="fimble", version=__version__),
            initialization_options=self._options,
            workspace_folders=[types.WorkspaceFolder(uri=self._workspace.as_uri(), name=self._workspace.name)],
        )
        try:
            async with asyncio.timeout(_INITIALIZE_TIMEOUT_S):
                await self._client.initialize_async(params)
        except BaseException as error:
            await self._stop()
            # pygls raises RuntimeError where the server's process has ended.
            if isinstance(error, TimeoutError | OSError | RuntimeError):
                raise EngineUnavailable("The language server does not start; run: fimble doctor") from error
            raise
        self._client.initialized(types.InitializedParams())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError, OSError, RuntimeError, JsonRpcException):
            async with asyncio.timeout(_SHUTDOWN_TIMEOUT_S):
                await self._client.shutdown_async(None)
                self._client.exit(None)
        await self._stop()

    def open(self, file: Path, language: str, text: str) -> None:
        """Opens a document."""
        document = types.TextDocumentItem(uri=file.as_uri(), language_id=language, version=1, text=text)
        self._versions[document.uri] = 1
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))

    def close(self, file: Path) -> None:
        """Closes a document."""
        document = types.TextDocumentIdentifier(uri=file.as_uri())
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(text_document=document))

    def focus(self, file: Path) -> None:
        """Tells that the user has turned to a document."""
        self._client.protocol.notify(DID_FOCUS, {"textDocument": {"uri": file.as_uri()}})

    def insert(self, file: Path, line: int, character: int, text: str) -> None:
        """Types `text` into a document."""
        self.replace(file, (line, character), (line, character), text)

    def replace(self, file: Path, start: Place, end: Place, text: str) -> None:
        """Puts `text` in the place of what is between two places of a document."""
        places = types.Range(start=types.Position(*start), end=types.Position(*end))
        self._change(file, types.TextDocumentContentChangePartial(range=places, text=text))

    def replace_all(self, file: Path, text: str) -> None:
        """Replaces a document's text."""
        self._change(file, types.TextDocumentContentChangeWholeDocument(text=text))

    async def suggestion(self, file: Path, line: int, character: int) -> dict[str, Any]:
        """Returns the suggestion at a place, with what it cost.

        Raises:
            RequestFailed: there is none because something is wrong; the message says what to do.
            EngineUnavailable: the server does not answer.
        """
        params = {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": character}}
        return await self._asked(SUGGESTION, params, _SUGGESTION_TIMEOUT_S)

    async def costs(self) -> dict[str, Any]:
        """Returns what the server's engine has computed so far.

        Raises:
            RequestFailed: it cannot be told.
            EngineUnavailable: the server does not answer.
        """
        return await self._asked(COSTS, {}, _COSTS_TIMEOUT_S)

    async def ask(self, id: str, file: Path, line: int, character: int) -> Answer:
        """Asks for ghost text like an editor that does so by itself, with `id` for cancelling."""
        return (await self.ghost_text(id, file, line, character)).answer

    async def ghost_text(self, id: str, file: Path, line: int, character: int) -> GhostText:
        """Asks as `ask` does, and returns the item too."""
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=file.as_uri()),
            position=types.Position(line=line, character=character),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )
        method = types.TEXT_DOCUMENT_INLINE_COMPLETION
        try:
            result = await self._client.protocol.send_request_async(method, params, msg_id=id)
        except JsonRpcException as error:
            return GhostText(Answer.CANCELLED if error.code == types.LSPErrorCodes.RequestCancelled else Answer.FAILED)
        if result is None:
            return GhostText(Answer.SUPERSEDED)
        return GhostText(Answer.SHOWN, result.items[0]) if result.items else GhostText(Answer.EMPTY)

    def shown(self, item: types.InlineCompletionItem) -> None:
        """Tells that an item is on the screen."""
        self._client.protocol.notify(DID_SHOW_COMPLETION, {"item": _item_to_lsp(item)})

    def partly_accepted(self, item: types.InlineCompletionItem, text: str) -> None:
        """Tells that `text`, the beginning of an item's text, is in the document now."""
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        params = {"item": _item_to_lsp(item), "acceptedLength": units}
        self._client.protocol.notify(DID_PARTIALLY_ACCEPT_COMPLETION, params)

    async def run(self, command: types.Command) -> None:
        """Runs a command that came with an item; that it fails is no matter."""
        with contextlib.suppress(JsonRpcException):
            await self._client.workspace_execute_command_async(
                types.ExecuteCommandParams(command.command, command.arguments)
            )

    def cancel(self, id: str) -> None:
        """Cancels a request."""
        self._client.cancel_request(types.CancelParams(id=id))

    async def _asked(self, method: str, params: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._client.protocol.send_request_async(method, params)
        except TimeoutError as error:
            raise EngineUnavailable("The model did not answer in time; run: fimble doctor") from error
        except RuntimeError as error:
            raise EngineUnavailable("The language server ended; run: fimble doctor") from error
        except JsonRpcException as error:
            raise RequestFailed(error.message) from error
        plain: dict[str, Any] = _plain(answer)
        return plain

    def _change(self, file: Path, change: types.TextDocumentContentChangeEvent) -> None:
        uri = file.as_uri()
        self._versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=self._versions[uri])
        params = types.DidChangeTextDocumentParams(text_document=document, content_changes=[change])
        self._client.text_document_did_change(params)

    async def _stop(self) -> None:
        # pygls waits for its reading tasks, which end with the process.
        with contextlib.suppress(TimeoutError, OSError, RuntimeError):
            async with asyncio.timeout(_SHUTDOWN_TIMEOUT_S):
                await self._client.stop()  # type: ignore[no-untyped-call]


class _CountingClient(LanguageClient):
    """Counts the replies by id, also those that nobody waits for."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, version)
        self.replies: Counter[str] = Counter()
        handle_response = self.protocol._handle_response

        def count(msg_id: Any, result: Any = None, error: Any = None) -> None:
            self.replies[str(msg_id)] += 1
            handle_response(msg_id, result, error)

        self.protocol._handle_response = count  # type: ignore[method-assign]

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Does nothing: what matters arrives as the reply to a request."""


def _plain(value: Any) -> Any:
    """Returns what pygls made of an unknown result, named tuples, as dicts and lists."""
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _item_to_lsp(item: types.InlineCompletionItem) -> dict[str, Any]:
    """Returns what the server reads of an item in feedback."""
    command = item.command
    return {
        "insertText": item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value,
        "command": None
        if command is None
        else {"title": command.title, "command": command.command, "arguments": list(command.arguments or ())},
    }
