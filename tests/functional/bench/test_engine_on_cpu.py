"""The benchmark of the GPU backend, with the real exllamav2 on the CPU and a card that a program pretends to be."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fimble.bench.engine import Effort, measure_models
from fimble.bench.synthetic import write_synthetic
from fimble.models.convert.architecture import Architecture
from tests.exllamav2_cpu import FOLDER, import_exllamav2

import_exllamav2()

ROOT = Path(__file__).parents[3]
EFFORT = Effort(contexts=(64,), repeats=1, keystrokes=6, typing_context=128, editors=(2,), editor_seconds=1.0)
SMALL = Architecture(
    family="qwen2",
    layers=2,
    hidden=256,
    intermediate=512,
    heads=4,
    kv_heads=2,
    head_dim=64,
    vocabulary=1024,
    context_tokens=1024,
    is_tied=True,
)


@pytest.fixture
def card(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    programs = tmp_path / "programs"
    programs.mkdir()
    shutil.copy(ROOT / "scripts" / "lib" / "fake-nvidia-smi", programs / "nvidia-smi")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    monkeypatch.setenv("FIMBLE_GPU_DRY_RUN", f"bench-{os.getpid()}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return


@pytest.mark.slow
async def test_synthetic_models_are_measured_with_all_that_belongs_to_a_card(card: None, tmp_path: Path) -> None:
    models = []
    for kind in ("exl2", "gptq"):
        models.append(str(tmp_path / f"{kind}-synthetic"))
        write_synthetic(Path(models[-1]), SMALL, kind=kind, bits=4.25)
    found = await measure_models(models, effort=EFFORT, on_step=print)
    assert [figures["error"] for figures in found["models"]] == ["", ""]
    for figures, row in zip(found["models"], found["rows"], strict=True):
        assert (figures["backend"], figures["synthetic"], row["synthetic"]) == ("exllamav2", True, True)
        assert figures["overhead"] > 0
        assert figures["overhead_same_text"]
        assert figures["vram_predicted_bytes"] > 0
        assert row["bound_share"] > 0
        assert figures["keystroke"]["lost"] == figures["editors"][2]["lost"] == 0
        assert figures["keystroke"]["answered"] == 6
