"""Asks git which files of a work tree it tracks and which it does not ignore.

Which tracked files have changed is decided here, by the times and sizes in git's index: the commands that tell
also compare contents, for which they run programs that the repository names.
"""

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

from fimble.index.files.git import run_git
from fimble.index.files.repository import Repository

_BLOB_ID_LENGTH: Final = 40
_NS_PER_S: Final = 1_000_000_000
_LOW_32_BITS: Final = 0xFFFFFFFF
# What `git ls-files -z --stage --debug` prints for each path; the layout is as old as git 1.8.
_STAGED: Final = re.compile(
    rb"(\d+) ([0-9a-f]+) (\d)\t([^\0]*)\0"
    rb"  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n  dev: \d+\tino: (\d+)\n  uid: \d+\tgid: \d+\n"
    rb"  size: (\d+)\tflags: [0-9a-f]+\n"
)
_STAGED_BRIEFLY: Final = re.compile(rb"(\d+) ([0-9a-f]+) (\d)\t([^\0]*)\0()()()()()()")


class Staged(NamedTuple):
    """An entry of git's index, as git prints it; the numbers are empty where it does not print them."""

    mode: bytes
    blob_id: bytes
    stage: bytes
    path: bytes
    ctime_s: bytes
    ctime_ns: bytes
    mtime_s: bytes
    mtime_ns: bytes
    inode: bytes
    size: bytes

    @property
    def is_submodule(self) -> bool:
        """Whether the path is a folder with a repository of its own."""
        return self.mode == b"160000"


@dataclass(frozen=True, slots=True)
class WorkTree:
    """What git says about a folder of a work tree; paths are relative to that folder."""

    staged: list[Staged]
    others: list[str]
    """Files that git does not track and does not ignore; repositories inside end with a slash."""
    index_mtime_ns: int

    def unchanged_blob_id(self, entry: Staged, status: os.stat_result) -> str | None:
        """Returns git's name for the content of a file with this status, or None when it may have changed."""
        mtime_ns = status.st_mtime_ns
        if (
            # What was changed just after the index was written can have the same time and size (gitformat-index).
            mtime_ns < self.index_mtime_ns
            and entry.size
            and mtime_ns == int(entry.mtime_s) * _NS_PER_S + int(entry.mtime_ns)
            and status.st_size & _LOW_32_BITS == int(entry.size)
            and status.st_ino & _LOW_32_BITS == int(entry.inode)
            and status.st_ctime_ns == int(entry.ctime_s) * _NS_PER_S + int(entry.ctime_ns)
            and entry.stage == b"0"
            and len(entry.blob_id) == _BLOB_ID_LENGTH
        ):
            return entry.blob_id.decode("ascii")
        return None


def ask_git(
    folder: str, repository: Repository, *, environment: Mapping[str, str] = os.environ, timeout_s: float
) -> WorkTree | None:
    """Returns what git says about a folder of a repository, or None where it does not answer."""

    def ask(*arguments: str) -> bytes | None:
        output = run_git(arguments, folder, environment=environment, timeout_s=timeout_s)
        return output.data if output.is_complete else None

    try:
        index_mtime_ns = os.stat(f"{repository.git_dir}/index").st_mtime_ns
    except OSError:
        index_mtime_ns = 0
    with ThreadPoolExecutor(max_workers=3) as executor:
        asked_top = executor.submit(ask, "rev-parse", "--show-toplevel")
        asked_staged = executor.submit(ask, "ls-files", "-z", "--stage", "--debug")
        asked_others = executor.submit(ask, "ls-files", "-z", "--others", "--exclude-standard")
        top, staged, others = asked_top.result(), asked_staged.result(), asked_others.result()
    if top is None or staged is None or others is None:
        return None
    if os.path.realpath(os.fsdecode(top.removesuffix(b"\n"))) != os.path.realpath(repository.top):
        return None  # The repository's configuration speaks of another folder.
    entries = _STAGED.findall(staged)
    if len(entries) != staged.count(b"\0"):
        # Another layout: go without what git knows of unchanged files.
        entries = _STAGED_BRIEFLY.findall(ask("ls-files", "-z", "--stage") or b"")
    return WorkTree(
        [Staged._make(entry) for entry in entries],
        [os.fsdecode(path) for path in others.split(b"\0") if path],
        index_mtime_ns,
    )
