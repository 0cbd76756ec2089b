"""Starts the engine when nobody listens, so that of many clients that start at once exactly one starts it.

Two locks: `start.lock` is held by the client that is starting an engine, for as long as that takes; `engine.lock` by
the engine for its whole life. A client first tries to connect; only who holds the first lock may start a process.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fimble.engine.client.connection import EngineConnection, OtherEngine
from fimble.engine.messages.socket import START_LOCK_NAME
from fimble.errors import EngineRefused, EngineUnavailable
from fimble.folders import log_folder, make, make_private

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 20.0
POLL_S = 0.02
# The exit status of an engine that found another one running (EX_TEMPFAIL of sysexits.h).
EXIT_ALREADY_RUNNING = 75
_OUTPUT_BYTES_MAX = 1024 * 1024

Connect = Callable[[], Awaitable[EngineConnection]]


def engine_command(model: str) -> list[str]:
    """Returns the command that runs an engine with `model`."""
    return [sys.executable, "-P", "-m", "fimble", "engine", "run", "--model", model]


async def connect_or_start(folder: Path, command: list[str], connect: Connect) -> EngineConnection:
    """Connects to the engine, starting one with `command` if none runs.

    Raises:
        EngineUnavailable: it cannot be started; the message names the log.
        EngineRefused: an engine of another build is in use by others.
    """
    make_private(folder)
    deadline = time.monotonic() + START_TIMEOUT_S
    with contextlib.ExitStack() as stack:
        started: subprocess.Popen[bytes] | None = None
        is_starter = False
        while True:
            try:
                return await connect()
            except OtherEngine as refused:
                _end_other(refused, started)
            except OSError:
                pass
            if not is_starter:
                is_starter = _try_lock(folder, stack)
                if is_starter:
                    continue  # Somebody else may have started it between the look and the lock.
            elif started is None:
                started = await asyncio.to_thread(_start, command)
            elif (status := started.poll()) is not None:
                if status != EXIT_ALREADY_RUNNING:
                    raise EngineUnavailable(_why_it_ended(status))
                started = None  # An older engine is still ending; its lock will be free soon.
            if time.monotonic() > deadline:
                raise EngineUnavailable(f"The engine did not start within {START_TIMEOUT_S:.0f} s; {_see_log()}")
            await asyncio.sleep(POLL_S)


def _end_other(refused: OtherEngine, started: subprocess.Popen[bytes] | None) -> None:
    """Ends an engine of another build or model that nobody uses; it is replaced by one of ours.

    Raises:
        EngineRefused: others use it, or it is the one we have just `started`.
    """
    if started is not None and refused.pid == started.pid:
        raise EngineRefused("Fimble has been updated since this editor started its server: restart the server.")
    if refused.clients > 0:
        raise EngineRefused(
            f"{refused} It is in use by {refused.clients} other program(s): restart them, or run: fimble engine stop"
        )
    logger.info("ending an unused engine, pid %d: %s", refused.pid, refused)
    with contextlib.suppress(ProcessLookupError):
        os.kill(refused.pid, signal.SIGTERM)


def _try_lock(folder: Path, stack: contextlib.ExitStack) -> bool:
    descriptor = os.open(folder / START_LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    stack.callback(os.close, descriptor)
    return True


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    output = _output_file()
    make(output.parent)
    if output.exists() and output.stat().st_size > _OUTPUT_BYTES_MAX:
        output.unlink()
    with output.open("ab") as sink:
        # Its own session, so that the editor's Ctrl-C or end does not end the engine that others use.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True, cwd="/"
        )
    # Without somebody waiting for it, an engine that ended would stay a zombie as long as the editor runs.
    threading.Thread(target=process.wait, name="engine-reaper", daemon=True).start()
    logger.info("started an engine, pid %d", process.pid)
    return process


def _why_it_ended(status: int) -> str:
    last_line = ""
    with contextlib.suppress(OSError):
        lines = _output_file().read_text("utf-8", "replace").strip().splitlines()
        last_line = lines[-1].strip() if lines else ""
    return f"The engine could not be started (exit status {status}): {last_line or _see_log()}"


def _see_log() -> str:
    return f"its log is {log_folder() / 'engine.log'}."


def _output_file() -> Path:
    return log_folder() / "engine.out"
