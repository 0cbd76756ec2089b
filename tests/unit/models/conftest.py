"""A small model whose one file lies in a cache folder of the test's own."""

import hashlib
from pathlib import Path

import pytest

from fimble.models import store
from fimble.models.card import ModelCard, ModelFile

CONTENT = b"GGUF" + bytes(range(256)) * 4


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIMBLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "cache"


@pytest.fixture
def card(cache: Path) -> ModelCard:
    file = ModelFile(name="tiny.gguf", bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    return ModelCard(name="tiny", title="Tiny", licence="MIT", backend="llamacpp", context_tokens=512, files=(file,))


@pytest.fixture
def placed(card: ModelCard) -> Path:
    """The model's file, in its place and not verified yet."""
    path = store.prepare_folder(card) / "tiny.gguf"
    path.write_bytes(CONTENT)
    return path
