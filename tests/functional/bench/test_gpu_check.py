"""`scripts/gpu-check` goes through on the CPU, so that it works where there is a card and little time."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "gpu-check"


def gpu_check(work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--work", str(work), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "exllamav2", "gguf", "safetensors")),
    reason="what comes with fimble[gpu] is not installed",
)
def test_a_dry_run_does_all_steps_and_remembers_them(tmp_path: Path) -> None:
    first = gpu_check(tmp_path, "--dry-run", "--quick", "--steps", "environment,build,models,tests")
    assert first.returncode == 0, first.stdout
    second = gpu_check(tmp_path, "--dry-run", "--quick", "--steps", "bench,synthetic")
    assert second.returncode == 0, second.stdout
    table = second.stdout.partition("== Result")[2]
    assert "of a DRY RUN" in table
    assert [line.split()[:2] for line in table.splitlines() if line[:1].isalpha()] == [
        ["environment", "done"],
        ["build", "done"],
        ["models", "done"],
        ["tests", "done"],
        ["bench", "done"],
        ["synthetic", "done"],
    ]
    assert " passed" in table
    assert "SYNTHETIC (random)" in table
    figures = json.loads((tmp_path / "out" / "bench.json").read_text("utf-8"))
    assert [model["model"] for model in figures["models"]] == ["tiny-fp16-synthetic", "tiny-gptq-synthetic"]


def test_a_step_that_fails_is_told_and_does_not_keep_others_from_running(tmp_path: Path) -> None:
    done = gpu_check(tmp_path, "--dry-run", "--steps", "bench,build")
    assert done.returncode == 1
    table = done.stdout.partition("== Result")[2]
    assert "there are no models yet" in table
    assert "a dry run uses a stand-in" in table


@pytest.mark.parametrize("options", [["--steps", "everything"], ["--model", "/no/such.gguf"], ["--wheels", "/no/such"]])
def test_what_cannot_be_meant_is_refused_before_anything_starts(tmp_path: Path, options: list[str]) -> None:
    done = gpu_check(tmp_path / "work", *options)
    assert done.returncode == 2
    assert not (tmp_path / "work").exists()
