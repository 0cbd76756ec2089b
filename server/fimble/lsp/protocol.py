"""JSON-RPC as LSP wants it, on top of pygls: one reply for every request, whatever the editor sends.

pygls loses the reply when parameters do not fit, mixes up its own requests with the editor's, runs built-in
handlers that cannot be cancelled, and logs the user's code. The overrides here replace those parts; pygls
keeps the registry of handlers, the types and the calls to the editor.
"""

import asyncio
import inspect
import itertools
import json
import logging
import math
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import cattrs
from lsprotocol import types
from pygls.exceptions import (
    FeatureNotificationError,
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcParseError,
)
from pygls.protocol import LanguageServerProtocol

from fimble.errors import EditorRefused, FimbleError
from fimble.lsp.framing import FRAME_BYTES_MAX, frame
from fimble.lsp.messages import params_from_lsp, parse

if TYPE_CHECKING:
    from fimble.lsp.server import FimbleServer

logger = logging.getLogger(__name__)

INBOUND_MAX: Final = 1024
OUTBOUND_MAX: Final = 256
_METHOD_CHARACTERS_MAX: Final = 80

MessageId = str | int


class Outbound(Protocol):
    """Where our messages go."""

    def write(self, data: bytes) -> None:
        """Takes a message that must arrive."""
        ...

    def offer(self, data: bytes, key: str) -> None:
        """Takes a message that may be dropped, or replaced by a later one with the same key."""
        ...


class Phase(Enum):
    """How far the session has come."""

    NEW = "new"
    """Only `initialize` is answered."""
    RUNNING = "running"
    """Everything is answered but a second `initialize`."""
    SHUT_DOWN = "shut-down"
    """Only `exit` is still of interest."""


class FimbleProtocol(LanguageServerProtocol):
    """Dispatches the editor's messages to the handlers and sends what they return."""

    _server: "FimbleServer"

    def __init__(self, server: "FimbleServer", converter: cattrs.Converter) -> None:
        super().__init__(server, converter)
        self.phase = Phase.NEW
        self.outbound: Outbound | None = None
        self._outbound_numbers = itertools.count(1)
        # The editor chooses the ids of its requests and we those of ours, so they may be equal; two tables
        # keep them apart. An id that the editor uses twice at a time has two tasks, and both reply.
        self._inbound: dict[MessageId, list[asyncio.Future[Any]]] = {}
        self._inbound_count = 0
        self._outbound: dict[MessageId, tuple[Future[Any], str]] = {}
        self._background: set[asyncio.Future[Any]] = set()

    def _register_builtin_features(self) -> None:
        """Registers nothing: pygls' own handlers cannot be cancelled and open documents from disk."""

    # From the editor.

    def receive(self, body: bytes) -> None:
        """Handles one message."""
        try:
            message = parse(body)
        except JsonRpcParseError as error:
            logger.warning("Refusing a message of %d bytes that is not JSON.", len(body))
            self._send_response(None, error=error.to_response_error())
            return
        self.handle_message(message)

    def refuse_oversize(self, size_bytes: int) -> None:
        """Answers a message that was skipped because of its size; its id is not known."""
        logger.warning("Skipped a message of %d bytes.", size_bytes)
        self._send_response(
            None, error=_error(types.ErrorCodes.InvalidRequest, f"Messages end at {FRAME_BYTES_MAX} bytes.")
        )

    def structure_message(self, data: Any) -> Any:
        """Returns `data` as it is.

        pygls calls this for every object inside of a message, also for user data that looks like a message.
        """
        return data

    def handle_message(self, message: Any) -> None:
        """Handles a message that was parsed."""
        if isinstance(message, list):
            self._refuse_batch(message)
        elif not isinstance(message, dict):
            self._send_response(None, error=_INVALID)
        elif "method" not in message and "id" in message and message.get("jsonrpc") == self.VERSION:
            self._handle_response_message(message)
        elif (reason := self._invalidity(message)) is not None:
            self._send_response(_echo(message.get("id")), error=reason)
        elif "id" in message:
            self._handle_request(message["id"], message["method"], message.get("params"))
        else:
            self._handle_notification(message["method"], message.get("params"))

    def cancel_all(self) -> None:
        """Cancels all work for the editor, beside it, and all questions to it."""
        for task in tuple(itertools.chain(self._background, *self._inbound.values())):
            task.cancel()
        for future, _ in tuple(self._outbound.values()):
            future.cancel()

    async def stop(self, timeout_s: float = 1.0) -> None:
        """Cancels everything that still runs and waits for its end, at most `timeout_s`."""
        self.cancel_all()
        running = {*self._background, *itertools.chain.from_iterable(self._inbound.values())}
        if running:
            await asyncio.wait(running, timeout=timeout_s)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Runs `work` beside the requests; its failure is reported like that of a notification."""
        self._watch(asyncio.ensure_future(work), name)

    def _invalidity(self, message: dict[str, Any]) -> types.ResponseError | None:
        if message.get("jsonrpc") != self.VERSION or not isinstance(message.get("method"), str):
            return _INVALID
        if "id" in message and not (isinstance(message["id"], str) or type(message["id"]) is int):
            return _error(types.ErrorCodes.InvalidRequest, "The id of a request must be a string or an integer.")
        return None

    def _refuse_batch(self, batch: list[Any]) -> None:
        # LSP has no batches, but every request in one gets its answer, in one array as JSON-RPC wants it.
        if not batch:
            self._send_response(None, error=_INVALID)
            return
        error = _error(types.ErrorCodes.InvalidRequest, "LSP has no batches.")
        replies = [
            _response(_echo(each.get("id")), error=self._converter.unstructure(error))
            for each in batch
            if isinstance(each, dict) and "method" in each and "id" in each
        ]
        logger.warning("Refusing a batch of %d messages.", len(batch))
        if replies:
            self._send_data(replies)

    def _handle_request(self, msg_id: MessageId, method_name: str, params: Any) -> None:
        # Every way through here ends in exactly one reply: refused at once, answered at once, or by the done
        # callback of the task, which also runs for a task that was cancelled before it began.
        refusal = self._refusal(method_name)
        if refusal is not None:
            self._send_response(msg_id, error=refusal)
            return
        try:
            # A handler is an ordinary function: what it must know of this moment, such as the snapshot of the
            # document, it takes before it returns the coroutine with the rest of the work.
            result = self.fm.features[method_name](params_from_lsp(method_name, params, self._converter))
        except Exception as error:  # noqa: BLE001 - the fence around handlers.
            self._send_response(msg_id, error=self._error_of(method_name, error))
            return
        if not inspect.isawaitable(result):
            self._send_response(msg_id, result)
            return
        task = asyncio.ensure_future(result)
        self._inbound.setdefault(msg_id, []).append(task)
        self._inbound_count += 1
        task.add_done_callback(partial(self._reply, msg_id, method_name))

    def _refusal(self, method: str) -> types.ResponseError | None:
        if self.phase is Phase.NEW and method != types.INITIALIZE:
            return _error(types.ErrorCodes.ServerNotInitialized, "The first request must be initialize.")
        if self.phase is Phase.RUNNING and method == types.INITIALIZE:
            return _error(types.ErrorCodes.InvalidRequest, "The server is initialized already.")
        if self.phase is Phase.SHUT_DOWN:
            return _error(types.ErrorCodes.InvalidRequest, "The server was shut down.")
        if method not in self.fm.features:
            return _error(types.ErrorCodes.MethodNotFound, "The method is unknown.")
        if self._inbound_count >= INBOUND_MAX:
            return _error(types.LSPErrorCodes.RequestFailed, "Too many requests wait for their reply.")
        return None

    def _reply(self, msg_id: MessageId, method: str, task: "asyncio.Future[Any]") -> None:
        tasks = self._inbound[msg_id]
        tasks.remove(task)
        if not tasks:
            del self._inbound[msg_id]
        self._inbound_count -= 1
        if task.cancelled():
            self._send_response(msg_id, error=_CANCELLED)
        elif (error := task.exception()) is not None:
            self._send_response(msg_id, error=self._error_of(method, error))
        else:
            self._send_response(msg_id, task.result())

    def _error_of(self, method: str, error: BaseException) -> types.ResponseError:
        if isinstance(error, JsonRpcException):
            return types.ResponseError(code=error.code, message=error.message)
        if isinstance(error, FimbleError):
            return _error(types.LSPErrorCodes.RequestFailed, str(error))
        # The text of a foreign exception may quote the user's code; its type and place do not.
        logger.error("%s failed with %s at %s.", _shown(method), type(error).__name__, _place(error))
        return _error(types.ErrorCodes.InternalError, f"Internal error ({type(error).__name__}).")

    def _handle_notification(self, method_name: str, params: Any) -> None:
        if method_name == types.CANCEL_REQUEST:
            if isinstance(params, dict):
                self._handle_cancel_notification(params.get("id"))
            return
        if self.phase is not Phase.RUNNING and method_name != types.EXIT:
            logger.info("Ignoring the notification %s at this time.", _shown(method_name))
            return
        handler = self.fm.features.get(method_name)
        if handler is None:
            logger.debug("Ignoring the unknown notification %s.", _shown(method_name))
            return
        try:
            result = handler(params_from_lsp(method_name, params, self._converter))
        except JsonRpcInvalidParams:
            logger.warning("Ignoring the notification %s with invalid parameters.", _shown(method_name))
        except Exception as error:  # noqa: BLE001 - the fence around handlers.
            self._report(method_name, error)
        else:
            if inspect.isawaitable(result):
                self._watch(asyncio.ensure_future(result), method_name)

    def _watch(self, task: "asyncio.Future[Any]", name: str) -> None:
        self._background.add(task)

        def finish(task: "asyncio.Future[Any]") -> None:
            self._background.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._report(name, error)

        task.add_done_callback(finish)

    def _report(self, name: str, error: BaseException) -> None:
        logger.error("%s failed with %s at %s.", _shown(name), type(error).__name__, _place(error))
        if isinstance(error, Exception):
            self._server.report_server_error(error, FeatureNotificationError)

    def _handle_cancel_notification(self, msg_id: Any) -> None:
        if not isinstance(msg_id, str) and type(msg_id) is not int:
            return
        # A request that has been answered is unknown here, and its cancellation comes too late to matter.
        for task in tuple(self._inbound.get(msg_id, ())):
            task.cancel()

    def _handle_response_message(self, message: dict[str, Any]) -> None:
        msg_id = message["id"]
        if not isinstance(msg_id, str) or msg_id not in self._outbound:
            logger.debug("Ignoring a response to a request that nobody waits for.")
            return
        future, method = self._outbound.pop(msg_id)
        if not future.set_running_or_notify_cancel():
            return
        if message.get("error") is not None:
            future.set_exception(EditorRefused(f"The editor refused {method}."))
        else:
            future.set_result(message.get("result"))

    # To the editor.

    async def ask(self, method: str, params: Any, timeout_s: float) -> Any:
        """Sends a request and returns the result as JSON.

        Raises:
            EditorRefused: the editor answered with an error, or not within `timeout_s`.
        """
        future, msg_id = self._send_request(method, params)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)
        except TimeoutError:
            self.notify(types.CANCEL_REQUEST, types.CancelParams(id=msg_id))
            raise EditorRefused(f"The editor did not answer {method} in time.") from None

    def send_request(
        self,
        method: str,
        params: Any | None = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: MessageId | None = None,
    ) -> Future[Any]:
        """Sends a request; the future has the result as its LSP type.

        Ids are always ours, whatever `msg_id` says.
        """
        raw, _ = self._send_request(method, params)
        typed: Future[Any] = Future()

        def finish(raw: Future[Any]) -> None:
            if not typed.set_running_or_notify_cancel():
                return
            try:
                typed.set_result(self._result_from_lsp(method, raw.result(timeout=0)))
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it.
                typed.set_exception(error)
            else:
                if callback is not None:
                    callback(typed.result(timeout=0))

        raw.add_done_callback(finish)
        return typed

    def send_request_async(
        self, method: str, params: Any | None = None, msg_id: MessageId | None = None
    ) -> Awaitable[Any]:
        """Sends a request; awaiting it gives the result as its LSP type."""
        return asyncio.wrap_future(self.send_request(method, params))

    def notify(self, method: str, params: Any | None = None) -> None:
        """Sends a notification; a report of progress may be dropped when too much waits."""
        message: dict[str, Any] = {"jsonrpc": self.VERSION, "method": method}
        if params is not None:
            message["params"] = self._converter.unstructure(params)
        key = _droppable_key(method, message.get("params"))
        if key is None or self.outbound is None:
            self._send_data(message)
        else:
            self.outbound.offer(_encoded(message), key)

    def _send_request(self, method: str, params: Any) -> tuple[Future[Any], MessageId]:
        msg_id = f"fimble-{next(self._outbound_numbers)}"
        future: Future[Any] = Future()
        if len(self._outbound) >= OUTBOUND_MAX:
            future.set_exception(EditorRefused("The editor leaves too many of our requests unanswered."))
            return future, msg_id
        self._outbound[msg_id] = (future, method)
        # Whoever stops waiting cancels the future, and then nobody needs the entry.
        future.add_done_callback(lambda _: self._outbound.pop(msg_id, None))
        message: dict[str, Any] = {"jsonrpc": self.VERSION, "id": msg_id, "method": method}
        if params is not None:
            message["params"] = self._converter.unstructure(params)
        self._send_data(message)
        return future, msg_id

    def _result_from_lsp(self, method: str, result: Any) -> Any:
        response_type = self.get_result_type(method)
        if response_type is None:
            return result
        try:
            message = {"jsonrpc": self.VERSION, "id": 0, "result": result}
            return self._converter.structure(message, response_type).result
        except Exception as error:
            # cattrs lets through whatever a constructor or validator raises.
            raise EditorRefused(f"The editor's answer to {method} makes no sense.") from error

    def _send_response(self, msg_id: Any, result: Any | None = None, error: types.ResponseError | None = None) -> None:
        if error is not None:
            self._send_data(_response(msg_id, error=self._converter.unstructure(error)))
            return
        try:
            data = _encoded(_response(msg_id, result=self._converter.unstructure(result)))
        except Exception as failure:  # noqa: BLE001 - a result that cannot be sent must still be answered.
            data = _encoded(_response(msg_id, error=self._converter.unstructure(self._error_of("A reply", failure))))
        self._write(data)

    def _send_data(self, data: Any) -> None:
        self._write(_encoded(data))

    def _write(self, data: bytes) -> None:
        if self.outbound is None:
            logger.error("There is nowhere to send a message to.")
        else:
            self.outbound.write(data)


def _error(code: types.ErrorCodes | types.LSPErrorCodes, message: str) -> types.ResponseError:
    return types.ResponseError(code=code.value, message=message)


_INVALID: Final = _error(types.ErrorCodes.InvalidRequest, "The message is not a JSON-RPC 2.0 request.")
_CANCELLED: Final = _error(types.LSPErrorCodes.RequestCancelled, "The request was cancelled.")


def _response(msg_id: Any, **outcome: Any) -> dict[str, Any]:
    return {"jsonrpc": LanguageServerProtocol.VERSION, "id": msg_id, **outcome}


def _encoded(message: Any) -> bytes:
    # Escaping everything beyond ASCII lets lone surrogates through, which an editor may send and expect back.
    return frame(json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii"))


def _echo(msg_id: Any) -> Any:
    # A refused request gets its id back wherever JSON-RPC has such ids, so that the sender finds it.
    if isinstance(msg_id, str) or type(msg_id) is int:
        return msg_id
    return msg_id if type(msg_id) is float and math.isfinite(msg_id) else None


def _droppable_key(method: str, params: Any) -> str | None:
    # The beginning and the end of progress must arrive, or it stays on the screen.
    if method == types.PROGRESS and params["value"].get("kind") == "report":
        return str(params["token"])
    return None


def _shown(method: str) -> str:
    # The name comes from the editor and goes into a log.
    return repr(method[:_METHOD_CHARACTERS_MAX])


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
