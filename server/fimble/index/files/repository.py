"""Finds the git repository around a folder by looking at files only, also where git is missing or refuses."""

import os
import stat
from dataclasses import dataclass
from typing import Final

_POINTER_BYTES_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Repository:
    """A git work tree.

    `top` is the work tree's folder, `git_dir` holds HEAD and the index, and `common_dir` what several work trees
    of one repository share. All are absolute paths.
    """

    top: str
    git_dir: str
    common_dir: str


def repository_at(folder: str) -> Repository | None:
    """Returns the repository whose work tree begins at `folder`."""
    git_dir = f"{folder.rstrip('/')}/.git"
    try:
        mode = os.stat(git_dir).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode):
        pointer = read_small_file(git_dir, _POINTER_BYTES_MAX)
        if not pointer.startswith(b"gitdir: "):
            return None
        git_dir = os.path.normpath(os.path.join(folder, os.fsdecode(pointer[8:].rstrip(b"\r\n"))))
    elif not stat.S_ISDIR(mode):
        return None
    common = read_small_file(f"{git_dir}/commondir", _POINTER_BYTES_MAX).rstrip(b"\r\n")
    common_dir = os.path.normpath(os.path.join(git_dir, os.fsdecode(common)))
    if (
        "\0" in git_dir + common_dir
        or not os.path.isfile(f"{git_dir}/HEAD")
        or not os.path.isdir(f"{common_dir}/objects")
    ):
        return None
    return Repository(folder, git_dir, common_dir)


def repository_around(folder: str) -> Repository | None:
    """Returns the innermost repository that holds `folder`, on the same file system."""
    try:
        device = os.stat(folder).st_dev
        while True:
            if (repository := repository_at(folder)) is not None:
                return repository
            parent = os.path.dirname(folder)
            if parent == folder or os.stat(parent).st_dev != device:
                return None
            folder = parent
    except OSError:
        return None


def read_small_file(path: str, bytes_max: int) -> bytes:
    """Returns the content of a regular file that is no link, and nothing for anything else or larger."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > bytes_max:
            return b""
        return os.read(descriptor, bytes_max)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
