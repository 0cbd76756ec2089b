"""`fimble bench engine` as a command: several models in one run, the user's engine left alone, nothing left over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fimble.engine.client.engine import Engine
from tests.conftest import engines_in

COMMAND = [sys.executable, "-P", "-m", "fimble", "bench", "engine"]
QUICK = ["--quick", "--contexts", "64", "--seconds", "1"]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only place for temporary folders, so that one sees what is left."""
    with tempfile.TemporaryDirectory(prefix="fb-", dir="/tmp") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *QUICK, *options], capture_output=True, text=True, timeout=120, check=False)


def left_over(temporary: Path) -> list[str]:
    """Returns the names of folders, and the commands of engines, that a benchmark has left behind."""
    found = [path.name for path in temporary.iterdir()]
    for process in psutil.process_iter(["environ", "cmdline"]):
        place = (process.info["environ"] or {}).get("XDG_RUNTIME_DIR", "")
        if place.startswith(str(temporary)):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


async def test_models_are_measured_side_by_side_and_the_users_engine_is_left_alone(
    place: Path, temporary: Path, tmp_path: Path
) -> None:
    mine = Engine(place, model="scripted", client="test")
    try:
        before = await mine.load()
        out = tmp_path / "figures.json"
        done = await asyncio.to_thread(bench, "--models", "scripted,no-such-model", "--rounds", "2", "--out", str(out))
        after = await mine.status()
        # Its requests would have been counted as uses of the model.
        assert (after.pid, after.clients, engines_in(place)) == (before.pid, 1, [before.pid])
    finally:
        await mine.shut_down()
    figures: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert done.returncode == 1, done.stderr
    assert "no-such-model: There is no model named 'no-such-model'" in done.stdout
    # In turn, so that a disturbance hits all; but what failed is not tried again.
    steps = [line.partition(":")[0] for line in done.stderr.splitlines()]
    assert list(dict.fromkeys(steps)) == [
        "scripted, round 1 of 2",
        "no-such-model, round 1 of 2",
        "scripted, round 2 of 2",
    ]
    (row,) = figures["rows"]
    assert row["context"] >= 60
    assert {"prefill_tps", "decode_tps", "ttft_ms", "bound_share", "vram_bytes"} <= row.keys()
    scripted, unknown = figures["models"]
    assert (scripted["backend"], scripted["error"], unknown["error"] != "") == ("scripted", "", True)
    assert scripted["keystroke"]["answered"] == 2 * 20
    assert [(count, of["lost"]) for count, of in scripted["editors"].items()] == [("2", 0), ("8", 0)]
    assert left_over(temporary) == []


def test_without_names_the_running_engine_is_measured_and_goes_on(place: Path, temporary: Path) -> None:
    Path(os.environ["FIMBLE_CONFIG"]).write_text('model = "scripted"\n', "utf-8")
    done = bench("--json")
    assert done.returncode == 0, done.stderr
    assert [model["model"] for model in json.loads(done.stdout)["models"]] == ["scripted"]
    assert len(engines_in(place)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_neither_processes_nor_folders(
    place: Path, temporary: Path, number: signal.Signals
) -> None:
    with subprocess.Popen([*COMMAND, *QUICK, "--models", "scripted"], stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "8 editors" in line:
                break
        deadline = time.monotonic() + 30
        while not any("engine run" in found for found in left_over(temporary)):
            assert time.monotonic() < deadline, "no engine has started"
            time.sleep(0.02)
        assert any(found.startswith("fimble-bench-") for found in left_over(temporary)), "the folder it runs in"
        child.send_signal(number)
        child.communicate(timeout=30)
    assert child.returncode != 0
    assert left_over(temporary) == []


def test_a_gpu_model_without_a_card_is_told_rather_than_measured_on_the_cpu(
    place: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = bench("--models", "qwen2.5-coder-7b-exl2-4.25")
    assert done.returncode == 1
    assert "qwen2.5-coder-7b-exl2-4.25 cannot run here: No NVIDIA card" in done.stdout


@pytest.mark.parametrize(
    "options",
    [["--contexts", "0"], ["--contexts", "many"], ["--format", "awq"], ["--models", "scripted,scripted"]],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(place: Path, options: list[str]) -> None:
    done = bench("--models", "scripted", *options)
    assert done.returncode == 2
    assert not engines_in(place)


def test_an_unknown_shape_is_refused_with_those_that_there_are(place: Path, temporary: Path) -> None:
    done = bench("--synthetic", "qwen-900b")
    assert done.returncode == 1
    assert "the shapes are qwen2.5-coder-0.5b" in done.stderr
    assert left_over(temporary) == []
