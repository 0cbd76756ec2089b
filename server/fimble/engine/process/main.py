"""Starts the engine: takes the lock, binds the socket, then serves.

The order makes starting race-free: whoever holds `engine.lock` is the engine; the socket appears under its final name
only when it can be connected to; a socket or lock left behind by a killed engine is simply replaced.
"""

import asyncio
import contextlib
import faulthandler
import fcntl
import logging
import logging.handlers
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fimble.engine.messages.frames import FRAME_BYTES_MAX, build
from fimble.engine.messages.socket import ENGINE_LOCK_NAME, LOADING_NAME, SOCKET_NAME
from fimble.engine.process.backends.backend import Backend
from fimble.engine.process.server import EngineServer
from fimble.errors import EngineRefused
from fimble.folders import log_folder, make, make_private

logger = logging.getLogger(__name__)

LOG_BYTES_MAX = 2 * 1024 * 1024
LOG_FILES = 3
BACKLOG = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What the engine is started with. `controls` are the card's fill-in-the-middle tokens by role.

    With `loads_at_once` the first request does not wait for the model. `asked_model` and `notice` are set where `model`
    stands in for one that cannot run here.
    """

    folder: Path
    model: str
    make_backend: Callable[[Path], Backend]
    controls: dict[str, str]
    asked_model: str = ""
    notice: str = ""
    loads_at_once: bool = False
    load_silence_s: float = 60.0
    idle_unload_s: float = 30 * 60.0
    exit_idle_s: float = 30 * 60.0


def run(settings: EngineSettings) -> None:
    """Runs the engine until it is told to stop.

    Raises:
        EngineRefused: another engine runs already.
        FolderUnsafe: the runtime folder is not private.
    """
    os.umask(0o077)
    make_private(settings.folder)
    lock = _take_lock(settings.folder)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.enable()
        start_logging()
        logger.info("engine %s starts, pid %d, model %s", build(), os.getpid(), settings.model)
        asyncio.run(_serve(settings))
        logger.info("engine ends")
    finally:
        os.close(lock)


async def _serve(settings: EngineSettings) -> None:
    server = EngineServer(
        settings.make_backend(settings.folder),
        folder=settings.folder,
        model=settings.model,
        controls=settings.controls,
        asked_model=settings.asked_model,
        notice=settings.notice,
        load_silence_s=settings.load_silence_s,
        idle_unload_s=settings.idle_unload_s,
        exit_idle_s=settings.exit_idle_s,
    )
    if settings.loads_at_once:
        server.want_load()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    (settings.folder / LOADING_NAME).unlink(missing_ok=True)  # Of an engine that was killed while it loaded.
    # Bound under another name first: the final name must never be a socket on which nobody listens yet.
    path = settings.folder / SOCKET_NAME
    early = settings.folder / f"engine-{os.getpid()}.sock"
    early.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(os.fspath(early))
    listening.listen(BACKLOG)
    listener = await asyncio.start_unix_server(
        server.on_connection, sock=listening, limit=FRAME_BYTES_MAX, backlog=BACKLOG
    )
    os.replace(early, path)
    inode = path.stat().st_ino
    try:
        await server.serve(listener)
    finally:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == inode:
                path.unlink()


def _take_lock(folder: Path) -> int:
    descriptor = os.open(folder / ENGINE_LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise EngineRefused(f"An engine runs already (pid {pid or 'unknown'}); run: fimble engine status") from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def start_logging() -> None:
    """Logs to a rotating file; sizes, times and states only, never a user's text."""
    folder = make(log_folder())
    handler = logging.handlers.RotatingFileHandler(
        folder / "engine.log", maxBytes=LOG_BYTES_MAX, backupCount=LOG_FILES, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    if sys.stderr.isatty():
        # Somebody looks at the engine in the foreground.
        on_terminal = logging.StreamHandler()
        on_terminal.setFormatter(logging.Formatter("%(message)s"))
        root.addHandler(on_terminal)
    level = logging.getLevelNamesMapping().get(os.environ.get("FIMBLE_LOG", "").upper(), logging.INFO)
    root.setLevel(level)
