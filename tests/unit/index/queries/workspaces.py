"""Small workspaces for tests of queries: files given as text, indexed, and some of them open in an editor."""

from dataclasses import replace
from pathlib import Path

from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_of_path
from fimble.index.queries.view import OpenFile, View
from fimble.index.store.reader import Reader
from tests.unit.index.building import build


def indexed(folder: Path, files: dict[str, str]) -> View:
    """Writes `files` below `folder`, indexes them and returns a view without open files."""
    root = folder / "root"
    root.mkdir()
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    database = folder / "database"
    build(root, database)
    return View(root, Reader(database))


def with_open(view: View, path: str, text: str) -> View:
    """Returns a view in which a file is open with another text than on the disk."""
    language = language_of_path(path)
    assert language is not None, f"{path} is in no language"
    grammar = grammar_of(language)
    assert grammar is not None, f"the grammar of {language.name} is not installed"
    source = text.encode("utf-8", "surrogateescape")
    return replace(view, open_files={**view.open_files, path: OpenFile(source, extract(grammar, source))})


def places(found: object) -> list[str]:
    """Returns `path:line name` for definitions or references, lines from 1."""
    assert isinstance(found, list | tuple)
    rendered = []
    for one in found:
        if hasattr(one, "symbol"):
            rendered.append(f"{one.path}:{one.symbol.line + 1} {one.symbol.name}")
        else:
            rendered.append(f"{one.path}:{one.line + 1}:{one.column + 1}")
    return rendered
