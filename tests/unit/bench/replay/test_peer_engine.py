"""The HTTP client against a server that says what a test wants."""

import asyncio
from pathlib import Path

import pytest

from fimble.bench.replay.peer_engine import PeerEngine
from fimble.errors import EngineUnavailable

OK = b"HTTP/1.1 200 OK\r\n"


async def answer_to(folder: Path, reply: bytes) -> tuple[dict[str, object], bytes]:
    asked = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        asked = head + await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
        writer.write(reply)
        writer.close()

    socket = folder / "s"
    async with await asyncio.start_unix_server(serve, socket):
        return await PeerEngine(socket, 0).infill({"prompt": "x"}), asked


async def test_the_body_is_read(tmp_path: Path) -> None:
    answer, asked = await answer_to(tmp_path, OK + b'Content-Length: 15\r\n\r\n{"content":"a"}')
    assert answer == {"content": "a"}
    assert asked.startswith(b"POST /infill HTTP/1.1\r\n")
    assert asked.endswith(b'{"prompt": "x"}')


async def test_a_body_in_chunks_is_put_together(tmp_path: Path) -> None:
    reply = OK + b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"conten\r\n7\r\nt":"a"}\r\n0\r\n\r\n'
    assert (await answer_to(tmp_path, reply))[0] == {"content": "a"}


@pytest.mark.parametrize("reply", [b'HTTP/1.1 500 No\r\n\r\n{"error":1}', b"", OK + b"\r\nno json"])
async def test_anything_else_is_an_error(tmp_path: Path, reply: bytes) -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await answer_to(tmp_path, reply)


async def test_nobody_listening_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await PeerEngine(tmp_path / "none", 0).infill({})
