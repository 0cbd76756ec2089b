"""What the resolvers of imports may ask about a workspace, each answer remembered as long as one query runs."""

import posixpath
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from fimble.index.queries.sources import read_inside, stamp_inside
from fimble.index.queries.view import View

SETTINGS_BYTES_MAX: Final = 256 * 1024
MANIFESTS_MAX: Final = 500
_CHILDREN_MAX: Final = 100
_SCANS_MAX: Final = 200

T = TypeVar("T")


class WorkspaceFiles:
    """The files of a view, by their paths. Settings files are read from the disk and parsed once per change."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[str, bool] = {}
        self._settings: dict[tuple[str, object], Any] = {}
        self._named: dict[str, list[str]] = {}
        self.memory: dict[tuple[object, ...], Any] = {}
        """For what a resolver finds out on its way."""

    def existing(self, paths: Iterable[str]) -> set[str]:
        """Returns those of `paths` that are files of the workspace."""
        wanted = set(paths)
        unknown = [path for path in wanted if path not in self._known]
        if unknown:
            found = self._view.reader.existing(unknown)
            for path in unknown:
                self._known[path] = path in found or path in self._view.open_files
        return {path for path in wanted if self._known[path]}

    def has_folder(self, folder: str) -> bool:
        """Returns whether there is a file somewhere under `folder`."""
        return bool(self._view.reader.paths_between(folder + "/", folder + "0", 1))

    def children(self, folder: str, extension: str) -> list[str]:
        """Returns the files with an extension that lie directly in `folder`, some of them if there are very many."""
        low, high = (folder + "/", folder + "0") if folder else ("", "\U0010ffff")
        found: list[str] = []
        for _ in range(_SCANS_MAX):
            paths = self._view.reader.paths_between(low, high, _CHILDREN_MAX)
            for path in paths:
                inner, slash, _ = path[len(folder) + 1 if folder else 0 :].partition("/")
                if slash:
                    # What lies below a folder is skipped with one step: "0" is the character after "/".
                    low = f"{folder}/{inner}0" if folder else f"{inner}0"
                    break
                low = path + "\0"
                if path.endswith(extension):
                    found.append(path)
            if len(paths) == 0 or len(found) >= _CHILDREN_MAX:
                break
        return found

    def named(self, name: str) -> list[str]:
        """Returns the files that are called `name`, shallowest first, some of them if there are very many."""
        if name not in self._named:
            paths = self._view.reader.named([name], MANIFESTS_MAX)
            self._named[name] = sorted(paths, key=lambda path: (path.count("/"), path))
        return self._named[name]

    def defining(self, name: str, limit: int) -> list[str]:
        """Returns files that may define `name`."""
        reader = self._view.reader
        paths = reader.paths_of(reader.defining(name, limit))
        found = [path for some in paths.values() for path in some]
        found.extend(
            path
            for path, opened in self._view.open_files.items()
            if any(symbol.name == name for symbol in opened.symbols.symbols)
        )
        return found

    def settings(self, path: str, parse: Callable[[str], T | None]) -> T | None:
        """Returns what a settings file says, None where it is missing, too large or not to be understood."""
        key = (path, parse)
        if key not in self._settings:
            self._settings[key] = self._parsed(path, parse)
        found: T | None = self._settings[key]
        return found

    def manifests(self, name: str, identity: Callable[[str], str | None]) -> dict[str, str]:
        """Returns the folder of each settings file called `name` by what `identity` says it is called.

        This is remembered until a file of that name comes or goes; who uses an entry checks that it is still true.
        """
        return _manifests(self._view.root, tuple(self.named(name)), identity)

    def _parsed(self, path: str, parse: Callable[[str], T | None]) -> T | None:
        opened = self._view.open_files.get(path)
        if opened is not None:
            return parse(opened.source.decode("utf-8", "replace")) if len(opened.source) <= SETTINGS_BYTES_MAX else None
        stamp = stamp_inside(self._view.root, path)
        if stamp is None or stamp[0] > SETTINGS_BYTES_MAX:
            return None
        found: T | None = _parsed_file(self._view.root, path, stamp, parse)
        return found


def folder_of(path: str) -> str:
    """Returns the folder of a file, empty for the root."""
    return path.rpartition("/")[0]


def join(folder: str, relative: str) -> str | None:
    """Returns the path of `relative` as seen from `folder`, None where that is outside of the root."""
    if relative.startswith("/") or "\0" in relative or "\\" in relative:
        return None
    path = posixpath.normpath(f"{folder}/{relative}" if folder else relative)
    if path in {".", ""}:
        return ""
    return None if path == ".." or path.startswith(("../", "/")) else path


def ancestors(folder: str) -> list[str]:
    """Returns a folder and all around it, innermost first; the last one is the root, an empty string."""
    found = [folder]
    while folder:
        folder = folder_of(folder)
        found.append(folder)
    return found


def within(folder: str, name: str) -> str:
    """Returns the path of `name` in `folder`."""
    return f"{folder}/{name}" if folder else name


@lru_cache(1024)
def _parsed_file(root: Path, path: str, stamp: tuple[int, int], parse: Callable[[str], Any]) -> Any:
    source = read_inside(root, path, SETTINGS_BYTES_MAX)
    return None if source is None else parse(source.decode("utf-8", "replace"))


@lru_cache(32)
def _manifests(root: Path, paths: tuple[str, ...], identity: Callable[[str], str | None]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        source = read_inside(root, path, SETTINGS_BYTES_MAX)
        name = identity(source.decode("utf-8", "replace")) if source is not None else None
        if name:
            found.setdefault(name, folder_of(path))
    return found
