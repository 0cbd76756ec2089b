"""Lists the files of a workspace: with git where it can answer, else by walking, with the same result.

Nothing here reads a file of the workspace, and no symbolic link is followed or listed.
"""

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fimble.index.files.conversion import ATTRIBUTES_FILE, Conversion, conversion_in
from fimble.index.files.git import TIMEOUT_S
from fimble.index.files.ignoring import OWN_IGNORE_FILE, Folder, Rules, folders_around
from fimble.index.files.leftovers import CONTROL_FOLDERS
from fimble.index.files.repository import Repository, repository_at
from fimble.index.files.work_tree import WorkTree, ask_git

FILES_MAX: Final = 400_000
# Each repository costs a few processes; a folder with more of them is walked from there on.
_REPOSITORIES_MAX: Final = 200
_UNUSABLE_NAMES: Final = CONTROL_FOLDERS | {"", ".", ".."}
_FILE_TYPE: Final = 0o170000


class FileEntry(NamedTuple):
    """A file as listed; `blob_id` is git's name of its content, where git knows that it has not changed."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    blob_id: str | None


@dataclass(slots=True)
class Listing:
    """The files of a workspace, in no particular order."""

    files: list[FileEntry] = field(default_factory=list)
    is_truncated: bool = False
    """There are more files than were to be listed."""
    repositories: list[Repository] = field(default_factory=list)
    """The repositories for which git answered."""


def list_files(rules: Rules, *, files_max: int = FILES_MAX, git_timeout_s: float = TIMEOUT_S) -> Listing:
    """Lists all files that belong to the workspace, and tells the rules which of them git tracks."""
    lister = _Lister(rules, files_max, git_timeout_s)
    lister.list_all()
    rules.note_tracked(lister.tracked, lister.submodules)
    if rules.is_case_blind:
        lister.listing.files = without_other_cases(lister.listing.files)
    return lister.listing


def entry_of(rules: Rules, path: str) -> FileEntry | None:
    """Returns what a listing would say of one path now, or None when it would not have it."""
    try:
        status = os.lstat(f"{rules.root}/{path}")
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or rules.is_ignored(path):
        return None
    return FileEntry(path, status.st_size, status.st_mtime_ns, status.st_ino, None)


def without_other_cases(files: Iterable[FileEntry]) -> list[FileEntry]:
    """Returns the files without those that are another one in other letters, as git's index can have them."""
    kept: dict[tuple[str, int], FileEntry] = {}
    for entry in files:
        kept.setdefault((entry.path.casefold(), entry.inode), entry)
    return list(kept.values())


class _Lister:
    """One listing while it is made."""

    def __init__(self, rules: Rules, files_max: int, git_timeout_s: float) -> None:
        self.listing = Listing()
        self.tracked: list[str] = []
        self.submodules: list[str] = []
        self._rules = rules
        self._files_max = files_max
        self._git_timeout_s = git_timeout_s
        self._base = rules.root.rstrip("/") + "/"
        # Folders that are still to be listed, those near the root first, and what holds there; or, of those that a walk
        # came by, what holds around them.
        self._waiting: deque[tuple[str, Folder, Repository | None]] = deque()
        self._seen: deque[tuple[str, Folder]] = deque()

    def list_all(self) -> None:
        self._waiting.append(("", self._rules.folder(""), self._rules.repository))
        while (self._waiting or self._seen) and not self.listing.is_truncated:
            if self._seen:
                self._look_into(*self._seen.popleft())
                continue
            path, folder, repository = self._waiting.popleft()
            if repository is None or not self._list_repository(path, repository):
                self._walk(path, folder, _entries(self._base + path))

    def _list_repository(self, path: str, repository: Repository) -> bool:
        """Lists a folder of a repository with git, unless git does not answer."""
        if len(self.listing.repositories) >= _REPOSITORIES_MAX:
            return False
        environment = self._rules.environment
        tree = ask_git(self._base + path, repository, environment=environment, timeout_s=self._git_timeout_s)
        if tree is None:
            return False
        self.listing.repositories.append(repository)
        prefix = f"{path}/" if path else ""
        self._add_tracked(prefix, tree, repository)
        self._add_others(prefix, tree.others)
        return True

    def _add_tracked(self, prefix: str, tree: WorkTree, repository: Repository) -> None:
        rules, base, lstat = self._rules, self._base, os.lstat
        paths = [prefix + os.fsdecode(entry.path) for entry in tree.staged]
        folders = sorted(folders_around(paths))
        unusable = self._unusable(folders)
        # Ignore files of our own are rare: most often no path needs a look.
        has_own_rules = any(os.path.lexists(f"{base}{folder}/{OWN_IGNORE_FILE}") for folder in ("", *folders))
        conversion = self._conversion(paths, repository)
        is_converting = conversion.is_everywhere or bool(conversion.layers)
        files, tracked, blob_id_of = self.listing.files, self.tracked, tree.unchanged_blob_id
        previous = ""
        for path, entry in zip(paths, tree.staged, strict=True):
            if path == previous:
                continue  # Another side of a conflict.
            previous = path
            if entry.is_submodule:
                self._add_submodule(path)
                continue
            try:
                status = lstat(base + path)
            except (OSError, ValueError):
                continue
            if status.st_mode & _FILE_TYPE != stat.S_IFREG or (unusable and path.rpartition("/")[0] in unusable):
                continue
            if has_own_rules and rules.refuses(rules.folder(path.rpartition("/")[0]), path):
                continue
            if len(files) >= self._files_max:
                self.listing.is_truncated = True
                return
            blob_id = blob_id_of(entry, status)
            if is_converting and blob_id is not None and conversion.concerns(base + path):
                blob_id = None
            tracked.append(path)
            files.append(FileEntry(path, status.st_size, status.st_mtime_ns, status.st_ino, blob_id))

    def _add_submodule(self, path: str) -> None:
        self.submodules.append(path)
        repository = repository_at(self._base + path)
        parent, _, name = path.rpartition("/")
        if repository is None or not _UNUSABLE_NAMES.isdisjoint(path.split("/")):
            return  # Not checked out, or an index that no git wrote.
        folder = self._rules.enter(self._rules.folder(parent), path, name, None)
        if not folder.is_refused:
            self._waiting.append((path, folder._replace(is_ignored=False), repository))

    def _add_others(self, prefix: str, others: Iterable[str]) -> None:
        rules = self._rules
        for other in others:
            path = prefix + other.removesuffix("/")
            parent, _, name = path.rpartition("/")
            folder = rules.folder(parent)
            if other.endswith("/"):
                if rules.ignores(folder, path, name, is_folder=True):
                    continue
                inner = rules.enter(folder, path, name, None)
                self._waiting.append((path, inner, repository_at(self._base + path)))
            elif not rules.ignores(folder, path, name):
                try:
                    status = os.lstat(self._base + path)
                except (OSError, ValueError):
                    continue
                if stat.S_ISREG(status.st_mode):
                    self._add(path, status)

    def _look_into(self, path: str, around: Folder) -> None:
        """Lists a folder that a walk came by."""
        entries = _entries(self._base + path)
        names = {entry.name for entry in entries}
        folder = self._rules.enter_wanted(around, path, names)
        if folder.is_ignored:
            return
        repository = repository_at(self._base + path) if ".git" in names else None
        if repository is None or not self._list_repository(path, repository):
            self._walk(path, folder, entries)

    def _walk(self, path: str, folder: Folder, entries: Iterable[os.DirEntry[str]]) -> None:
        """Lists the files in one folder, and notes the folders in it."""
        prefix = f"{path}/" if path else ""
        ignores = self._rules.ignores
        for entry in entries:
            name = entry.name
            inner_path = prefix + name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not ignores(folder, inner_path, name, is_folder=True):
                        self._seen.append((inner_path, folder))
                elif entry.is_file(follow_symlinks=False) and not ignores(folder, inner_path, name):
                    self._add(inner_path, entry.stat(follow_symlinks=False))
            except OSError:
                continue  # It vanished.

    def _add(self, path: str, status: os.stat_result) -> None:
        if len(self.listing.files) >= self._files_max:
            self.listing.is_truncated = True
        else:
            self.listing.files.append(FileEntry(path, status.st_size, status.st_mtime_ns, status.st_ino, None))

    def _unusable(self, folders: Iterable[str]) -> set[str]:
        """Returns the folders (sorted) that are links, are inside of one or have an impossible name."""
        unusable: set[str] = set()
        for folder in folders:
            parent, _, name = folder.rpartition("/")
            try:
                is_real = name not in _UNUSABLE_NAMES and stat.S_ISDIR(os.lstat(self._base + folder).st_mode)
            except (OSError, ValueError):
                is_real = False
            if not is_real or parent in unusable:
                unusable.add(folder)
        return unusable

    def _conversion(self, paths: Iterable[str], repository: Repository) -> Conversion:
        inside = [self._base + path for path in paths if path.endswith(ATTRIBUTES_FILE)]
        above = [f"{folder}/{ATTRIBUTES_FILE}" for folder in _folders_between(repository.top, self._base.rstrip("/"))]
        return conversion_in(repository, above + inside, environment=self._rules.environment)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (OSError, ValueError):
        return []


def _folders_between(top: str, folder: str) -> Iterator[str]:
    """Returns `folder` and the folders above it up to `top`, if it is inside of it."""
    while folder.startswith(top.rstrip("/") + "/"):
        yield folder
        folder = folder.rpartition("/")[0]
    yield top.rstrip("/")
