"""Disk space for model files: asks for it before a download, and names the error when it runs out midway."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from fimble.errors import DiskFull
from fimble.models.memory import human

# EFBIG is a file size limit (ulimit -f): for the user it is the same wall.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def free_bytes(folder: Path) -> int:
    """Returns how many bytes an ordinary user can still write to the disk of `folder`."""
    return shutil.disk_usage(folder).free


def is_full(error: OSError) -> bool:
    """Tells whether `error` means that the disk, the quota or a file size limit is exhausted."""
    return error.errno in _FULL


def lacks_space(folder: Path, needed_bytes: int) -> bool:
    """Tells whether the disk of `folder` is too full for `needed_bytes` more.

    A process that fails on a full disk may not even be able to write down why.
    """
    return free_bytes(folder) < needed_bytes


def disk_full(folder: Path, needed_bytes: int) -> DiskFull:
    """Returns the error that tells how much space is missing, and where."""
    try:
        free = f"{human(free_bytes(folder))} is free"
    except OSError:
        free = "less is free"
    return DiskFull(
        f"The disk is too full: {folder} needs {human(needed_bytes)} more and {free}; "
        "make room, or set FIMBLE_CACHE to a folder on another disk, then run the command again."
    )


def files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yields the regular files below `folder` with their sizes; what vanishes meanwhile is left out.

    Another process may be at work in the folder, which `Path.rglob` does not forgive.
    """
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size


def sync_folder(folder: Path) -> None:
    """Makes renames inside `folder` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
