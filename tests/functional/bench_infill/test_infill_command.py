"""The whole way: tasks, the scripted engine in its own process, the product's rules, the sandbox, the reports."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from fimble.bench.infill.generation import Generation
from fimble.bench.infill.grading import graded
from fimble.bench.infill.run import Wishes, measure
from fimble.bench.infill.tasks import Part, Split, chosen, read_tasks
from fimble.bench.sandbox.run import Sandbox
from fimble.features.completion.suggestion import Suggestion
from tests.functional.bench_infill.exercises import ROWS, write_rows

COMMAND = [sys.executable, "-P", "-c", "import typer; from fimble.cli.bench_infill import infill; typer.run(infill)"]
SCRIPT = {
    "lines": [
        {"when": "result = number * 2", "write": "    return result\n\nprint(1)\n"},
        {"when": "copy = number", "write": "    result = copy * 3\n"},
    ],
    "otherwise": "    result = number * 2\n    return result\n    return 0\n",
}


@pytest.fixture
def scripted(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tasks; engines write by `SCRIPT`."""
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    monkeypatch.setenv("FIMBLE_SCRIPT", str(tmp_path / "script.json"))
    return write_rows(tmp_path / "tasks", ROWS)


async def run(data: Path, out: Path | None, **wishes: Any) -> dict[str, Any]:
    steps: list[str] = []
    result: dict[str, Any] = await measure(
        "scripted", Wishes(part=Part.ALL, by_hand=True, **wishes), data=data, out=out, on_step=steps.append
    )
    assert "tasks with scripted; at most about" in steps[0]
    return result


async def test_a_run_grades_raw_and_shown_and_says_how_to_repeat_it(scripted: Path, tmp_path: Path) -> None:
    result = await run(scripted, tmp_path / "out")
    scores = result["single-line"]
    # The second task passes either way; the first only once it is cut where the line below follows.
    assert {name: scores[name] for name in ("n", "shown", "silent", "overrun", "lost_by_rules", "won_by_rules")} == {
        "n": 3, "shown": 3, "silent": 0.0, "overrun": 0.0, "lost_by_rules": 0, "won_by_rules": 0,
    }  # fmt: skip
    assert (scores["pass_raw"], scores["pass_post"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (scores["exact_raw"], scores["exact_post"]) == (0.0, pytest.approx(2 / 3))
    assert scores["overrun_raw"] == pytest.approx(2 / 3)
    assert scores["other_prompts"] == 0
    assert result["run"]["model_sha256"] is None
    assert result["run"]["model_sha256_reason"]
    for name in ("build", "commit", "libraries", "machine", "load", "seed", "part", "raw_tokens_max", "sandbox"):
        assert name in result["run"]
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert written["single-line"]["n"] == 3
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| pass, as shown | 66.7% [20.8%, 93.9%] |" in report
    assert "| Qwen2.5-Coder-0.5B (base) | 74.2 % |" in report
    tasks = [json.loads(line) for line in (tmp_path / "out" / "tasks.jsonl").read_text().splitlines()]
    assert [one["post"]["text"] for one in tasks] == [
        "    result = number * 2",
        "    return result",
        "    result = copy * 3",
    ]


async def test_a_stopped_run_goes_on_and_a_finished_one_generates_nothing(scripted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = await run(scripted, out)
    assert (first["run"]["generated"], first["run"]["taken_from_earlier_runs"]) == (3, 0)
    log = out / "generations.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1][:40])
    second = await run(scripted, out)
    assert (second["run"]["generated"], second["run"]["taken_from_earlier_runs"]) == (2, 1)
    third = await run(scripted, out)
    assert third["run"]["generated"] == 0
    assert first["single-line"] == second["single-line"] == third["single-line"]
    # Another cap is another generation.
    assert (await run(scripted, out, tokens_max=9))["run"]["generated"] == 3


@pytest.mark.parametrize(
    ("text", "overrun", "longer"),
    [
        ("    result = number * 2", False, False),
        # The first line alone passes.
        ("    result = number * 2\n    number += 1", True, True),
        # Another shape of the same, of which nothing can go.
        ("    result = number\n    result += number", False, True),
        ("    result = 1\n    number += 1", False, True),
        ("    result = number * 2\n\nprint(double(2))", True, True),
    ],
)
async def test_what_comes_after_a_beginning_that_passes_is_past_the_hole(
    text: str, overrun: bool, longer: bool, tmp_path: Path, sandbox: Sandbox
) -> None:
    task = read_tasks(write_rows(tmp_path, ROWS), Split.SINGLE_LINE)[0]
    generation = Generation(
        task=task.id, prompt="", model="", tokens_max=9, starts_with="", pieces=((text, 9, 0.0),), stop_reason="stop"
    )
    grades = await graded(task, generation, Suggestion(text=text, offset=len(task.before)), False, sandbox)
    assert (grades.post.overrun, grades.post.longer) == (overrun, longer)


def test_without_data_the_command_says_where_to_get_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIMBLE_BENCH_DATA", raising=False)
    done = _run("--json", "--model", "scripted")
    assert done.returncode == 1
    assert "https://github.com/openai/human-eval-infilling (MIT licence)" in json.loads(done.stdout)["error"]
    assert "Traceback" not in done.stderr
    wrong = _run("--split", "x")
    assert wrong.returncode == 2
    assert "'x' is not one of" in wrong.stderr


def test_the_command_prints_one_json_object_with_the_fields_that_others_read(scripted: Path, tmp_path: Path) -> None:
    done = _run("--json", "--model", "scripted", "--data", str(scripted), "--part", "all", "--limit", "2")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)["single-line"]
    assert {"n", "pass_raw", "pass_post", "overrun"} <= set(scores)
    assert scores["n"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_neither_process_nor_folder(
    scripted: Path, tmp_path: Path, place: Path, number: signal.Signals
) -> None:
    slow = json.loads((tmp_path / "script.json").read_text()) | {"decode_tps": 1}
    (tmp_path / "script.json").write_text(json.dumps(slow))
    # Short enough for a socket's path.
    temporary = place.parent / "t"
    temporary.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "--model", "scripted", "--data", str(scripted), "--part", "all"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    assert process.stderr is not None
    assert "tasks with scripted" in process.stderr.readline()
    # The sandbox and its inner process at least, and the engine, which is a session of its own.
    deadline = time.monotonic() + 30
    those: list[psutil.Process] = []
    while len(those) < 3 or len(list(temporary.iterdir())) < 2:
        assert time.monotonic() < deadline, (those, list(temporary.iterdir()))
        time.sleep(0.02)
        those = psutil.Process(process.pid).children(recursive=True)
    assert len(list(temporary.iterdir())) == 2, "the engine's place and the sandbox's folder"
    process.send_signal(number)
    assert process.wait(timeout=30) != 0
    _, alive = psutil.wait_procs(those, timeout=10)
    assert alive == []
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif("FIMBLE_BENCH_DATA" not in os.environ, reason="FIMBLE_BENCH_DATA does not name the data")
@pytest.mark.parametrize("split", list(Split))
async def test_the_golds_pass_and_pass_in_their_place_does_not(split: Split, sandbox: Sandbox) -> None:
    tasks = chosen(read_tasks(None, split), Part.ALL, 60, 1)
    assert [task.id for task in tasks if not (await _outcome(sandbox, task, task.gold))] == []
    stubs = [_stub(task.gold) for task in tasks]
    passing = [task.id for task, stub in zip(tasks, stubs, strict=True) if await _outcome(sandbox, task, stub)]
    # A few lines of the functions are not needed for any test: 1 of 60 is known of single lines.
    assert len(passing) <= 6


def _stub(gold: str) -> str:
    width = max(4, len(gold) - len(gold.lstrip(" ")))
    return "\n" * (gold[:1] == "\n") + " " * width + "pass"


async def _outcome(sandbox: Sandbox, task: Any, text: str) -> bool:
    return (await sandbox.grade(task.filled(text), task.test, task.entry_point)).passed


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, text=True, timeout=120)
