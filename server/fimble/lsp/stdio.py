"""The process' standard streams as the connection to the editor.

stdout belongs to LSP: it is taken over at the start, and what anybody prints goes to stderr instead.
"""

import asyncio
import os
import stat
import sys
import threading
from typing import Final

_READ_BYTES: Final = 64 * 1024


def claim_stdio() -> tuple[int, int]:
    """Returns private file descriptors for stdin and stdout, and points the public ones elsewhere.

    Programs started from here inherit neither, so they can read no message and corrupt none.
    """
    stdin, stdout = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # What was printed before and still waits goes the same way.
    sys.stdout.flush()
    return stdin, stdout


async def connect_stdin(fd: int, reader: asyncio.StreamReader) -> None:
    """Feeds `reader` with what arrives at `fd`."""
    loop = asyncio.get_running_loop()
    mode = os.fstat(fd).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd):
        # The file object closes the descriptor with the transport.
        pipe = os.fdopen(fd, "rb", buffering=0)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return
    # Files and /dev/null are always ready and cannot be waited for, so a thread of our own reads them. It is
    # a daemon and no pool's, because a read may never return. Each chunk is handed over before the next is
    # read, and the transport's flow control is a flag that the thread waits for.
    transport = _FileTransport()
    reader.set_transport(transport)
    thread = threading.Thread(target=_read_file, args=(fd, reader, transport, loop), name="fimble-stdin", daemon=True)
    thread.start()


class _FileTransport(asyncio.ReadTransport):
    def __init__(self) -> None:
        super().__init__()
        self.may_read = threading.Event()
        self.may_read.set()

    def pause_reading(self) -> None:
        self.may_read.clear()

    def resume_reading(self) -> None:
        self.may_read.set()

    def is_closing(self) -> bool:
        return False


def _read_file(
    fd: int, reader: asyncio.StreamReader, transport: _FileTransport, loop: asyncio.AbstractEventLoop
) -> None:
    async def feed(chunk: bytes) -> None:
        if chunk:
            reader.feed_data(chunk)
        else:
            reader.feed_eof()

    chunk = b" "
    while chunk:
        transport.may_read.wait()
        try:
            chunk = os.read(fd, _READ_BYTES)
        except OSError:
            chunk = b""
        feeding = feed(chunk)
        try:
            asyncio.run_coroutine_threadsafe(feeding, loop).result()
        except RuntimeError:
            # The loop has ended, and nobody waits for input any more.
            feeding.close()
            return
