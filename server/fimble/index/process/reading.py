"""Reads a file as the index wants it: its text, which content that is, and the language it is to be parsed as."""

import os
import stat
from typing import NamedTuple

from fimble.index.files.notebook import NOTEBOOK_SUFFIX
from fimble.index.files.source import Skipped, Source, is_vendored, language_of, read_source
from fimble.index.store.schema import FileFlag

Stat = tuple[int, int, int]
"""Size, mtime in nanoseconds, inode."""


class FileText(NamedTuple):
    """A file that can be read. `language` is empty where it is not to be parsed; `hash` is git's name, 20 bytes."""

    text: bytes
    hash: bytes
    language: str
    stat: Stat
    flags: int
    is_notebook: bool


class NoText(NamedTuple):
    """A file that is not read, and why; without `stat` it is gone."""

    reason: str
    stat: Stat | None


def read_file(root: str, path: str) -> FileText | NoText:
    """Reads the file at `path`, relative to `root`."""
    source = read_source(root, path)
    if isinstance(source, Skipped):
        return NoText(source.value, _stat(f"{root}/{path}"))
    language = language_of(path, source.text) if source.is_parseable else None
    return FileText(
        source.text,
        source.content_id,
        language.name if language is not None else "",
        (source.size, source.mtime_ns, source.inode),
        _flags(source),
        path.endswith(NOTEBOOK_SUFFIX),
    )


def flags_of_path(path: str) -> int:
    """Returns what the path alone says of a file."""
    return FileFlag.VENDORED if is_vendored(path) else 0


def _flags(source: Source) -> int:
    return FileFlag.GENERATED * source.is_generated | FileFlag.VENDORED * source.is_vendored


def _stat(path: str) -> Stat | None:
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ino) if stat.S_ISREG(status.st_mode) else None
