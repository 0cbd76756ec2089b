"""Which files import a file: those that mention its module's name, if an import of theirs leads to it."""

from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.queries.imports import resolve_all
from fimble.index.queries.imports.workspace_files import WorkspaceFiles, folder_of
from fimble.index.queries.name_match import words_of
from fimble.index.queries.nearness import Nearness, family_of
from fimble.index.queries.view import View
from fimble.index.symbols import Import

_POSTINGS_MAX: Final = 3_000
_FILES_MAX: Final = 300
# Files that stand for their folder.
_FOLDER_STEMS: Final = frozenset({"__init__", "index", "mod", "lib", "main"})


def importers(view: View, path: str, limit: int = 100) -> list[str]:
    """Returns files that import the file `path`, nearest first; of a name that is everywhere, only from near by."""
    with view.reader.reading():
        words = module_words(path)
        wanted = [word.lower() for word in words]
        family = family_of(path)
        if not words or family is None:
            return []
        mentioned = {chunk.path for chunk in view.reader.mentioning(words, _POSTINGS_MAX)} | set(view.open_files)
        nearness = Nearness(path)
        near = sorted(
            (other for other in mentioned if other != path and family_of(other) == family),
            key=lambda other: (-nearness.of(other), other),
        )
        files = WorkspaceFiles(view)
        found: list[str] = []
        for other in near[:_FILES_MAX]:
            symbols = view.symbols(other)
            likely = [one for one in symbols.imports if _may_mean(one, wanted)] if symbols is not None else []
            if likely and any(path in some for some in resolve_all(view, other, likely, files)):
                found.append(other)
                if len(found) >= limit:
                    break
        return found


def module_words(path: str) -> list[str]:
    """Returns the words by which an import names a file: its name, or that of the folder that it stands for."""
    name = path.rpartition("/")[2]
    stem = name.partition(".")[0]
    language = language_of_path(path)
    folder = folder_of(path)
    if language is not None and language.name == "go":
        return words_of(folder.rpartition("/")[2])
    if stem in _FOLDER_STEMS and folder:
        folder = folder.removesuffix("/src")
        return words_of(folder.rpartition("/")[2].replace("-", "_" if path.endswith(".rs") else "-"))
    return words_of(stem)


def _may_mean(import_: Import, wanted: list[str]) -> bool:
    spelled = f"{import_.module} {import_.name}".lower()
    return all(word in spelled for word in wanted)
