"""Cuts the byte stream from the editor into messages, and puts the header before ours.

A message that is too large is skipped without keeping it; a header that makes no sense ends the connection,
because nobody can tell where the next message starts.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from fimble.errors import StreamBroken

HEADER_LINE_BYTES_MAX: Final = 8 * 1024
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
# A claim beyond this is no message but a mistake or an attack: skipping it would take for ever.
CLAIM_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
_HEADER_LINES_MAX: Final = 32
_SKIP_BYTES: Final = 64 * 1024
_HEADER: Final = re.compile(rb"([A-Za-z-]+):[ \t]*(.*?)[ \t]*")


@dataclass(frozen=True, slots=True)
class Oversize:
    """Stands for a message that was skipped because it is larger than `FRAME_BYTES_MAX`."""

    size_bytes: int


def make_reader() -> asyncio.StreamReader:
    """Returns a stream whose lines are limited to what a header may have."""
    return asyncio.StreamReader(limit=HEADER_LINE_BYTES_MAX)


def frame(body: bytes) -> bytes:
    """Returns a message with its header."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def read_frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes | Oversize]:
    """Yields the body of one message after the other until the stream ends.

    Raises:
        StreamBroken: a header cannot be understood.
    """
    while (length := await _read_header(reader)) is not None:
        if length > FRAME_BYTES_MAX:
            if not await _skip(reader, length):
                return
            yield Oversize(length)
            continue
        try:
            body = await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return
        yield body


async def _read_header(reader: asyncio.StreamReader) -> int | None:
    length: int | None = None
    for count in range(_HEADER_LINES_MAX):
        line = await _read_line(reader)
        if line is None:
            return None
        if not line:
            if length is not None:
                return length
            if count == 0:
                # A stray line end between two messages hurts nobody.
                continue
            raise StreamBroken("A header has no Content-Length.")
        length = _content_length(line, length)
    raise StreamBroken("A header does not end.")


async def _read_line(reader: asyncio.StreamReader) -> bytes | None:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise StreamBroken("A header line is too long.") from None
    return line.rstrip(b"\r\n")


def _content_length(line: bytes, length: int | None) -> int | None:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise StreamBroken("A header line has no name and value.")
    name, value = match[1].lower(), match[2]
    if name != b"content-length":
        return length
    # Twenty digits are more than any claim that is accepted; int() would refuse thousands of them anyway.
    if not value.isdigit() or len(value) > 20 or int(value) > CLAIM_BYTES_MAX:
        raise StreamBroken("A Content-Length is no usable number.")
    return int(value)


async def _skip(reader: asyncio.StreamReader, length: int) -> bool:
    while length > 0:
        chunk = await reader.read(min(length, _SKIP_BYTES))
        if not chunk:
            return False
        length -= len(chunk)
    return True
