"""The other end of LSP, for our own commands and benchmarks: starts `fimble lsp` as an editor would, and asks it."""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from fimble import __version__
from fimble.errors import EngineUnavailable, RequestFailed
from fimble.lsp.extensions import DID_CHANGE_STATUS, STATUS, SUGGESTION

_INITIALIZE_TIMEOUT_S: Final = 20.0
# A first suggestion may have to wait for a model to load.
_SUGGESTION_TIMEOUT_S: Final = 300.0
_SHUTDOWN_TIMEOUT_S: Final = 5.0


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


class LanguageServerClient:
    """A language server of our own, for the length of an `async with` block; positions count code points from 0."""

    def __init__(self, workspace: Path, *, model: str = "", on_message: Callable[[str], None] = lambda _: None) -> None:
        """`model` is a name or a GGUF file, by default the configured one.

        `on_message` hears what the server says of its state, a sentence at a time.
        """
        self._workspace = workspace
        self._arguments = ["--model", model] if model else []
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

    async def __aenter__(self) -> Self:
        # -P keeps modules of the folder in which the command was run from standing in for the real ones.
        await self._client.start_io(sys.executable, "-P", "-m", "fimble", "lsp", *self._arguments)
        params = types.InitializeParams(
            capabilities=types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32]),
                text_document=types.TextDocumentClientCapabilities(
                    inline_completion=types.InlineCompletionClientCapabilities()
                ),
            ),
            client_info=types.ClientInfo(name="fimble", version=__version__),
            # A single completion, and a measurement of many, are no reason to index a folder.
            initialization_options={"index": {"enabled": False}},
            workspace_folders=[types.WorkspaceFolder(uri=self._workspace.as_uri(), name=self._workspace.name)],
        )
        try:
            async with asyncio.timeout(_INITIALIZE_TIMEOUT_S):
                await self._client.initialize_async(params)
        except (TimeoutError, OSError, RuntimeError) as error:
            # pygls raises RuntimeError where the server's process has ended.
            await self._stop()
            raise EngineUnavailable("The language server does not start; run: fimble doctor") from error
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

    def insert(self, file: Path, line: int, character: int, text: str) -> None:
        """Types `text` into a document."""
        place = types.Position(line=line, character=character)
        self._change(file, types.TextDocumentContentChangePartial(range=types.Range(start=place, end=place), text=text))

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
        try:
            async with asyncio.timeout(_SUGGESTION_TIMEOUT_S):
                answer = await self._client.protocol.send_request_async(SUGGESTION, params)
        except TimeoutError as error:
            raise EngineUnavailable("The model did not answer in time; run: fimble doctor") from error
        except RuntimeError as error:
            raise EngineUnavailable("The language server ended; run: fimble doctor") from error
        except JsonRpcException as error:
            raise RequestFailed(error.message) from error
        plain: dict[str, Any] = _plain(answer)
        return plain

    async def ask(self, id: str, file: Path, line: int, character: int) -> Answer:
        """Asks for ghost text like an editor that does so by itself, with `id` for cancelling."""
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=file.as_uri()),
            position=types.Position(line=line, character=character),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )
        method = types.TEXT_DOCUMENT_INLINE_COMPLETION
        try:
            result = await self._client.protocol.send_request_async(method, params, msg_id=id)
        except JsonRpcException as error:
            return Answer.CANCELLED if error.code == types.LSPErrorCodes.RequestCancelled else Answer.FAILED
        if result is None:
            return Answer.SUPERSEDED
        return Answer.SHOWN if result.items else Answer.EMPTY

    def cancel(self, id: str) -> None:
        """Cancels a request."""
        self._client.cancel_request(types.CancelParams(id=id))

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
