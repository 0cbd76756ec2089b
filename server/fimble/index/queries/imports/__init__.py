"""Imports, resolved to the files of the workspace that they mean: one file per language, this is the registry."""

from collections.abc import Callable, Sequence
from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.queries.imports import c, ecmascript, go, java, python, rust
from fimble.index.queries.imports.workspace_files import WorkspaceFiles
from fimble.index.queries.view import View
from fimble.index.symbols import Import

IMPORTS_MAX: Final = 400

Groups = list[list[str]]
"""Files that an import may mean. Of the first group that has any, those that exist are what it means."""

GroupsOf = Callable[[WorkspaceFiles, str, Import], Groups]

_LANGUAGES: Final[dict[str, GroupsOf]] = {
    "python": python.groups,
    "typescript": ecmascript.groups,
    "tsx": ecmascript.groups,
    "javascript": ecmascript.groups,
    "go": go.groups,
    "rust": rust.groups,
    "java": java.groups,
    "kotlin": java.groups,
    "scala": java.groups,
    "c": c.groups,
    "cpp": c.groups,
}


def resolve(view: View, path: str, import_: Import) -> list[str]:
    """Returns the files that an import of the file `path` means; none where they are not in the workspace."""
    return resolve_all(view, path, [import_])[0]


def resolve_all(
    view: View, path: str, imports: Sequence[Import], files: WorkspaceFiles | None = None
) -> list[list[str]]:
    """Returns for each import what `resolve` returns; imports after the first few hundred mean nothing."""
    language = language_of_path(path)
    groups_of = _LANGUAGES.get(language.name) if language else None
    if groups_of is None:
        return [[] for _ in imports]
    key = "imports", path, tuple(imports)
    if (known := view.memory.get(key)) is None:
        known = view.memory[key] = _resolved(view, path, groups_of, imports, files or files_of(view))
    return [list(found) for found in known]


def files_of(view: View) -> WorkspaceFiles:
    """Returns what is known of the view's files, the same for all questions to it."""
    known: WorkspaceFiles = view.memory.setdefault("files", WorkspaceFiles(view))
    return known


def _resolved(
    view: View, path: str, groups_of: GroupsOf, imports: Sequence[Import], files: WorkspaceFiles
) -> list[list[str]]:
    with view.reader.reading():
        wanted = [groups_of(files, path, import_) for import_ in imports[:IMPORTS_MAX]]
        existing = files.existing(candidate for groups in wanted for group in groups for candidate in group)
    found = [_first_existing(groups, existing, path) for groups in wanted]
    return found + [[] for _ in imports[IMPORTS_MAX:]]


def _first_existing(groups: Groups, existing: set[str], path: str) -> list[str]:
    for group in groups:
        if found := [candidate for candidate in dict.fromkeys(group) if candidate in existing and candidate != path]:
            return found
    return []
