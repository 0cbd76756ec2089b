"""llama.cpp's server in a process of its own, as llama.vim is used with it: the same library and file as Fimble's.

`python -m fimble.bench.replay.peer_engine` runs it until its standard input ends; `PeerEngine` starts that.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fimble.bench.llama_process import llama_process
from fimble.errors import EngineUnavailable

_ANSWER_TIMEOUT_S: Final = 120.0
# llama.vim's advice for small models on a CPU; it also bounds the text around the cursor to 768 and 254 tokens.
_BATCH_TOKENS: Final = 1024
# Chunks from this length on are moved in the cache instead of being read again, as llama.vim advises.
_CACHE_REUSE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSettings:
    """How llama.cpp is started."""

    model_file: str
    context_tokens: int
    threads: int
    batch_tokens: int = _BATCH_TOKENS
    cache_reuse: int = _CACHE_REUSE


class PeerEngine:
    """A running llama.cpp server, reached through a Unix socket."""

    def __init__(self, socket: Path, pid: int) -> None:
        """`socket` is where it listens."""
        self._socket = socket
        self.pid = pid

    async def infill(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Returns the answer of `/infill`.

        Raises:
            EngineUnavailable: there is none, or it is an error.
        """
        body = json.dumps(fields).encode("utf-8", "surrogatepass")
        head = (
            "POST /infill HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(head.encode("ascii") + body)
                    await writer.drain()
                    answer = await reader.read()
                finally:
                    writer.close()
            return _json_body(answer)
        except (TimeoutError, OSError, ValueError) as error:
            raise EngineUnavailable(f"llama.cpp's server for the comparison does not answer: {error!r}.") from error


@contextlib.asynccontextmanager
async def peer_engine(settings: PeerSettings) -> AsyncIterator[PeerEngine]:
    """Runs the server for the length of a block.

    Raises:
        EngineUnavailable: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="fimble-peer-") as folder:
        socket = Path(folder) / "llama.sock"
        running = llama_process(
            "fimble.bench.replay.peer_engine",
            [os.fspath(socket)],
            json.dumps(asdict(settings)).encode(),
            log=Path(folder) / "log",
            what="the comparison",
        )
        async with running as process:
            yield PeerEngine(socket, process.pid)


def _json_body(answer: bytes) -> dict[str, Any]:
    """Returns the body of an HTTP answer that ends with the connection.

    Raises:
        ValueError: it tells of an error, or is no JSON.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    if any(header.lower().replace(b" ", b"") == b"transfer-encoding:chunked" for header in headers):
        body = _unchunked(body)
    if b" 200" not in status:
        raise ValueError(body[:200].decode("utf-8", "replace") or status.decode("ascii", "replace"))
    decoded: dict[str, Any] = json.loads(body)
    return decoded


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        parts.append(body[:length])
        body = body[length + 2 :]
        if not length:
            break
    return b"".join(parts)


def _serve(socket: str, settings: PeerSettings) -> None:
    import xllamacpp  # noqa: PLC0415 - 100 MB of code, wanted in this process only.

    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings.model_file
    parameters.hostnames = [socket]
    parameters.ui = False
    parameters.verbosity = 0
    parameters.n_ctx = settings.context_tokens
    # llama.vim uses one slot; with it, one text at a time is in the cache.
    parameters.n_parallel = 1
    parameters.n_batch = parameters.n_ubatch = settings.batch_tokens
    parameters.n_cache_reuse = settings.cache_reuse
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    # As in Fimble's engine: the slot is the cache.
    parameters.cache_ram_mib = 0
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    # Ends with the parent, whatever becomes of that.
    sys.stdin.buffer.read()
    del server


if __name__ == "__main__":
    _serve(sys.argv[1], PeerSettings(**json.loads(sys.stdin.buffer.readline())))
    # Nothing is left to save, and llama.cpp's threads need not be waited for.
    os._exit(0)
