"""Model folders are written as a whole or not at all."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fimble.errors import DiskFull, FolderUnusable, ModelRefused
from fimble.models.convert.model_folder import write_model
from fimble.models.convert.safetensors_file import TensorSource

FILES = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def ones() -> Iterator[np.ndarray]:
    yield np.ones(4, dtype=np.float16)


def write(folder: Path, *tensors: TensorSource) -> int:
    return write_model(
        folder,
        {"hidden_size": 4},
        tensors or [TensorSource("a", (4,), "F16", ones)],
        tokenizer_json=b"{}",
        tokenizer_config={"chat_template": "é"},
        generation_config={"eos_token_id": [1]},
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["new", "empty", "deep", "link"])
def test_a_new_or_empty_folder_gets_all_files(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / ("a/b/c" if kind == "deep" else "out")
    if kind == "empty":
        folder.mkdir()
    if kind == "link":
        (tmp_path / "real").mkdir()
        folder.symlink_to("real")
    size = write(folder)
    assert names(folder) == FILES
    assert size == (folder / "model.safetensors").stat().st_size
    assert json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")) == {"chat_template": "é"}
    assert [name for name in names(folder.parent) if name.startswith(".")] == []
    assert folder.is_symlink() == (kind == "link")


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file, full, dangling = tmp_path / "file", tmp_path / "full", tmp_path / "dangling"
    file.write_text("mine")
    full.mkdir()
    (full / "mine").touch()
    dangling.symlink_to("nowhere")
    before = names(tmp_path)
    for folder, message in ((file, "is not a folder"), (full, "is not empty"), (dangling, "is not a folder")):
        with pytest.raises(ModelRefused, match=message):
            write(folder)
    assert (names(tmp_path), names(full), file.read_text()) == (before, {"mine"}, "mine")


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        (OSError(errno.ENOSPC, "No space left"), DiskFull, "disk is too full.*another disk"),
        (OSError(errno.EIO, "Input/output error"), OSError, "Input/output"),
        (ValueError("broken"), ValueError, "broken"),
    ],
)
def test_nothing_is_left_when_the_writing_fails(
    tmp_path: Path, error: BaseException, expected: type[BaseException], message: str
) -> None:
    seen: list[set[str]] = []

    def fails() -> Iterator[np.ndarray]:
        yield np.ones(2, dtype=np.float16)
        seen.append(names(tmp_path))
        raise error

    with pytest.raises(expected, match=message):
        write(tmp_path / "out", TensorSource("a", (4,), "F16", fails))
    ((unfinished,),) = seen
    assert unfinished.startswith(".out-")
    assert names(tmp_path) == set()


def test_a_folder_that_someone_else_fills_meanwhile_stays_theirs(tmp_path: Path) -> None:
    folder = tmp_path / "out"

    def filled() -> Iterator[np.ndarray]:
        folder.mkdir()
        (folder / "theirs").touch()
        yield from ones()

    with pytest.raises(ModelRefused, match="meanwhile"):
        write(folder, TensorSource("a", (4,), "F16", filled))
    assert names(tmp_path) == {"out"}
    assert names(folder) == {"theirs"}


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(tmp_path: Path) -> None:
    asked: list[str] = []

    def produce() -> Iterator[np.ndarray]:
        asked.append("a")
        yield from ones()

    with pytest.raises(DiskFull, match="make room"):
        write(tmp_path / "out", TensorSource("a", (1 << 40, 1 << 10), "F16", produce))
    assert (asked, names(tmp_path)) == ([], set())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FolderUnusable, match="give another one"):
            write(tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match="give another one"):
        write(tmp_path / "file" / "out")
