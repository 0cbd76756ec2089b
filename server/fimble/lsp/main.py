"""Runs the language server on the process' standard streams until the editor ends it."""

import asyncio
import logging
import os
import threading
from contextlib import suppress
from typing import Final

from fimble.errors import StreamBroken
from fimble.lsp.framing import Oversize, make_reader, read_frames
from fimble.lsp.handlers import register_handlers
from fimble.lsp.outbox import Outbox
from fimble.lsp.protocol import Outbound, Phase
from fimble.lsp.server import FimbleServer
from fimble.lsp.services import Services
from fimble.lsp.stdio import claim_stdio, connect_stdin

logger = logging.getLogger(__name__)

_STOP_TIMEOUT_S: Final = 2.0
_FLUSH_TIMEOUT_S: Final = 1.0
_END_TIMEOUT_S: Final = 5.0


def make_server(services: Services) -> FimbleServer:
    """Returns a server with all of its methods."""
    server = FimbleServer(services)
    register_handlers(server)
    return server


def run_stdio(services: Services) -> int:
    """Serves the editor at stdin and stdout, and returns the exit code: 0 after `shutdown`, else 1."""
    # pygls logs whole messages at INFO, and they are the user's code.
    logging.getLogger("pygls").setLevel(logging.WARNING)
    stdin, stdout = claim_stdio()
    return asyncio.run(_run(services, stdin, stdout))


async def serve(server: FimbleServer, reader: asyncio.StreamReader, outbound: Outbound) -> int:
    """Serves the editor at `reader` and `outbound` until the session ends, and returns the exit code."""
    server.protocol.outbound = outbound
    reading = asyncio.ensure_future(_read(server, reader))
    try:
        await server.ended.wait()
    finally:
        reading.cancel()
        if server.watch is not None:
            server.watch.cancel()
        server.questions.stop()
        await server.protocol.stop()
        if server.protocol.phase is not Phase.SHUT_DOWN:
            await _stop_services(server)
    return server.exit_code


async def _run(services: Services, stdin: int, stdout: int) -> int:
    loop = asyncio.get_running_loop()
    server = make_server(services)
    # The writing thread may find the editor gone; only the loop may end the session.
    outbox = Outbox(stdout, lambda: _call_soon(loop, server))
    reader = make_reader()
    await connect_stdin(stdin, reader)
    serving = asyncio.ensure_future(serve(server, reader, outbox))
    await server.ended.wait()
    # A task that does not heed its cancellation, or a thread of a library, must not keep the process alive
    # after the editor is gone.
    end = threading.Timer(_END_TIMEOUT_S, os._exit, (server.exit_code,))
    end.daemon = True
    end.start()
    exit_code = await serving
    outbox.close(_FLUSH_TIMEOUT_S)
    return exit_code


async def _read(server: FimbleServer, reader: asyncio.StreamReader) -> None:
    try:
        async for body in read_frames(reader):
            if isinstance(body, Oversize):
                server.protocol.refuse_oversize(body.size_bytes)
            else:
                server.protocol.receive(body)
            # Lets the task of a request begin before the next message, perhaps a change of the document, is
            # handled, and lets replies out while a long series of messages comes in.
            await asyncio.sleep(0)
    except StreamBroken as error:
        logger.error("%s The session ends.", error)
        server.end(1)
    except OSError:
        logger.error("Reading from the editor failed; the session ends.")
        server.end(1)
    else:
        server.end(0 if server.protocol.phase is Phase.SHUT_DOWN else 1)


async def _stop_services(server: FimbleServer) -> None:
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await server.services.stop()
    except Exception as error:  # noqa: BLE001 - the process ends whatever happens.
        logger.warning("Stopping failed with %s.", type(error).__name__)


def _call_soon(loop: asyncio.AbstractEventLoop, server: FimbleServer) -> None:
    # The loop is closed when the session has ended already.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(server.end, 1)
