"""What a user goes through: typing, a crash, a missing model, and nothing of their code in a log."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from tests.conftest import engines_in

from .conftest import LSP_COMMAND
from .lsp_client import LspClient

URI = "file:///project/main.py"
INLINE = {"textDocument": {"inlineCompletion": {}}}
CANARY = "canary_in_the_coal_mine"


async def ghost_text(editor: LspClient, line: int, character: int) -> list[str] | None:
    result = await editor.request(
        "textDocument/inlineCompletion",
        {
            "textDocument": {"uri": URI},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 2},
        },
    )
    return None if result is None else [item["insertText"] for item in result["items"]]


async def test_ghost_text_comes_and_follows_what_is_typed(scripted: Path, editor: LspClient) -> None:
    scripted.write_bytes(msgspec.json.encode({"lines": [{"when": "add", "write": "return a + b\n\n"}]}))
    await editor.initialize(capabilities=INLINE)
    editor.open(URI, "def add(a, b):\n    \n")
    assert await ghost_text(editor, 1, 4) == ["return a + b"]
    editor.insert(URI, 1, 4, "return ", 2)
    assert await ghost_text(editor, 1, 11) == ["a + b"]


async def test_a_crash_while_writing_ends_the_request_empty_and_the_next_one_succeeds(
    scripted: Path, place: Path, editor: LspClient
) -> None:
    scripted.write_bytes(msgspec.json.encode({"otherwise": "word " * 500, "decode_tps": 20}))
    await editor.initialize(capabilities=INLINE)
    editor.open(URI, "x = \n")
    waiting = asyncio.create_task(ghost_text(editor, 0, 4))
    await until(lambda: engines_in(place))
    await editor.wait_for_notification("fimble/status", lambda status: status["kind"] == "Normal")
    await asyncio.sleep(0.5)
    assert not waiting.done()
    os.kill(engines_in(place)[0], signal.SIGKILL)
    async with asyncio.timeout(1.0):
        assert await waiting == []
    scripted.write_bytes(msgspec.json.encode({"otherwise": "1"}))
    assert await ghost_text(editor, 0, 4) == ["1"]
    assert not [method for method, _ in editor.notifications if method == "window/showMessage"]


async def test_a_missing_model_is_told_in_the_status_bar_with_the_command_that_helps(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIMBLE_CACHE", str(tmp_path / "empty"))
    editor = await LspClient.start(LSP_COMMAND)
    try:
        await editor.initialize(capabilities=INLINE)
        status = await editor.wait_for_notification("fimble/status", lambda status: status["kind"] == "Warning")
        assert status["command"]["command"] == "fimble.server.downloadModel"
        editor.open(URI, "x = \n")
        assert await ghost_text(editor, 0, 4) == []
        assert engines_in(place) == []
    finally:
        await editor.close()


async def test_nothing_of_the_users_code_is_in_any_log(scripted: Path, place: Path, tmp_path: Path) -> None:
    scripted.write_bytes(msgspec.json.encode({"otherwise": f"{CANARY}_suggested"}))
    editor = await LspClient.start(LSP_COMMAND)
    try:
        await editor.initialize(capabilities=INLINE)
        editor.open(URI, f"{CANARY} = \n")
        # The positive control: the word does go through all processes.
        assert await ghost_text(editor, 0, len(CANARY) + 3) == [f"{CANARY}_suggested"]
        await editor.shut_down()
    finally:
        await editor.close()
    logs = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert logs
    for path in logs:
        assert CANARY.encode() not in path.read_bytes()
    assert CANARY.encode() not in editor.stderr


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)
