"""Rust's use declarations: modules are files below the crate's root, crates are members of the workspace."""

import tomllib
from typing import Final

from fimble.index.queries.imports.workspace_files import WorkspaceFiles, ancestors, folder_of, join, within
from fimble.index.symbols import Import

_CRATE_FILES: Final = ("lib.rs", "main.rs", "mod.rs")
_ROOT_FILES: Final = ("src/lib.rs", "src/main.rs", "lib.rs")
_PROGRAM_FOLDERS: Final = ("bin", "tests", "examples", "benches")
_SEGMENTS_MAX: Final = 12


def groups(files: WorkspaceFiles, path: str, import_: Import) -> list[list[str]]:
    """Returns the file of the longest part of a path that is a module, from the inside out."""
    spelled = f"{import_.module}::{import_.name}" if import_.name and import_.name != "*" else import_.module
    segments = [segment.strip().removeprefix("r#") for segment in spelled.split("::") if segment.strip()]
    if not segments or len(segments) > _SEGMENTS_MAX or any("/" in segment for segment in segments):
        return []
    first = segments[0]
    if first == "crate":
        return _modules(_crate_folder(files, path), segments[1:], _crate_files(files, path))
    if first in {"self", "super"}:
        folder: str | None = _module_folder(path)
        while segments and segments[0] in {"self", "super"}:
            if segments[0] == "super":
                folder = folder_of(folder) if folder else None
            segments = segments[1:]
        return _modules(folder, segments, _own_files(folder)) if folder is not None else []
    # A module declared in this file, or else another crate.
    inner = _modules(_module_folder(path), segments, [])
    home = _crates(files, path).get(first)
    if home is None:
        return inner
    return inner + _modules(within(home, "src"), segments[1:], [within(home, name) for name in _ROOT_FILES])


def _modules(folder: str, segments: list[str], fallback: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for length in range(len(segments), 0, -1):
        base = within(folder, "/".join(segments[:length]))
        found.append([f"{base}.rs", f"{base}/mod.rs"])
    if fallback:
        found.extend([one] for one in fallback)
    return found


def _module_folder(path: str) -> str:
    """Returns the folder that holds the child modules of a file."""
    name = path.rpartition("/")[2]
    return folder_of(path) if name in _CRATE_FILES else path.removesuffix(".rs")


def _own_files(folder: str) -> list[str]:
    """Returns the files that a module with children in `folder` may be."""
    return [f"{folder}.rs", within(folder, "mod.rs"), within(folder, "lib.rs"), within(folder, "main.rs")]


def _crate_folder(files: WorkspaceFiles, path: str) -> str:
    home = _crate_home(files, path)
    if home is None:
        return folder_of(path)
    inside = path[len(home) + 1 if home else 0 :].split("/")
    if inside[0] in _PROGRAM_FOLDERS:
        return within(home, inside[0])
    return within(home, "src")


def _crate_files(files: WorkspaceFiles, path: str) -> list[str]:
    home = _crate_home(files, path)
    return [within(home, name) for name in _ROOT_FILES] if home is not None else []


def _crate_home(files: WorkspaceFiles, path: str) -> str | None:
    """Returns the folder of the nearest Cargo.toml around a file."""
    around = ancestors(folder_of(path))
    existing = files.existing(within(one, "Cargo.toml") for one in around)
    return next((one for one in around if within(one, "Cargo.toml") in existing), None)


def _crates(files: WorkspaceFiles, path: str) -> dict[str, str]:
    home = _crate_home(files, path)
    key = (_crates, home)
    if key not in files.memory:
        crates = dict(files.manifests("Cargo.toml", _crate_name))
        if home is not None:
            for name, relative in files.settings(within(home, "Cargo.toml"), _path_dependencies) or ():
                if (folder := join(home, relative)) is not None:
                    crates[name] = folder
        files.memory[key] = crates
    known: dict[str, str] = files.memory[key]
    return known


def _crate_name(text: str) -> str | None:
    manifest = _toml(text)
    for table in ("lib", "package"):
        entry = manifest.get(table)
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str):
            return name.replace("-", "_")
    return None


def _path_dependencies(text: str) -> tuple[tuple[str, str], ...]:
    manifest = _toml(text)
    found: list[tuple[str, str]] = []
    for table in ("dependencies", "dev-dependencies", "build-dependencies"):
        entries = manifest.get(table)
        if isinstance(entries, dict):
            for name, entry in entries.items():
                relative = entry.get("path") if isinstance(entry, dict) else None
                if isinstance(relative, str):
                    found.append((name.replace("-", "_"), relative))
    return tuple(found)


def _toml(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}
