"""C's and C++'s includes: beside the file, in an include folder around it, or wherever a path ends like that."""

from typing import Final

from fimble.index.queries.imports.workspace_files import WorkspaceFiles, ancestors, folder_of, join, within
from fimble.index.symbols import Import

_INCLUDE_FOLDERS: Final = ("", "include", "inc", "src")
_ELSEWHERE_MAX: Final = 8


def groups(files: WorkspaceFiles, path: str, import_: Import) -> list[list[str]]:
    """Returns the headers that an include may mean."""
    folder = folder_of(path)
    beside = join(folder, import_.module)
    found = [[beside]] if beside else []
    if join("", import_.module) is None:
        return found
    for around in ancestors(folder):
        for inner in _INCLUDE_FOLDERS:
            candidate = join(within(around, inner) if inner else around, import_.module)
            if candidate:
                found.append([candidate])
    return [*found, _elsewhere(files, folder, import_.module)]


def _elsewhere(files: WorkspaceFiles, folder: str, spelled: str) -> list[str]:
    """Returns headers whose paths end as the include is spelled, those with most of the path in common first."""
    ending = "/" + spelled
    found = [path for path in files.named(spelled.rpartition("/")[2]) if path.endswith(ending)]
    own = folder.split("/")

    def distance(path: str) -> tuple[int, int]:
        folders = path.split("/")[:-1]
        common = next((at for at, (one, other) in enumerate(zip(own, folders, strict=False)) if one != other), len(own))
        return -min(common, len(folders)), len(folders)

    return sorted(found, key=distance)[:_ELSEWHERE_MAX]
