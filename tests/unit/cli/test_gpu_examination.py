"""What the doctor says of the graphics card: everything that is missing, and one thing to do."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fimble.cli.examination import Finding, Result
from fimble.cli.gpu_examination import examine_exllamav2, examine_gpu
from fimble.engine.process.backends.exl2.extension import ensure_built
from tests.unit.engine.exl2.machines import program, torch, whole_machine

BUILD = """
import os, pathlib
folder = pathlib.Path(os.environ["TORCH_EXTENSIONS_DIR"]) / "exllamav2_ext"
folder.mkdir()
(folder / "exllamav2_ext.so").write_bytes(b"library")
"""
GPU_MODEL = "qwen2.5-coder-7b-exl2-4.25"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIMBLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("FIMBLE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def choose(tmp_path: Path, model: str) -> None:
    (tmp_path / "config.toml").write_text(f'model = "{model}"\n')


def answering(**answer: Any) -> list[str]:
    """Returns a command that tells what it was asked on stderr, and answers."""
    whole = {"torch": "2.11.0+cu130", "cuda": True, "kernels": True} | answer
    return [sys.executable, "-c", f"print('noise'); print({json.dumps(whole)!r})"]


def test_a_machine_without_a_card_runs_on_the_cpu(tmp_path: Path) -> None:
    choose(tmp_path, GPU_MODEL)
    says = "no NVIDIA card; the model runs on the CPU"
    assert examine_gpu(str(tmp_path / "absent")) == Finding(what="GPU", result=Result.MISSING, says=says)
    machine = replace(whole_machine(tmp_path), devices=())
    assert examine_exllamav2(machine) == Finding(what="ExLlamaV2", result=Result.MISSING, says=says)


def test_a_card_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "#!/bin/sh\necho '0, GPU-3b1c, 580.65.06, 9.0, NVIDIA H200, 143771, 143000'\n"
    smi = str(program(tmp_path / "smi", script))
    found = examine_gpu(smi)
    assert found.result is Result.GOOD
    assert found.says.startswith("NVIDIA H200, ")
    assert found.says.endswith("compute capability 9.0, driver 580.65.06")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    hidden = examine_gpu(smi)
    assert hidden.result is Result.MISSING
    assert "CUDA_VISIBLE_DEVICES" in hidden.says


@pytest.mark.parametrize(("model", "result"), [(GPU_MODEL, Result.BAD), ("qwen2.5-coder-0.5b", Result.MISSING)])
def test_what_is_missing_is_a_fault_only_for_a_model_that_needs_it(tmp_path: Path, model: str, result: Result) -> None:
    choose(tmp_path, model)
    broken = examine_gpu(str(program(tmp_path / "smi", "#!/bin/sh\nexit 9\n")))
    assert broken.result is result
    machine = whole_machine(tmp_path)
    (tmp_path / "bin/ninja").unlink()
    (tmp_path / "bin/c++").unlink()
    found = examine_exllamav2(machine, answering())
    assert found.result is result
    assert found.says == "no program ninja; no C++ compiler c++"
    assert found.advice.endswith("Run: pip install ninja")
    assert found.advice.startswith("For GPU models only: ") is (result is Result.MISSING)
    torch(tmp_path / "site-packages", "2.13.0+cpu", None)
    assert "built without CUDA" in examine_exllamav2(machine, answering()).says


def test_a_machine_that_has_all_is_told_when_it_compiles(tmp_path: Path) -> None:
    machine = replace(whole_machine(tmp_path), cores=4)
    found = examine_exllamav2(machine, answering())
    assert found.result is Result.GOOD
    assert found.says.startswith(
        "0.3.2 with torch 2.11.0+cu130, will be compiled on first use (about 4 minutes); flash-attn is not installed"
    )
    ensure_built(lambda *_: None, machine=machine, command=[sys.executable, "-c", BUILD])
    found = examine_exllamav2(machine, answering())
    assert found.result is Result.GOOD
    assert "extension built (compiled in" in found.says


def test_the_extension_is_imported_only_once_it_is_there(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    asked = tmp_path / "asked"
    script = (
        f"import os, sys; open({str(asked)!r}, 'w').write(sys.argv[1] + ' ' + os.environ.get('PYTHONPATH', ''))\n"
        'print(\'{"cuda": true, "kernels": true, "torch": "2"}\')'
    )
    command = [sys.executable, "-c", script]
    assert examine_exllamav2(machine, command).result is Result.GOOD
    assert asked.read_text().startswith("unbuilt"), "importing would compile for minutes"
    place = ensure_built(lambda *_: None, machine=machine, command=[sys.executable, "-c", BUILD])
    assert examine_exllamav2(machine, command).result is Result.GOOD
    assert asked.read_text().startswith(f"built {place}")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (answering(cuda=False), "torch 2.11.0+cu130 reaches no card"),
        (answering(kernels=False), "torch 2.11.0+cu130 has no kernels for this card"),
        ([sys.executable, "-c", "raise ImportError('undefined symbol: _ZN3c10')"], "undefined symbol: _ZN3c10"),
        ([sys.executable, "-c", "import os; os.abort()"], "ended with status -6"),
        ([sys.executable, "-c", "print('[]')"], "cannot be imported"),
        (["/nowhere/python"], "No such file"),
    ],
)
def test_what_cannot_run_although_it_is_there_is_told(tmp_path: Path, command: list[str], says: str) -> None:
    choose(tmp_path, GPU_MODEL)
    found = examine_exllamav2(whole_machine(tmp_path), command)
    assert found.result is Result.BAD
    assert says in found.says
    assert found.advice
