"""Python's imports: packages and modules below any folder that may be on the path of a program in the workspace."""

from collections.abc import Iterator
from typing import Final

from fimble.index.queries.imports.workspace_files import WorkspaceFiles, ancestors, folder_of, within
from fimble.index.symbols import Import

_ROOT_FOLDERS: Final = ("", "src", "lib", "python")
_COLLECTIONS: Final = ("", "packages", "libs", "projects")
_DEPTH_MAX: Final = 12


def groups(files: WorkspaceFiles, path: str, import_: Import) -> list[list[str]]:
    """Returns what an import may mean: the submodule that it names, and the module that it takes a name from."""
    module = import_.module.replace(" ", "")
    dots = len(module) - len(module.lstrip("."))
    segments = [segment for segment in module[dots:].split(".") if segment]
    if not all(map(_is_segment, segments)):
        return []
    if dots:
        folders = ancestors(folder_of(path))
        return [_forms(folders[dots - 1], segments, import_.name)] if dots <= len(folders) else []
    if not segments:
        return []
    return [_forms(root, segments, import_.name) for root in _roots_of(files, folder_of(path), segments[0])]


def _forms(root: str, segments: list[str], name: str) -> list[str]:
    base = within(root, "/".join(segments)) if segments else root
    found: list[str] = []
    if name and name != "*" and _is_segment(name):
        inner = within(base, name)
        found += [f"{inner}.py", f"{inner}/__init__.py", f"{inner}.pyi", f"{inner}/__init__.pyi"]
    if segments:
        found += [f"{base}.py", f"{base}/__init__.py", f"{base}.pyi", f"{base}/__init__.pyi"]
    else:
        found += [within(base, "__init__.py"), within(base, "__init__.pyi")]
    return found


def _roots_of(files: WorkspaceFiles, folder: str, top: str) -> list[str]:
    """Returns the folders that hold a package or module `top`, nearest first."""
    key = (_roots_of, folder, top)
    if key not in files.memory:
        roots = list(dict.fromkeys(_possible_roots(files, folder, top)))
        forms = {root: _forms(root, [top], "") for root in roots}
        existing = files.existing(form for some in forms.values() for form in some)
        found = [root for root in roots if not existing.isdisjoint(forms[root])]
        # A namespace package has no file of its own.
        files.memory[key] = found or [root for root in roots if files.has_folder(within(root, top))]
    known: list[str] = files.memory[key]
    return known


def _possible_roots(files: WorkspaceFiles, folder: str, top: str) -> Iterator[str]:
    for around in _program_folders(files, folder):
        for root in _ROOT_FOLDERS:
            yield within(around, root) if root else around
    # Packages that lie side by side, each in a folder of its own.
    projects = list(dict.fromkeys((top, top.replace("_", "-"))))
    for around in (folder_of(folder), *ancestors(folder)[-3:]):
        for collection in _COLLECTIONS:
            for project in projects:
                home = within(within(around, collection) if collection else around, project)
                yield within(home, "src")
                yield home


def _program_folders(files: WorkspaceFiles, folder: str) -> list[str]:
    """Returns the folders around a file that are no packages: from those, programs may import."""
    key = (_program_folders, folder)
    if key not in files.memory:
        around = ancestors(folder)[-_DEPTH_MAX:]
        packages = files.existing(within(one, "__init__.py") for one in around)
        files.memory[key] = [one for one in around if within(one, "__init__.py") not in packages] or [""]
    known: list[str] = files.memory[key]
    return known


def _is_segment(segment: str) -> bool:
    return segment.isidentifier()
