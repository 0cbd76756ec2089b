"""Whole sessions with a process: how they begin and end, and what happens on the wire."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsp_client import SERVER_FOLDER, LspClient, LspError

COMMAND = [sys.executable, str(Path(__file__).with_name("fake_server.py"))]
INLINE = "textDocument/inlineCompletion"
HERE = {"textDocument": {"uri": "file:///w/a.py"}, "position": {"line": 0, "character": 0}}


@pytest.fixture
async def client() -> AsyncIterator[LspClient]:
    client = await LspClient.start(COMMAND)
    yield client
    await client.close()


async def test_a_session_ends_with_zero_after_shutdown(client: LspClient) -> None:
    await client.initialize()
    assert await client.shut_down() == 0


async def test_a_session_ends_with_one_without_shutdown(client: LspClient) -> None:
    await client.initialize()
    client.notify("exit")
    assert await client.wait_for_exit() == 1


async def test_exit_is_heard_before_initialize(client: LspClient) -> None:
    client.notify("exit")
    assert await client.wait_for_exit() == 1


@pytest.mark.parametrize(("is_polite", "expected"), [(True, 0), (False, 1)])
async def test_the_end_of_input_ends_the_session(client: LspClient, is_polite: bool, expected: int) -> None:
    await client.initialize()
    if is_polite:
        await client.request("shutdown")
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert await client.wait_for_exit(5) == expected


async def test_only_initialize_is_answered_at_first_and_only_once(client: LspClient) -> None:
    client.open("file:///w/a.py", "x")
    with pytest.raises(LspError, match="-32002"):
        await client.request(INLINE, HERE)
    await client.initialize()
    with pytest.raises(LspError, match="-32600"):
        await client.request("initialize", {"capabilities": {}})
    await client.request("shutdown")
    for method in (INLINE, "shutdown", "initialize"):
        with pytest.raises(LspError, match="-32600"):
            await client.request(method, HERE)
    client.notify("exit")
    assert await client.wait_for_exit() == 0


async def test_a_malformed_initialize_can_be_repeated(client: LspClient) -> None:
    with pytest.raises(LspError, match="-32602"):
        await client.request("initialize", [5])
    await client.initialize()


async def test_shutdown_answers_what_is_under_way_and_itself(client: LspClient) -> None:
    # Pitfalls 3 and 4: pygls answers shutdown with an error when a command runs.
    await client.initialize(capabilities={"window": {"workDoneProgress": True}})
    client.open("file:///w/a.py", "#hang")
    _, waiting = client.begin_request(INLINE, HERE)
    client.open("file:///w/b.py", "#hang")
    _, also_waiting = client.begin_request(INLINE, {**HERE, "textDocument": {"uri": "file:///w/b.py"}})
    _, command = client.begin_request("workspace/executeCommand", {"command": "fimble.server.restartEngine"})
    assert await client.shut_down() == 0
    assert waiting.result()["error"]["code"] == -32800
    assert also_waiting.result()["error"]["code"] == -32800
    assert "result" in command.result()
    assert all(len(replies) == 1 for replies in client.replies.values())


async def test_stray_prints_go_to_stderr(client: LspClient) -> None:
    await client.initialize()
    assert await client.shut_down() == 0
    assert b"a stray line" in client.stderr


async def test_a_request_sees_the_document_before_a_change_that_follows_at_once(client: LspClient) -> None:
    # Pitfall 15. Both messages arrive in one read.
    await client.initialize()
    client.open("file:///w/a.py", "#fail")
    _, future = client.begin_request(INLINE, HERE)
    client.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": "file:///w/a.py", "version": 2}, "contentChanges": [{"text": "x"}]},
    )
    assert (await asyncio.wait_for(future, 5))["result"] == {"items": []}


async def test_an_oversize_message_is_refused_and_skipped(client: LspClient) -> None:
    await client.initialize()
    size = 64 * 1024 * 1024 + 1
    client.send_bytes(b"Content-Length: %d\r\n\r\n" % size)
    peak_before = peak_kilobytes(client)
    for _ in range(64):
        client.send_bytes(b"x" * (1024 * 1024))
        await client.drain()
    client.send_bytes(b"x")
    assert (await client.wait_for_reply(None, 20))["error"]["code"] == -32600
    with pytest.raises(LspError, match="-32601"):
        await client.request("fimble/ping")
    assert peak_kilobytes(client) - peak_before < 20_000


def peak_kilobytes(client: LspClient) -> int:
    status = Path(f"/proc/{client.process.pid}/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


async def test_a_document_of_many_megabytes_is_taken(client: LspClient) -> None:
    await client.initialize()
    client.open("file:///w/a.py", "x = 1\n" * 3_000_000)
    assert await client.request(INLINE, HERE) == {"items": []}
    await client.wait_for_notification("fimble/status", lambda params: params["kind"] == "Inactive")


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 1000000000000\r\n\r\n",
        b"Content-Length: " + b"9" * 6000 + b"\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: many\r\n\r\n",
        b"Content-Type: x\r\n\r\n",
        b"x" * 9000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"X-A: b\r\n" * 40,
    ],
)
async def test_a_header_without_sense_ends_the_session_with_one(client: LspClient, header: bytes) -> None:
    await client.initialize()
    client.send_bytes(header)
    assert await client.wait_for_exit() == 1
    assert b"The session ends." in client.stderr
    assert b"Traceback" not in client.stderr


async def test_header_fields_may_be_written_in_other_ways(client: LspClient) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"fimble/ping"}'
    client.send_bytes(
        b"content-length:%d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n%b" % (len(body), body)
    )
    client.send_bytes(b"\r\n")
    client.send_bytes(b"Content-Length: %d\n\n%b" % (len(body), body))
    await client.wait_until(lambda: len(client.replies["1"]) == 2)


async def test_the_server_ends_soon_after_its_editor_vanished(client: LspClient) -> None:
    # The input stays open, as with a pipe that another child of the editor has inherited.
    editor = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    await client.initialize(process_id=editor.pid)
    editor.kill()
    start_s = time.monotonic()
    assert await client.wait_for_exit(10) == 1
    assert time.monotonic() - start_s < 5
    await editor.wait()


async def test_an_editor_that_cannot_be_seen_ends_nothing(client: LspClient) -> None:
    await client.initialize(process_id=2**22 + 5)
    await asyncio.sleep(0.2)
    assert await client.shut_down() == 0


def test_an_editor_that_reads_nothing_stalls_nothing() -> None:
    # Pitfall 14: the server takes every message although its output is stuck in the pipe. The last message
    # ends the session, which is delayed by no more than the time for which output is flushed.
    messages = b""
    for number in range(20_000):
        body = b'{"jsonrpc":"2.0","id":%d,"method":"fimble/unknown"}' % number
        messages += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    body = b'{"jsonrpc":"2.0","method":"exit"}'
    messages += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SERVER_FOLDER)},
    )
    with process:
        assert process.stdin is not None
        process.stdin.write(messages)
        process.stdin.flush()
        assert process.wait(15) == 1


async def test_an_editor_that_goes_away_while_it_is_written_to_ends_the_session() -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SERVER_FOLDER)},
    )
    assert process.stdin is not None
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    body = b'{"jsonrpc":"2.0","id":1,"method":"fimble/unknown"}'
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    assert await asyncio.wait_for(process.wait(), 10) == 1


def test_input_from_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    bodies = [
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}',
        b'{"jsonrpc":"2.0","id":2,"method":"shutdown"}',
        b'{"jsonrpc":"2.0","method":"exit"}',
    ]
    messages = tmp_path / "messages"
    messages.write_bytes(b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies))
    environment = {**os.environ, "PYTHONPATH": str(SERVER_FOLDER)}
    with messages.open("rb") as stdin:
        done = subprocess.run(COMMAND, stdin=stdin, capture_output=True, timeout=20, env=environment, check=False)
    assert done.returncode == 0
    assert done.stdout.count(b"Content-Length") == 2
    done = subprocess.run(
        COMMAND, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, env=environment, check=False
    )
    assert done.returncode == 1


async def test_nothing_of_the_users_code_is_on_stderr(client: LspClient) -> None:
    # Pitfall 20: pygls logs every message that it sends.
    await client.initialize()
    client.open("file:///w/a.py", "SECRET")
    await client.request(INLINE, HERE)
    client.insert("file:///w/a.py", 0, 0, "SECRET #broken", 2)
    await client.request(INLINE, HERE)
    assert await client.shut_down() == 0
    assert b"SECRET" not in client.stderr
    assert b"suggested" not in client.stderr
