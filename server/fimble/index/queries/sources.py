"""The text of a file as a query sees it: as it is in the editor, or else as it is on the disk."""

import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Final

from fimble.index.files.notebook import cells_of, split_virtual
from fimble.index.files.source import WORDS_BYTES_MAX, Source, read_source
from fimble.index.queries.view import View

_NOTEBOOKS_MAX: Final = 8


def source_of(view: View, path: str) -> bytes | None:
    """Returns the text of a file in UTF-8, None where there is none (any more) that the index would take."""
    opened = view.open_files.get(path)
    if opened is not None:
        return opened.source
    cell = split_virtual(path)
    if cell is None:
        return read_inside(view.root, path, WORDS_BYTES_MAX)
    stamp = stamp_inside(view.root, cell[0])
    return _cells(view.root, cell[0], stamp).get(cell[1]) if stamp else None


def read_inside(root: Path, path: str, bytes_max: int) -> bytes | None:
    """Reads a text file below `root`; links out of it are not followed."""
    source = read_source(_real(root), path, size_max=bytes_max)
    return source.text if isinstance(source, Source) else None


def stamp_inside(root: Path, path: str) -> tuple[int, int] | None:
    """Returns size and time of change of a regular file, to tell whether it is still the same."""
    try:
        status = os.stat(f"{_real(root)}/{path}", follow_symlinks=False)
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


@lru_cache(16)
def _real(root: Path) -> str:
    return os.path.realpath(root)


@lru_cache(_NOTEBOOKS_MAX)
def _cells(root: Path, path: str, _stamp: tuple[int, int]) -> dict[int, bytes]:
    source = read_source(_real(root), path)
    if not isinstance(source, Source):
        return {}
    return {cell.number: cell.source.encode("utf-8", "replace") for cell in cells_of(source.text)}
