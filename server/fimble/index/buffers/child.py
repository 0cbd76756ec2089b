"""One running process of `process`: frames in, frames out, and a watch on its pulse."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fimble.errors import IndexUnavailable
from fimble.index.buffers.messages import HEADER, Answer, Request, body_size, decode_answer, encode

COMMAND: Final = (sys.executable, "-P", "-m", "fimble.index.buffers.process")
_EXIT_WAIT_S: Final = 5.0


class Child:
    """Create it with `start`, end it with `kill`."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, command: Sequence[str] = COMMAND) -> "Child":
        """Starts a process.

        Raises:
            IndexUnavailable: it cannot be started.
        """
        try:
            # The working folder of a language server is someone's workspace, which holds nothing for this process.
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd="/"
            )
        except OSError as error:
            raise IndexUnavailable(f"The process for open documents could not be started: {error}.") from error
        if process.stdout is None or process.stdin is None:
            raise IndexUnavailable("The process for open documents has no pipes.")
        return cls(process, process.stdout, process.stdin)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    async def send(self, requests: Sequence[Request]) -> None:
        """Sends requests; waits while the process does not read.

        Raises:
            IndexUnavailable: the process has ended.
        """
        try:
            for request in requests:
                self._writer.write(encode(request))
            await self._writer.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise IndexUnavailable("The process for open documents has ended.") from error

    async def answers(self) -> AsyncIterator[Answer]:
        """Yields what the process says until it ends.

        Raises:
            FrameInvalid: what it says makes no sense.
        """
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                size = body_size(await self._reader.readexactly(HEADER.size))
                yield decode_answer(await self._reader.readexactly(size))

    async def kill(self) -> int | None:
        """Ends the process; harmless when it has ended. Returns its exit status, None where it does not end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _EXIT_WAIT_S)
        return self._process.returncode
