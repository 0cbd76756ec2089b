"""A model for a GPU on a machine without one: the default model writes, and one line says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_real_model import DOCUMENT

GPU_MODEL = "qwen2.5-coder-7b-exl2-4.25"
NOTICE = (
    "No NVIDIA card answers on this machine. qwen2.5-coder-0.5b runs on the CPU instead of qwen2.5-coder-7b-exl2-4.25."
)


def fimble(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command where no program of a driver can be found."""
    config = tmp_path / "config.toml"
    config.write_text(f'model = "{GPU_MODEL}"\n[gpu]\ncontext = "4k"\n', "utf-8")
    environment = os.environ | {"PATH": str(tmp_path), "FIMBLE_CONFIG": str(config)}
    command = [sys.executable, "-m", "fimble", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


@pytest.mark.model
@pytest.mark.usefixtures("default_model", "place")
def test_the_default_model_writes_instead_and_it_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "stats.py"
    before, after = DOCUMENT.split("$0")
    file.write_text(before + after, "utf-8")
    row, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    done = fimble(tmp_path, "complete", f"{file}:{row}:{column}", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["model"], answer["text"][:2]) == ("qwen2.5-coder-0.5b", "m(")
    assert done.stderr.count(NOTICE) == 1
    status = json.loads(fimble(tmp_path, "engine", "status", "--json").stdout)
    assert (status["model"], status["asked_model"], status["message"]) == ("qwen2.5-coder-0.5b", GPU_MODEL, NOTICE)
    # What is set for a GPU does not hold for the model that stands in.
    assert status["context_tokens"] == 16384


def test_a_machine_without_a_gpu_imports_nothing_for_it() -> None:
    program = (
        "import sys; from fimble.cli import backends; from fimble.engine.process import main; "
        "backends.find_model('scripted'); "
        "print(sorted({'torch', 'exllamav2', 'safetensors', 'tokenizers'} & sys.modules.keys()), "
        "'fimble.engine.process.backends.exllamav2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[] True"
