"""Begins and ends a session: initialize, initialized, shutdown, exit."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from fimble.errors import FimbleError
from fimble.lsp.capabilities import capabilities_to_lsp
from fimble.lsp.editor import Editor
from fimble.lsp.handlers.configuration import read_settings, register_for_changes
from fimble.lsp.options import options_from_lsp
from fimble.lsp.parent import wait_for_end, watch_process
from fimble.lsp.protocol import Phase
from fimble.lsp.server import FimbleServer
from fimble.lsp.status import status_of

logger = logging.getLogger(__name__)

# A cold start reads gigabytes of weights from a slow disk at worst.
_START_TIMEOUT_S: Final = 600.0
_STOP_TIMEOUT_S: Final = 2.0


def initialize(server: FimbleServer, params: Any) -> types.InitializeResult:
    """Takes note of what the editor is, and tells it what we can do."""
    if not isinstance(params, dict):
        raise JsonRpcInvalidParams("Parameters must be an object.")
    server.editor = Editor.from_lsp(params)
    server.documents.encoding = server.editor.encoding
    server.documents.folders = server.editor.folders
    server.work.is_supported = server.editor.has_progress
    server.initial_options, problems = options_from_lsp(params.get("initializationOptions"), server.options)
    server.options = server.initial_options
    for problem in problems:
        logger.warning("initializationOptions: %s", problem)
    server.protocol.phase = Phase.RUNNING
    _watch_parent(server)
    return types.InitializeResult(
        capabilities=capabilities_to_lsp(server.editor, server.options.fallback, server.served),
        server_info=types.ServerInfo(name=server.name, version=server.version),
    )


async def initialized(server: FimbleServer, params: Any) -> None:
    """Reads the settings and then prepares the engine, so that it loads the right model at once."""
    await register_for_changes(server)
    await read_settings(server)
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            await server.services.start(server.on_engine_status)
    except FimbleError as error:
        server.status.engine_is(status_of(error))


def shutdown(server: FimbleServer, params: Any) -> Awaitable[None]:
    """Cancels what runs, so that its requests are answered, and stops the services; always succeeds."""
    server.protocol.phase = Phase.SHUT_DOWN
    server.questions.stop()
    server.protocol.cancel_all()
    return _stop(server)


def exit_(server: FimbleServer, params: Any) -> None:
    """Ends the process; the exit code tells whether `shutdown` came first."""
    server.end(0 if server.protocol.phase is Phase.SHUT_DOWN else 1)


def set_trace(server: FimbleServer, params: types.SetTraceParams) -> None:
    """Takes note of the trace level, of which nothing depends."""
    server.protocol.trace = params.value


def cancel_work(server: FimbleServer, params: types.WorkDoneProgressCancelParams) -> None:
    """Cancels the work whose progress the editor shows."""
    server.work.cancel(params.token)


async def _stop(server: FimbleServer) -> None:
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await server.services.stop()
    except Exception as error:  # noqa: BLE001 - shutdown succeeds whatever happens, the process ends anyway.
        logger.warning("Stopping failed with %s.", type(error).__name__)


def _watch_parent(server: FimbleServer) -> None:
    if server.editor.process_id is None:
        return
    is_alive = watch_process(server.editor.process_id)
    if is_alive is None:
        logger.info("The editor's process cannot be seen from here; the end of input will end the session.")
        return

    async def watch() -> None:
        await wait_for_end(is_alive)
        logger.warning("The editor is gone.")
        server.end(1)

    # Not among the session's work, which ends with `shutdown`: the editor may also vanish after that.
    server.watch = asyncio.ensure_future(watch())


HANDLERS: Final = {
    types.INITIALIZE: initialize,
    types.INITIALIZED: initialized,
    types.SHUTDOWN: shutdown,
    types.EXIT: exit_,
    types.SET_TRACE: set_trace,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: cancel_work,
}
