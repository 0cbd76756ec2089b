"""An engine of the benchmark's own, in a runtime folder of its own: the user's engine is neither used nor ended."""

import asyncio
import contextlib
import fcntl
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fimble.engine.client.engine import Engine
from fimble.engine.client.launch import engine_command
from fimble.errors import FimbleError
from fimble.folders import make_private

_LOCK_NAME: Final = "engine.lock"
_END_TIMEOUT_S: Final = 15.0
_POLL_S: Final = 0.02
# A socket's path has room for about a hundred bytes, of which the folders below take half.
_TEMPORARY_BYTES_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where one engine runs, and how it is started."""

    folder: Path
    model: str
    command: list[str]

    def client(self, name: str) -> Engine:
        """Returns a new client of the engine, which has to be closed."""
        return Engine(self.folder, model=self.model, client=name, command=self.command)


@contextlib.asynccontextmanager
async def own_place(model: str, options: Sequence[str] = ()) -> AsyncIterator[Place]:
    """Makes a place for an engine with `model`; in the end the engine and the folder are gone.

    `options` are those of `fimble engine run`. The engine starts with the first client's first question.
    """
    temporary = tempfile.gettempdir()
    parent = temporary if len(os.fsencode(temporary)) <= _TEMPORARY_BYTES_MAX else "/tmp"  # noqa: S108 - see above.
    with tempfile.TemporaryDirectory(prefix="fimble-bench-", dir=parent) as name:
        place = Place(
            folder=make_private(Path(name) / "fimble"),
            model=model,
            # Its folder follows from this variable, which is not for this process or other engines.
            # Were this process killed, its engine would not stay for long.
            command=["env", f"XDG_RUNTIME_DIR={name}", *engine_command(model), "--idle-unload", "10", *options],
        )
        try:
            yield place
        finally:
            await _end(place)


async def _end(place: Place) -> None:
    """Ends the engine, by force if need be, and returns when its process has gone and the card is free."""
    with contextlib.suppress(FimbleError, OSError):
        await place.client("fimble bench").shut_down()
    await asyncio.to_thread(_wait_or_kill, place.folder / _LOCK_NAME)


def _wait_or_kill(lock: Path) -> None:
    deadline = time.monotonic() + _END_TIMEOUT_S
    while pid := _holder(lock):
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return
        time.sleep(_POLL_S)


def _holder(lock: Path) -> int:
    """Returns the pid of the engine that holds its lock; 0 where none does."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        words = os.read(descriptor, 32).decode("ascii", "replace").strip()
        return int(words) if words.isdecimal() else 0
    finally:
        os.close(descriptor)
    return 0
