"""The typist with the real language server and a scripted model, and with a llama.cpp that cannot start."""

import json
import os
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from fimble.bench.replay.keys import Buffer, Key, Segment, Session
from fimble.bench.replay.measure import Typed, measure, type_session
from fimble.bench.replay.ours import Fimble
from fimble.bench.replay.peer_engine import PeerSettings, peer_engine
from fimble.bench.replay.plan import make_plan
from fimble.cli.bench_replay import replay
from fimble.errors import EngineUnavailable, ModelRefused

GOLD = "return first_value + second_value"
BEFORE = "def add(first_value, second_value):\n    "


def typed_session() -> Session:
    segments = [
        Segment(buffer=Buffer("a.py", before, "\n"), keys=tuple(Key(sign, 0.4) for sign in GOLD), is_end_known=True)
        for before in (BEFORE, f"# Another.\n{BEFORE}")
    ]
    return Session(name="a", source="test", segments=tuple(segments))


@pytest.fixture
def script(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "script.json"
    lines = [{"when": GOLD[:length], "write": f"{GOLD[length:]}\n"} for length in range(len(GOLD) - 1, 0, -1)]
    file.write_text(json.dumps({"lines": lines, "otherwise": f"{GOLD}\n"}), encoding="utf-8")
    return {"FIMBLE_SCRIPT": str(file)}


async def test_the_language_server_is_typed_with_and_gone_afterwards(
    place: Path, tmp_path: Path, script: dict[str, str]
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    typed = Typed()
    before = {process.pid for process in psutil.Process().children()}
    async with Fimble(workspace, model="scripted", environment=script) as ours:
        await type_session(ours, typed_session(), typed, speed=1)
    figures = typed.figures()
    assert figures.keys >= 2
    assert figures.keys_without == 2 * len(GOLD)
    assert figures.requests == figures.asked > 0
    assert figures.failed == 0
    # The script writes what is typed, so that something of it is shown and right.
    assert figures.shown > 0
    assert figures.accepted > 0
    assert figures.keystrokes_saved is not None
    assert figures.keystrokes_saved > 0
    assert figures.wrong_per_100 == 0
    children = [child for child in psutil.Process().children() if child.pid not in before]
    assert [child for child in children if "lsp" in child.cmdline()] == []


async def test_a_file_that_is_no_model_is_told_and_leaves_no_process(tmp_path: Path) -> None:
    file = tmp_path / "no.gguf"
    file.write_bytes(b"no model")
    with pytest.raises(EngineUnavailable, match="does not start"):
        async with peer_engine(PeerSettings(model_file=str(file), context_tokens=512, threads=1)):
            pass
    assert [child for child in psutil.Process().children() if "peer_engine" in " ".join(child.cmdline())] == []


async def test_a_model_that_llama_cpp_cannot_read_is_refused(place: Path) -> None:
    plan = make_plan(None, split="dev", seed=0, seconds=1)
    with pytest.raises(ModelRefused, match="scripted"):
        await measure(plan, model="scripted", speed=1, runs=1, on_step=lambda _: None)


def test_the_command_says_what_is_wrong_as_json(place: Path, tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(replay)
    (tmp_path / "data").mkdir()
    result = CliRunner().invoke(app, ["--json", "--data", os.fspath(tmp_path / "data")])
    assert result.exit_code == 1
    assert "no recordings" in json.loads(result.stdout)["error"]
