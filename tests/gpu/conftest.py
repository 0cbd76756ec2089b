"""Skips everything without a card, makes the models, and puts ExLlamaV2's extension on the path.

FIMBLE_GPU_MODEL and FIMBLE_GPU_MODEL_GPTQ name model folders, fp16 and GPTQ of the same model. Without them the default
GGUF file is converted where it is there; otherwise small models with random weights take their place, and tests that
need sense are skipped. With FIMBLE_GPU_DRY_RUN the tests run on the CPU with the stand-in for the extension (which has
to be on PYTHONPATH, like a program `nvidia-smi` on PATH): that shows that the tests work, and nothing about a card.
"""

import importlib.util
import os
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from fimble.bench.engine_place import Place, own_place
from fimble.cli.settings import DEFAULT_MODEL
from fimble.errors import ModelError
from fimble.models import store
from fimble.models.catalogue import find_card
from fimble.models.convert.architecture import Architecture, Format
from fimble.models.convert.random_model import write_random_model
from fimble.models.progress import silent

IS_DRY = bool(os.environ.get("FIMBLE_GPU_DRY_RUN"))
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Models:
    """A model as fp16 and as GPTQ. Of random weights (not `is_real`) the two have nothing to do with each other."""

    fp16: Path
    gptq: Path
    is_real: bool


class MakePlace(Protocol):
    """Makes a place for an engine with the fp16 model, or another one."""

    def __call__(self, *options: str, model: Path | None = None) -> AbstractAsyncContextManager[Place]: ...


def obstacle() -> str:
    """Returns why these tests cannot run here; nothing where they can."""
    for package in ("torch", "exllamav2", "safetensors", "tokenizers"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed; it comes with fimble[gpu]"
    if IS_DRY:
        return ""
    import torch

    return "" if torch.cuda.is_available() else "torch finds no NVIDIA card"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    reason = obstacle() if ours else ""
    for item in ours:
        item.add_marker(pytest.mark.gpu)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        elif IS_DRY and "card" in item.fixturenames:
            item.add_marker(pytest.mark.skip(reason="a dry run has no card"))


@pytest.fixture(scope="session", autouse=True)
def extension() -> None:
    """Compiles ExLlamaV2's extension, which takes minutes the first time."""
    if IS_DRY:
        return
    from fimble.engine.process.backends.exl2.extension import ensure_built

    folder = ensure_built(lambda done, total, what: print(f"{what}, {done} of {total}", file=sys.stderr))
    if folder is not None:
        sys.path.insert(0, str(folder))


@pytest.fixture
def card() -> None:
    """Asked for by tests that mean nothing on the CPU."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    named = os.environ.get("FIMBLE_GPU_MODEL", ""), os.environ.get("FIMBLE_GPU_MODEL_GPTQ", "")
    if all(named):
        # Of a real model beside one with random weights, no comparison means anything.
        is_synthetic = any("fimble_synthetic" in (Path(name) / "config.json").read_text("utf-8") for name in named)
        return Models(Path(named[0]), Path(named[1]), is_real=not is_synthetic)
    place = tmp_path_factory.mktemp("models")
    made = Models(place / "fp16", place / "gptq", is_real=not IS_DRY)
    try:
        gguf = None if IS_DRY else store.ready_path(find_card(DEFAULT_MODEL))
    except ModelError:
        gguf = None
    if gguf is None or importlib.util.find_spec("gguf") is None:
        random_model(made.fp16, "fp16")
        random_model(made.gptq, "gptq")
        return Models(made.fp16, made.gptq, is_real=False)
    from fimble.models.convert.convert import convert

    convert(gguf, made.fp16, "fp16")
    convert(gguf, made.gptq, "gptq")
    return made


def random_model(folder: Path, weights: Format) -> None:
    """Writes a model of a few megabytes."""
    from fimble.bench.synthetic import tokenizer_of_words

    architecture = Architecture(
        family="qwen2",
        layers=2,
        hidden=256,
        intermediate=512,
        heads=4,
        kv_heads=2,
        head_dim=64,
        vocabulary=1024,
        context_tokens=8192,
    )
    tokenizer = tokenizer_of_words(architecture.vocabulary)
    write_random_model(folder, architecture, weights, tokenizer_json=tokenizer, eos_token_id=256, progress=silent)


@pytest.fixture
def make_place(models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MakePlace:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("FIMBLE_CONFIG", str(tmp_path / "config.toml"))

    def make(*options: str, model: Path | None = None) -> AbstractAsyncContextManager[Place]:
        return own_place(str(model or models.fp16), options)

    return make
