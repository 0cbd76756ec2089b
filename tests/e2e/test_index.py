"""The index of a workspace through the real language server and the real commands, processes included."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import LSP_COMMAND
from .lsp_client import LspClient

CAPABILITIES = {
    "textDocument": {
        "inlineCompletion": {},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "hover": {"contentFormat": ["markdown"]},
    },
    "window": {"workDoneProgress": True},
}
MAIN = "from cart import Cart\n\n\ndef main():\n    Cart().add(1)\n"
CART = 'class Cart:\n    """What somebody buys."""\n\n    def add(self, item):\n        return item\n'


@pytest.fixture
def root(scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small workspace, and a cache of its own for its index."""
    monkeypatch.setenv("FIMBLE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "main.py").write_text(MAIN)
    (root / "cart.py").write_text(CART)
    return root


@pytest.fixture
async def window(root: Path) -> AsyncIterator[LspClient]:
    client = await started(root)
    yield client
    await client.close()


async def started(root: Path) -> LspClient:
    client = await LspClient.start(LSP_COMMAND)
    await client.initialize(capabilities=CAPABILITIES, options={"navigation": "always"}, folders=[root.as_uri()])
    return client


async def symbols(window: LspClient, query: str) -> list[str]:
    found = await window.request("workspace/symbol", {"query": query})
    return [symbol["name"] for symbol in found or []]


async def wait_for_symbol(window: LspClient, name: str, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while name not in await symbols(window, name):
            await asyncio.sleep(0.05)


async def ask(window: LspClient, method: str, file: Path, line: int, character: int, **more: Any) -> Any:
    place = {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": character}}
    return await window.request(f"textDocument/{method}", place | more)


def index_processes(root: Path) -> list[psutil.Process]:
    """Returns the index processes of a workspace, without their workers."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        is_running = process.info["status"] != psutil.STATUS_ZOMBIE
        if is_running and "fimble.index.process" in command and "run" in command and str(root) in command:
            found.append(process)
    return found


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.05)


async def test_questions_are_answered_from_the_disk_and_from_what_is_typed(root: Path, window: LspClient) -> None:
    main = root / "main.py"
    window.open(main.as_uri(), MAIN)
    await wait_for_symbol(window, "Cart")
    (place,) = await ask(window, "definition", main, 4, 5)
    assert (place["uri"], place["range"]["start"]) == ((root / "cart.py").as_uri(), {"line": 0, "character": 6})
    hover = await ask(window, "hover", main, 4, 5)
    assert hover["contents"]["value"] == "```python\nclass Cart\n```\n\nWhat somebody buys.\n\n`cart.py:1`"
    uses = await ask(window, "references", main, 4, 12, context={"includeDeclaration": False})
    assert [(use["uri"], use["range"]["start"]["line"]) for use in uses] == [(main.as_uri(), 4)]
    window.insert(main.as_uri(), 0, 0, "class Typed:\n    pass\n\n", 2)
    outline = await window.request("textDocument/documentSymbol", {"textDocument": {"uri": main.as_uri()}})
    assert [symbol["name"] for symbol in outline] == ["Typed", "main"]
    assert await symbols(window, "Typed") == ["Typed"]


async def test_a_file_that_another_program_writes_is_seen(root: Path, window: LspClient) -> None:
    await wait_for_symbol(window, "Cart")
    (root / "later.py").write_text("def written_later(): pass\n")
    await wait_for_symbol(window, "written_later")
    (root / "later.py").unlink()
    async with asyncio.timeout(20):
        while await symbols(window, "written_later"):
            await asyncio.sleep(0.05)


async def test_an_index_process_that_dies_comes_back_and_nobody_notices(root: Path, window: LspClient) -> None:
    await wait_for_symbol(window, "Cart")
    (process,) = index_processes(root)
    process.send_signal(signal.SIGKILL)
    # What is known stays known meanwhile.
    assert await symbols(window, "Cart") == ["Cart"]
    (root / "later.py").write_text("def written_later(): pass\n")
    await wait_for_symbol(window, "written_later")
    assert [other.pid for other in index_processes(root)] != [process.pid]
    assert not [method for method, _ in window.notifications if method == "window/showMessage"]


async def test_two_windows_share_one_process_and_the_one_that_stays_takes_over(root: Path) -> None:
    first = await started(root)
    await wait_for_symbol(first, "Cart")
    second = await started(root)
    try:
        await wait_for_symbol(second, "Cart")
        assert len(index_processes(root)) == 1
        await first.shut_down()
        (root / "later.py").write_text("def written_later(): pass\n")
        await wait_for_symbol(second, "written_later")
        assert len(index_processes(root)) == 1
    finally:
        await first.close()
        await second.close()
    await until(lambda: index_processes(root) == [])


async def test_the_end_of_a_session_is_quick_and_leaves_no_process(root: Path) -> None:
    window = await started(root)
    try:
        await until(lambda: len(index_processes(root)) == 1)
        assert await window.shut_down() == 0
    finally:
        await window.close()
    await until(lambda: index_processes(root) == [])


async def test_an_editor_that_is_killed_takes_its_processes_with_it(root: Path) -> None:
    window = await started(root)
    await until(lambda: len(index_processes(root)) == 1)
    await window.close()
    await until(lambda: index_processes(root) == [])


async def test_ghost_text_does_not_wait_for_the_index(root: Path, scripted: Path, window: LspClient) -> None:
    scripted.write_text(json.dumps({"otherwise": "return 1\n"}))
    main = root / "main.py"
    window.open(main.as_uri(), "def one():\n    \n")
    result = await ask(window, "inlineCompletion", main, 1, 4, context={"triggerKind": 1})
    assert [item["insertText"] for item in result["items"]] == ["return 1"]


async def test_a_switched_off_index_starts_no_process(root: Path) -> None:
    window = await LspClient.start(LSP_COMMAND)
    try:
        options = {"navigation": "always", "index": {"enabled": False}}
        await window.initialize(capabilities=CAPABILITIES, options=options, folders=[root.as_uri()])
        window.open((root / "main.py").as_uri(), MAIN)
        assert await ask(window, "definition", root / "main.py", 3, 5) is None
        assert index_processes(root) == []
    finally:
        await window.close()


def run(*arguments: str | Path, status: int = 0) -> str:
    command = [sys.executable, "-P", "-m", "fimble", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def run_json(*arguments: str | Path) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_the_commands_ask_the_index_and_make_it_first(root: Path) -> None:
    (found,) = run_json("index", "symbol", "Cart", "--workspace", root)["symbols"]
    assert found == {
        "name": "Cart",
        "kind": "class",
        "path": "cart.py",
        "range": [1, 5],
        "line": 1,
        "column": 7,
        "signature": "class Cart",
        "documentation": "What somebody buys.",
        "container": "",
    }
    assert run("index", "symbol", "Cart", "--workspace", root) == "cart.py:1:7: class Cart\n"
    uses = run_json("index", "references", "add", "--workspace", root)
    assert [(use["path"], use["line"], use["is_definition"]) for use in uses["references"]] == [
        ("cart.py", 4, True),
        ("main.py", 5, False),
    ]
    assert run("index", "search", "return item", "--workspace", root) == "cart.py:5: return item\n"
    assert "class Cart" in run("index", "map", "--workspace", root, "--focus", root / "main.py")
    assert run("index", "search", "nowhere_at_all", "--workspace", root, status=1) == ""


def test_a_build_tells_what_it_did_and_a_second_one_has_nothing_to_do(root: Path) -> None:
    assert "There is no index" in run("index", "status", root)
    built = run_json("index", "build", root)
    assert (built["files"], built["symbols"]) == (2, 3)
    assert built["seconds"] >= built["seconds_to_word_search"] > 0
    assert built["peak_rss_bytes"] > 10_000_000
    assert built["db_bytes"] > 10_000
    again = run_json("index", "build", root)
    assert (again["files"], again["symbols"]) == (2, 3)
    (root / "cart.py").write_text(CART + "\ndef more(): pass\n")
    assert run_json("index", "build", root)["symbols"] == 4
    assert run_json("index", "build", root, "--rebuild")["symbols"] == 4
    status = run_json("index", "status", root)
    assert (status["stage"], status["is_running"], status["files"]) == ("ready", False, 2)


async def test_a_command_waits_for_the_index_of_an_editor(root: Path, window: LspClient) -> None:
    await wait_for_symbol(window, "Cart")
    command = [sys.executable, "-P", "-m", "fimble", "index", "build", str(root)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=True)
    assert "An editor's language server keeps this index up to date." in done.stderr
    rebuild = await asyncio.to_thread(
        subprocess.run, [*command, "--rebuild"], capture_output=True, text=True, timeout=60, check=False
    )
    assert rebuild.returncode == 1
    assert "An editor is using this index" in rebuild.stderr
    assert len(index_processes(root)) == 1


@pytest.mark.slow
def test_an_interrupted_build_says_so_and_leaves_what_can_be_used(root: Path) -> None:
    for number in range(1_500):
        (root / f"m{number}.py").write_text(f"def function_{number}(): pass\n" * 200)
    command = [sys.executable, "-P", "-m", "fimble", "index", "build", str(root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 20
    while not index_processes(root) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Stopped. What is indexed so far is kept" in told
    assert index_processes(root) == []
    assert run_json("index", "build", root)["files"] == 1_502


@pytest.mark.slow
def test_the_benchmark_measures_without_changing_anything(root: Path) -> None:
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    figures = run_json("bench", "index", root, "--quick")
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before
    for name in ("cold_seconds", "raw_parse_seconds", "word_search_seconds", "warm_seconds", "peak_rss_bytes"):
        assert figures[name] > 0
    assert (figures["files"], figures["parsed_files"], figures["save_ms"]["lost"]) == (2, 2, 0)
    assert {"p50", "p95"} <= set(figures["save_ms"])
    assert {"p50", "p95", "max"} <= set(figures["keystroke_ms"])
    assert {"definition", "prefix", "map", "similar", "references"} <= set(figures["queries_ms"])
