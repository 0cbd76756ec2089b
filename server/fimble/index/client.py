"""Keeps the index process of a workspace root alive, from the side of whoever wants to ask the index.

Of several windows on one root, one owns the process and the others only read; whoever finds the writer's lock free
becomes the owner. Nothing here waits for the process: how far it is stands in the database.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fimble.index.index_messages import EXIT_ALREADY_RUNNING, EXIT_STORE_GONE, EXIT_WITHOUT_STORE, Command, Trouble
from fimble.index.store.schema import LOCK_NAME, index_folder

logger = logging.getLogger(__name__)

_LOOK_S: Final = 1.0
"""How often a window that does not own the process looks whether it can."""
_RESTARTS_MAX: Final = 5
_RESTARTS_WITHIN_S: Final = 600.0
_WITHOUT_STORE_S: Final = 30.0
_END_TIMEOUT_S: Final = 5.0
_LINE_BYTES_MAX: Final = 64 * 1024

OnTrouble = Callable[[str], None]


class IndexClient:
    """One workspace root's index, for one window.

    `folder` is where its database lies; `on_trouble` takes a sentence about what is wrong, an empty one when it is
    right again.
    """

    def __init__(self, root: Path, *, folder: Path | None = None, on_trouble: OnTrouble | None = None) -> None:
        self.root = root
        self.folder = index_folder(root) if folder is None else folder
        self._on_trouble = on_trouble or _ignore
        self._keeping: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._opened: list[str] = []
        self._starts_s: list[float] = []

    @property
    def is_owner(self) -> bool:
        """Whether the process was started by this window."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the process in the background, or waits there until it is this window's turn."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name="the index process")

    async def stop(self) -> None:
        """Ends the process, if this window owns it."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
            self._keeping = None

    def opened(self, paths: Sequence[str]) -> None:
        """Tells which files are open in this window now; they are parsed before others."""
        self._opened = list(paths)
        self._tell(Command(opened=self._opened))

    def prioritise(self, paths: Sequence[str]) -> None:
        """Hints at files that will be wanted next."""
        self._tell(Command(soon=list(paths)))

    def changed(self, paths: Sequence[str]) -> None:
        """Hints at files that were just saved, for file systems that do not tell."""
        self._tell(Command(changed=list(paths)))

    def _tell(self, command: Command) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        # A hint that a stuck process does not read is dropped; the files are found anyway.
        if process.stdin.transport.get_write_buffer_size() < _LINE_BYTES_MAX:
            with contextlib.suppress(UnicodeEncodeError):  # JSON has no place for names that are not UTF-8.
                process.stdin.write(msgspec.json.encode(command) + b"\n")

    async def _keep(self) -> None:
        """Runs the process whenever nobody else does, until cancelled."""
        while True:
            if not await asyncio.to_thread(_is_free, self.folder):
                await asyncio.sleep(_LOOK_S)
                continue
            status = await self._run()
            if status == EXIT_ALREADY_RUNNING:
                await asyncio.sleep(_LOOK_S)
            elif status == EXIT_WITHOUT_STORE:
                await asyncio.sleep(_WITHOUT_STORE_S)
            elif status != EXIT_STORE_GONE and self._dies_too_often():
                self._on_trouble("The workspace's index stopped working; restart the editor, and please report this.")
                return

    async def _run(self) -> int:
        """Runs the process until it ends, and returns its exit status."""
        command = [
            sys.executable,
            "-P",
            "-m",
            "fimble.index.process",
            "run",
            os.fspath(self.root),
            os.fspath(self.folder),
        ]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES_MAX
        )
        self._process = process
        try:
            if self._opened:
                self._tell(Command(opened=self._opened))
            assert process.stdout is not None  # noqa: S101 - it was asked for.
            async for line in process.stdout:
                with contextlib.suppress(msgspec.MsgspecError):
                    self._on_trouble(msgspec.json.decode(line, type=Trouble).message)
            return await process.wait()
        finally:
            self._process = None
            await asyncio.shield(_end(process))

    def _dies_too_often(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        self._starts_s = [each for each in self._starts_s if now_s - each < _RESTARTS_WITHIN_S] + [now_s]
        logger.warning("the index process ended, for the %d. time lately", len(self._starts_s))
        return len(self._starts_s) > _RESTARTS_MAX


async def _end(process: asyncio.subprocess.Process) -> None:
    """Lets the process finish its batch, and kills it if it takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_TIMEOUT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _is_free(folder: Path) -> bool:
    """Tells whether nobody writes the index in `folder`."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _ignore(message: str) -> None:
    """Does nothing with what is wrong."""
