"""Writes a model folder as Hugging Face lays it out: all of it, or nothing."""

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fimble.errors import DiskFull, FolderUnusable, ModelRefused
from fimble.models.convert.safetensors_file import TensorSource, safetensors_bytes, write_safetensors
from fimble.models.disk import is_full, lacks_space
from fimble.models.memory import human
from fimble.models.progress import Progress, silent


def check_free(folder: Path) -> None:
    """Makes sure that a model may be written to `folder`.

    Raises:
        ModelRefused: it is a file, or has something in it.
    """
    if folder.is_dir():
        if any(folder.iterdir()):
            raise ModelRefused(f"{folder} is not empty; give the name of a new folder, or remove this one.")
    elif os.path.lexists(folder):
        raise ModelRefused(f"{folder} is not a folder; give the name of a new one.")


def write_model(
    folder: Path,
    config: Mapping[str, object],
    tensors: Iterable[TensorSource],
    *,
    tokenizer_json: bytes,
    tokenizer_config: Mapping[str, object],
    generation_config: Mapping[str, object],
    progress: Progress = silent,
) -> int:
    """Writes a model's five files to `folder`, and returns the size of the weights' file in bytes.

    They are written to a folder next to it, which takes its name once it is complete, and is removed when something
    goes wrong or the user stops it. The numbers of the tensors are written as a stream, see `write_safetensors`.

    Raises:
        ModelRefused: see `check_free`.
        DiskFull: there is not enough space.
        FolderUnusable: the folder cannot be made.
    """
    check_free(folder)
    sources = list(tensors)
    needed = safetensors_bytes(sources) + len(tokenizer_json)
    with _whole_or_nothing(folder, needed) as unfinished:
        (unfinished / "tokenizer.json").write_bytes(tokenizer_json)
        for name, content in (
            ("config.json", config),
            ("tokenizer_config.json", tokenizer_config),
            ("generation_config.json", generation_config),
        ):
            text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
            (unfinished / name).write_text(text + "\n", encoding="utf-8")
        return write_safetensors(unfinished / "model.safetensors", sources, progress)


@contextlib.contextmanager
def _whole_or_nothing(folder: Path, needed_bytes: int) -> Iterator[Path]:
    # A link to an empty folder stays, and the folder it leads to is replaced.
    target = Path(os.path.realpath(folder))
    unfinished = target.with_name(f".{target.name[:100]}-{secrets.token_hex(4)}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if lacks_space(target.parent, needed_bytes):
            raise _disk_full(folder, needed_bytes)
        unfinished.mkdir()
    except OSError as error:
        raise FolderUnusable(f"The folder {folder} cannot be made ({error}); give another one.") from error
    try:
        yield unfinished
        unfinished.rename(target)
    except OSError as error:
        if is_full(error):
            raise _disk_full(folder, needed_bytes) from error
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise ModelRefused(f"{folder} was made by someone else meanwhile; give the name of a new folder.") from (
                error
            )
        raise
    finally:
        # Also after Ctrl-C. After the renaming, there is nothing left to remove.
        shutil.rmtree(unfinished, ignore_errors=True)


def _disk_full(folder: Path, needed_bytes: int) -> DiskFull:
    return DiskFull(
        f"The disk is too full: the model in {folder} needs {human(needed_bytes)}; make room, or give a folder on "
        "another disk, then run the command again."
    )
