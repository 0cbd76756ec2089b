"""`fimble bench server` with a real server, index and scripted engine: every key answered, nothing left over."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

COMMAND = [sys.executable, "-P", "-m", "fimble", "bench", "server"]
TYPED = "def total(first, second):\n    value = first + second\n    return value\n\n\n" * 30


def bench(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, "--keys", "55", "--gap", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_every_key_is_answered_with_and_without_an_index_and_the_report_says_how_to_repeat_it(
    place: Path, tmp_path: Path
) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    done = bench("--files", "30", "--runs", "2", "--json", "--out", str(out), "--folder", str(kept))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    for name in ("ready", "suggestion", "without_index"):
        row = result[name]
        assert (row["reply"]["n"], row["failed"]) == (55, 0)
        # Unasked, what the model is not sure of, or what makes no sense, is not shown.
        assert 0 < row["shown"] <= 55
        # Two places are 50 and 5 keys.
        assert row["first_at_place"]["n"] == 2
        assert 0 < row["reply"]["p50_ms"] <= row["reply"]["p99_ms"] <= row["reply"]["max_ms"]
        assert result["spread"][name]["min"]["reply"]["p50_ms"] <= row["reply"]["p50_ms"]
    assert (result["suggestion"]["outside_feature"]["n"], result["ready"]["outside_feature"]["n"]) == (55, 0)
    # What is built so soon may be ready before the first key.
    assert 0 <= result["building"]["reply"]["n"] <= 55
    assert result["index"]["files"] == 30
    assert len(result["runs"]) == 2
    for name in ("build", "commit", "libraries", "machine", "load", "started"):
        assert name in result
    assert result["settings"]["seed"] == 1
    page = (out / "server.md").read_text("utf-8")
    assert "| ghost text, index ready | 55 |" in page
    assert "Goal: p99 of at most 15 ms" in page
    assert json.loads((out / "server.json").read_text("utf-8"))["ready"] == result["ready"]
    assert (kept / "workspace-30-1" / "package_000").is_dir()


def test_a_folder_of_ones_own_is_typed_in_and_stays_as_it_is(place: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    root.mkdir()
    (root / "typed.py").write_text(TYPED, encoding="utf-8")
    done = bench(str(root), "--no-building", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["ready"]["reply"]["n"], "building" in result) == (55, False)
    assert result["settings"]["typed_in"] == [{"path": "typed.py", "lines": 150}]
    assert (root / "typed.py").read_text(encoding="utf-8") == TYPED
    assert [path.name for path in root.iterdir()] == ["typed.py"]


def test_a_folder_with_nothing_to_type_in_is_told(place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = bench(str(tmp_path / "empty"), "--json")
    assert done.returncode == 1
    assert "no Python or TypeScript file" in json.loads(done.stdout)["error"]


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_neither_processes_nor_folders(place: Path, number: signal.Signals) -> None:
    # Short enough for a socket's path.
    temporary = place.parent / "t"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = [*COMMAND, "--files", "30", "--keys", "5", "--gap", "0", "--no-building"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stderr is not None
        for line in child.stderr:
            # Once it is ready nothing is typed for three seconds.
            if "waiting for the index" in line:
                break
        deadline = time.monotonic() + 30
        those: list[psutil.Process] = []
        while not {"lsp", "fimble.index.process"} <= {word for one in those for word in command_of(one)}:
            assert time.monotonic() < deadline, those
            time.sleep(0.02)
            those = psutil.Process(child.pid).children(recursive=True)
        child.send_signal(number)
        child.communicate(timeout=60)
    assert child.returncode != 0
    _, alive = psutil.wait_procs(those, timeout=20)
    assert alive == []
    deadline = time.monotonic() + 20
    while list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(temporary.iterdir()) == []
