"""Imports of Java, and of its neighbours on the same machine: a package is a folder below some source root."""

from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.queries.imports.workspace_files import WorkspaceFiles, ancestors, folder_of, within
from fimble.index.symbols import Import

_EXTENSIONS: Final = (".java", ".kt", ".scala")
_LANGUAGES: Final = frozenset({"java", "kotlin", "scala"})
_ROOTS: Final = (
    "src/main/java",
    "src/main/kotlin",
    "src/main/scala",
    "src/test/java",
    "src/test/kotlin",
    "src",
    "",
)
_DEFINING_MAX: Final = 200
_SEGMENTS_MAX: Final = 20


def groups(files: WorkspaceFiles, path: str, import_: Import) -> list[list[str]]:
    """Returns the file that is called like the type, in a folder that ends as the package says."""
    spelled = import_.module if import_.name in {"", "*"} else f"{import_.module}.{import_.name}"
    is_package = import_.name == "*" or spelled.endswith(".*")
    segments = [segment.strip("` ") for segment in spelled.removesuffix(".*").split(".")]
    if len(segments) > _SEGMENTS_MAX or not all(segment.isidentifier() for segment in segments):
        return []
    found: list[list[str]] = []
    # The last segment may be a member of the type before it, or a type inside of one.
    for length in range(len(segments), max(0, len(segments) - 3), -1):
        found.append(
            [
                within(root, "/".join(segments[:length]) + extension)
                for root in _own_roots(path)
                for extension in _EXTENSIONS
            ]
        )
    if is_package:
        for root in _own_roots(path):
            package = within(root, "/".join(segments))
            for extension in _EXTENSIONS:
                if children := files.children(package, extension):
                    found.append(children)
    else:
        for length in range(len(segments), max(1, len(segments) - 2), -1):
            found.append(_elsewhere(files, segments[: length - 1], segments[length - 1]))
    return found


def _own_roots(path: str) -> list[str]:
    """Returns the source roots that a file's own path suggests."""
    found: list[str] = []
    for around in ancestors(folder_of(path)):
        for root in _ROOTS:
            if root and (around == root or around.endswith("/" + root)):
                home = around[: len(around) - len(root)].rstrip("/")
                found.append(around)
                found.extend(within(home, other) if other else home for other in _ROOTS)
    return list(dict.fromkeys([*found, *ancestors(folder_of(path))]))


def _elsewhere(files: WorkspaceFiles, package: list[str], name: str) -> list[str]:
    """Returns the files that define `name` in a folder that ends as the package does."""
    key = (_elsewhere, name)
    if key not in files.memory:
        files.memory[key] = files.defining(name, _DEFINING_MAX)
    ending = "/" + "/".join(package)
    found: list[str] = []
    for path in files.memory[key]:
        language = language_of_path(path)
        if language and language.name in _LANGUAGES and ("/" + folder_of(path)).endswith(ending):
            found.append(path)
    return sorted(found, key=lambda path: path.rpartition("/")[2].partition(".")[0] != name)
