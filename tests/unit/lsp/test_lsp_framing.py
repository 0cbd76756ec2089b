"""Frames in every cut, and headers that end the connection."""

import asyncio

import pytest

from fimble.errors import StreamBroken
from fimble.lsp.framing import FRAME_BYTES_MAX, Oversize, frame, make_reader, read_frames


async def read_all(data: bytes, chunk: int = 1 << 20) -> list[bytes | Oversize]:
    reader = make_reader()

    async def feed() -> None:
        for start in range(0, len(data), chunk):
            reader.feed_data(data[start : start + chunk])
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.ensure_future(feed())
    found = [body async for body in read_frames(reader)]
    await feeding
    return found


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
async def test_messages_survive_every_cut(chunk: int) -> None:
    bodies = [b"{}", b"", b"x" * 500, "é\r\n\r\n".encode()]
    assert await read_all(b"".join(map(frame, bodies)), chunk) == bodies


async def test_half_a_message_at_the_end_is_no_message() -> None:
    assert await read_all(frame(b"{}") + b"Content-Length: 10\r\n\r\n{") == [b"{}"]
    assert await read_all(frame(b"{}") + b"Content-Le") == [b"{}"]


async def test_an_oversize_message_is_skipped() -> None:
    size = FRAME_BYTES_MAX + 3
    data = b"Content-Length: %d\r\n\r\n" % size + bytes(size) + frame(b"{}")
    assert await read_all(data) == [Oversize(size), b"{}"]


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 99999999999\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1.5\r\n\r\n",
        b"Content-Length: 0x10\r\n\r\n",
        b"Content-Length: \xb2\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"no header\r\n\r\n",
        b"Content-Type: x\r\n\r\n",
        b"Content-Length: 2\r\n" * 33,
        b"x" * 20_000,
        b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_a_header_without_sense_breaks_the_stream(header: bytes) -> None:
    with pytest.raises(StreamBroken):
        await read_all(header + frame(b"{}"))
