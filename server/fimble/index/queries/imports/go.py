"""Go's imports: a package is a folder of the module that its path starts with."""

import re
from dataclasses import dataclass
from typing import Final

from fimble.index.queries.imports.workspace_files import WorkspaceFiles, ancestors, folder_of, join, within
from fimble.index.symbols import Import

_MODULE: Final = re.compile(r"^[ \t]*module[ \t]+\"?([^\s\"]+)", re.MULTILINE)
_REPLACE: Final = re.compile(
    r"^[ \t]*(?:replace[ \t]+)?([^\s=>(]+)(?:[ \t]+v\S+)?[ \t]*=>[ \t]*(\.\.?/\S*)", re.MULTILINE
)
_USE: Final = re.compile(r"^[ \t]*(?:use[ \t]+)?(\.\S*)[ \t]*(?://.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Module:
    path: str
    replaced: tuple[tuple[str, str], ...]


def groups(files: WorkspaceFiles, path: str, import_: Import) -> list[list[str]]:
    """Returns the files of the package that an import names, without its tests."""
    for module, folder in _modules(files, folder_of(path)):
        if import_.module != module and not import_.module.startswith(module + "/"):
            continue
        package = join(folder, import_.module[len(module) + 1 :] or ".")
        if package is not None:
            found = [file for file in files.children(package, ".go") if not file.endswith("_test.go")]
            if found:
                return [found]
    return []


def _modules(files: WorkspaceFiles, folder: str) -> list[tuple[str, str]]:
    """Returns paths and folders of the modules that a file in `folder` can import, its own first."""
    key = (_modules, folder)
    if key not in files.memory:
        files.memory[key] = _find_modules(files, folder)
    known: list[tuple[str, str]] = files.memory[key]
    return known


def _find_modules(files: WorkspaceFiles, folder: str) -> list[tuple[str, str]]:
    around = ancestors(folder)
    existing = files.existing(within(one, name) for one in around for name in ("go.mod", "go.work"))
    found: list[tuple[str, str]] = []
    for one in around:
        if within(one, "go.mod") in existing and (module := files.settings(within(one, "go.mod"), _module)):
            found.append((module.path, one))
            for replaced, relative in module.replaced:
                if (target := join(one, relative)) is not None:
                    found.append((replaced, target))
            break
    for one in around:
        if within(one, "go.work") in existing and (used := files.settings(within(one, "go.work"), _used)):
            for relative in used:
                home = join(one, relative)
                if home is not None and (module := files.settings(within(home, "go.mod"), _module)):
                    found.append((module.path, home))
            break
    found.extend(files.manifests("go.mod", _module_path).items())
    # The longest path wins: a module may lie inside of another one.
    return sorted(dict.fromkeys(found), key=lambda entry: -len(entry[0]))


def _module(text: str) -> _Module | None:
    match = _MODULE.search(text)
    return _Module(match[1], tuple((found[1], found[2]) for found in _REPLACE.finditer(text))) if match else None


def _module_path(text: str) -> str | None:
    match = _MODULE.search(text)
    return match[1] if match else None


def _used(text: str) -> tuple[str, ...]:
    return tuple(match[1] for match in _USE.finditer(text))
