"""Answers for single paths what `listing` answers for all of them: does this file belong to the workspace?

Ignored is what git ignores (.gitignore, info/exclude, core.excludesFile), what tools leave behind (`leftovers`) and
what a .fimbleignore says; the latter also counts for files that git tracks, and cannot take back what git ignores.
"""

import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from fimble.index.files.git import run_git
from fimble.index.files.leftovers import CONTROL_FOLDERS, LEFTOVERS, MARKS, is_marked, is_output
from fimble.index.files.patterns import Patterns
from fimble.index.files.repository import Repository, read_small_file, repository_around, repository_at

IGNORE_FILE: Final = ".gitignore"
OWN_IGNORE_FILE: Final = ".fimbleignore"
_RULE_NAMES: Final = frozenset({IGNORE_FILE, OWN_IGNORE_FILE, ".git", *MARKS})
_IGNORE_FILE_BYTES_MAX: Final = 1024 * 1024
_CONFIG_TIMEOUT_S: Final = 5.0


class _Layer(NamedTuple):
    """An ignore file's patterns, and how much of an absolute path to cut off for them."""

    cut: int
    patterns: Patterns


class Folder(NamedTuple):
    """What holds for the files in a folder.

    `is_ignored` says that only tracked files in it count, `is_refused` that none do. The layers that speak about
    its files stand with the strongest first.
    """

    is_ignored: bool
    is_refused: bool
    layers: tuple[_Layer, ...]
    own_layers: tuple[_Layer, ...]


_REFUSED: Final = Folder(is_ignored=True, is_refused=True, layers=(), own_layers=())


class Rules:
    """Which paths of a workspace are ignored. Paths are relative to `root`, which is a real path."""

    def __init__(self, root: str | Path, *, environment: Mapping[str, str] = os.environ) -> None:
        self.root: Final = os.path.realpath(root)
        self.environment: Final = environment
        self._prefix = "" if self.root == "/" else self.root
        self._tracked: Container[str] = frozenset()
        self.tracked_folders: frozenset[str] = frozenset()
        self._submodules: Container[str] = frozenset()
        self.reload()

    def reload(self) -> None:
        """Forgets all ignore files that were read."""
        self.is_case_blind = _is_case_blind(self.root)
        self._user_layers: tuple[_Layer, ...] | None = None
        self.repository: Repository | None = repository_around(self.root)
        self._folders: dict[str, Folder] = {"": self._root_folder()}

    def note_tracked(self, files: Iterable[str], submodules: Iterable[str]) -> None:
        """Remembers which paths git tracks: they count although a pattern matches them."""
        tracked = frozenset(files)
        submodules = frozenset(submodules)
        if submodules != self._submodules:
            self._submodules = submodules
            self._folders = {"": self._root_folder()}
        self._tracked = tracked
        self.tracked_folders = folders_around(tracked) | folders_around(submodules) | submodules

    def is_ignored(self, path: str, *, is_folder: bool = False) -> bool:
        """Returns whether a file (or a folder, whatever tracked files it may hold) does not belong to the workspace."""
        if not path:
            return False
        if path.startswith("/") or ".." in path.split("/"):
            return True
        parent, _, name = path.rpartition("/")
        return self.ignores(self.folder(parent), path, name, is_folder=is_folder)

    def must_watch(self, path: str) -> bool:
        """Returns whether files in this folder, or in one below it, may belong to the workspace."""
        folder = self.folder(path)
        return not folder.is_ignored or (path in self.tracked_folders and not folder.is_refused)

    def forget_folder(self, path: str) -> None:
        """Forgets what was read in a folder, because another one may be there now."""
        self._folders.pop(path, None)

    def is_rule_file(self, path: str) -> bool:
        """Returns whether a change of this file changes what is ignored."""
        return path.rpartition("/")[2] in _RULE_NAMES

    def ignores(self, folder: Folder, path: str, name: str, *, is_folder: bool = False) -> bool:
        """Returns whether something in `folder` is ignored; for callers that walk and have the folder at hand."""
        if folder.is_refused or name in CONTROL_FOLDERS:
            return True
        absolute = f"{self._prefix}/{path}"
        if folder.own_layers and _verdict(folder.own_layers, absolute, is_folder=is_folder):
            return True
        if path in (self._submodules if is_folder else self._tracked):
            return False
        if folder.is_ignored:
            return True
        verdict = _verdict(folder.layers, absolute, is_folder=is_folder)
        if verdict is None and is_folder:
            return is_output(absolute)
        return bool(verdict)

    def refuses(self, folder: Folder, path: str) -> bool:
        """Returns whether not even a tracked file at this path counts."""
        return folder.is_refused or bool(_verdict(folder.own_layers, f"{self._prefix}/{path}", is_folder=False))

    def folder(self, path: str) -> Folder:
        """Returns what holds for the files in a folder."""
        # Another thread may reload the rules meanwhile; what was found by the old ones stays with the old ones.
        folders = self._folders
        folder = folders.get(path)
        if folder is not None:
            return folder
        folder = folders[""]
        end = -1
        while end < len(path):
            start = end + 1
            end = path.find("/", start)
            end = len(path) if end < 0 else end
            inner = path[:end]
            known = folders.get(inner)
            if known is None:
                known = folders[inner] = self.enter(folder, inner, path[start:end], None)
            folder = known
        return folder

    def enter(self, parent: Folder, path: str, name: str, names: Container[str] | None) -> Folder:
        """Returns what holds for the files in the folder `name` of `parent`; `names` is what is in it, if known."""
        absolute = f"{self._prefix}/{path}"
        if parent.is_refused or name in CONTROL_FOLDERS or _verdict(parent.own_layers, absolute, is_folder=True):
            return _REFUSED
        if self.ignores(parent, path, name, is_folder=True):
            # Below it only tracked files count, which patterns do not concern.
            own_layers = (*self._read(absolute, OWN_IGNORE_FILE, names), *parent.own_layers)
            return Folder(is_ignored=True, is_refused=False, layers=(), own_layers=own_layers)
        return self.enter_wanted(parent, path, names)

    def enter_wanted(self, parent: Folder, path: str, names: Container[str] | None) -> Folder:
        """Returns the same for a folder that is known not to be ignored by the rules of `parent`."""
        absolute = f"{self._prefix}/{path}"
        own_layers = (*self._read(absolute, OWN_IGNORE_FILE, names), *parent.own_layers)
        layers = parent.layers
        nested = repository_at(absolute) if names is None or ".git" in names else None
        if nested is not None:
            layers = self._repository_layers(nested)
        elif is_marked(absolute, names):
            return Folder(is_ignored=True, is_refused=False, layers=(), own_layers=own_layers)
        found = self._read(absolute, IGNORE_FILE, names)
        return Folder(False, False, (*found, *layers) if found else layers, own_layers)

    def _root_folder(self) -> Folder:
        """Returns what holds at the root, with the ignore files of the folders above it in the same repository."""
        own_layers = self._read(self.root, OWN_IGNORE_FILE, None)
        if self.repository is None:
            layers = (*self._read(self.root, IGNORE_FILE, None), _leftovers_layer())
            return Folder(False, False, layers, own_layers)
        top = self.repository.top
        layers = (*self._read(top, IGNORE_FILE, None), *self._repository_layers(self.repository))
        at = len(top.rstrip("/"))
        while at < len(self.root):
            end = self.root.find("/", at + 1)
            at = len(self.root) if end < 0 else end
            if _verdict(layers, self.root[:at], is_folder=True):
                # Somebody opened a folder that the repository around it has nothing to do with.
                self.repository = None
                return self._root_folder()
            layers = (*self._read(self.root[:at], IGNORE_FILE, None), *layers)
        return Folder(False, False, layers, own_layers)

    def _repository_layers(self, repository: Repository) -> tuple[_Layer, ...]:
        cut = len(repository.top.rstrip("/")) + 1
        exclude = self._patterns(read_small_file(f"{repository.common_dir}/info/exclude", _IGNORE_FILE_BYTES_MAX))
        if self._user_layers is None:
            self._user_layers = tuple(
                _Layer(0, patterns) for patterns in (self._patterns(self._user_excludes(repository)),) if patterns
            )
        user = (_Layer(cut, layer.patterns) for layer in self._user_layers)
        return (*((_Layer(cut, exclude),) if exclude else ()), *user, _leftovers_layer())

    def _user_excludes(self, repository: Repository) -> bytes:
        """Returns the content of the user's own ignore file for all repositories."""
        output = run_git(
            ["config", "--type=path", "--get", "core.excludesFile"],
            repository.top,
            environment=self.environment,
            timeout_s=_CONFIG_TIMEOUT_S,
        )
        path = os.fsdecode(output.data.rstrip(b"\n")) if output.is_complete else ""
        if not path:
            home = self.environment.get("HOME", "")
            settings = self.environment.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
            path = f"{settings}/git/ignore" if settings else ""
        # Dotfiles are often links into a repository; this one is not in the workspace's hands.
        return read_small_file(os.path.realpath(os.path.join(repository.top, path)), _IGNORE_FILE_BYTES_MAX)

    def _read(self, folder: str, name: str, names: Container[str] | None) -> tuple[_Layer, ...]:
        if names is not None and name not in names:
            return ()
        folder = folder.rstrip("/")
        patterns = self._patterns(read_small_file(f"{folder}/{name}", _IGNORE_FILE_BYTES_MAX))
        return (_Layer(len(folder) + 1, patterns),) if patterns else ()

    def _patterns(self, content: bytes) -> Patterns:
        return Patterns(os.fsdecode(content), is_case_blind=self.is_case_blind)


def folders_around(paths: Iterable[str]) -> frozenset[str]:
    """Returns all folders that hold one of `paths`, at any depth."""
    around = {path.rpartition("/")[0] for path in paths}
    waiting = list(around)
    while waiting:
        parent = waiting.pop().rpartition("/")[0]
        if parent not in around:
            around.add(parent)
            waiting.append(parent)
    around.discard("")
    return frozenset(around)


def _verdict(layers: tuple[_Layer, ...], absolute: str, *, is_folder: bool) -> bool | None:
    for cut, patterns in layers:
        verdict = patterns.verdict(absolute[cut:], is_folder=is_folder)
        if verdict is not None:
            return verdict
    return None


def _leftovers_layer() -> _Layer:
    # All of these patterns look at names only, so that it does not matter where the path is cut.
    return _Layer(0, LEFTOVERS)


def _is_case_blind(root: str) -> bool:
    """Returns whether the root's file system takes capitals for small letters."""
    other = os.path.join(os.path.dirname(root), os.path.basename(root).swapcase())
    try:
        return other != root and os.path.samestat(os.lstat(root), os.lstat(other))
    except OSError:
        return False
