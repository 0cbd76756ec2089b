"""What the index process and its parse workers tell each other: length-prefixed msgpack through pipes."""

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

HEADER: Final = struct.Struct("<I")
FRAME_BYTES_MAX: Final = 256 * 1024 * 1024

POSITION: Final = struct.Struct("<QQ")
"""The task's number and the place of the file in it, in the shared memory."""


class Parse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file to parse; `language` and `size` (in bytes) are what is known of it before.

    In a first build, who mentions what is left for later (`has_mentions` is false): only the repository map asks. It
    is made up for without parsing, from the `names` that the file defines as the store has them. Before anything is
    parsed, only the texts are wanted (`is_text_wanted`), so that words can be searched.
    """

    path: bytes
    language: str = ""
    size: int = 0
    has_mentions: bool = True
    names: bytes = b""
    is_text_wanted: bool = False


class Task(msgspec.Struct, frozen=True, array_like=True):
    """Files for one worker, in this order; `number` comes back with each result."""

    number: int
    files: list[Parse]


class Parsed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of a file.

    `position` is its place in the task. A file that was not read says why in `skipped`. The cells of a
    notebook come before the notebook itself, which has no hash. `names`, `symbols`, `searchable` and
    `mentions` are as the store wants them; `stat` is size, mtime in ns and inode of what was read, None if it is gone.
    `chunks` is the text, if that was wanted.
    """

    position: int
    path: bytes
    skipped: str = ""
    hash: bytes = b""
    language: str = ""
    stat: tuple[int, int, int] | None = None
    flags: int = 0
    state: int = 0
    names: bytes = b""
    symbols: bytes = b""
    searchable: str = ""
    mentions: bytes = b""
    symbol_count: int = 0
    chunks: list[str] = []


class Report(msgspec.Struct, frozen=True, array_like=True):
    """Some results of a task; `is_last` says that the task is done. `rss_bytes` is the worker's peak memory."""

    number: int
    results: list[Parsed]
    is_last: bool
    rss_bytes: int


_encoder: Final = msgspec.msgpack.Encoder()
_task_decoder: Final = msgspec.msgpack.Decoder(Task)
_report_decoder: Final = msgspec.msgpack.Decoder(Report)


def encode(message: Task | Report) -> bytes:
    """Returns a message's bytes, length prefix included."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def decode_task(body: bytes) -> Task:
    """Reads a task without its length prefix."""
    return _task_decoder.decode(body)


def decode_report(body: bytes | memoryview) -> Report:
    """Reads a report without its length prefix."""
    return _report_decoder.decode(body)


class Frames:
    """Puts the pieces that a pipe delivers together to messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the bodies of the messages that are complete now."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            if len(self._buffer) < HEADER.size + length:
                return
            body = bytes(self._buffer[HEADER.size : HEADER.size + length])
            del self._buffer[: HEADER.size + length]
            yield body
