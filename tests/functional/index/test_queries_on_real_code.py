"""All queries on a real package, this one, and on a workspace that has no database."""

from pathlib import Path

import pytest

import fimble
from fimble.index.queries.definitions import definitions
from fimble.index.queries.describe import enclosing, outline
from fimble.index.queries.importers import importers
from fimble.index.queries.members import members
from fimble.index.queries.references import callers, references
from fimble.index.queries.repository_map import repository_map
from fimble.index.queries.search import find_symbols
from fimble.index.queries.similar import similar_chunks
from fimble.index.queries.sources import source_of
from fimble.index.queries.view import View
from fimble.index.store.reader import Reader
from tests.unit.index.building import build

_VIEW = "fimble/index/queries/view.py"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Links are no part of a workspace, so that the package is copied."""
    folder = tmp_path_factory.mktemp("real")
    root = folder / "root"
    package = Path(fimble.__file__).parent
    for file in package.rglob("*.py"):
        copy = root / "fimble" / file.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    build(root, folder / "database")
    return View(root, Reader(folder / "database"))


def test_an_imported_class_is_found_where_it_is_defined(view: View) -> None:
    found = definitions(view, "Reader", path=_VIEW)
    assert found[0].path == "fimble/index/store/reader.py"
    assert "symbols" in [member.symbol.name for member in members(view, found[0])]


def test_a_class_is_found_by_a_piece_of_its_name(view: View) -> None:
    assert any(
        (found.path, found.symbol.name) == ("fimble/workspace/text.py", "Text") for found in find_symbols(view, "Tex")
    )
    assert find_symbols(view, "openFi")[0].symbol.name == "OpenFile"


def test_references_are_where_the_text_says(view: View) -> None:
    found = references(view, "OpenFile", path=_VIEW)
    assert found.is_complete
    assert found.found
    for reference in found.found:
        source = source_of(view, reference.path)
        assert source is not None
        line = source.decode().split("\n")[reference.line]
        assert line[reference.column :].startswith("OpenFile")
    assert sum(reference.is_definition for reference in found.found) == 1


def test_callers_name_the_functions_around(view: View) -> None:
    names = {caller.symbol.name for caller in callers(view, "resolve_all").found if caller.symbol}
    assert {"resolve", "importers"} <= names


def test_importers_import(view: View) -> None:
    assert "fimble/index/queries/definitions.py" in importers(view, _VIEW)


def test_places_have_scopes(view: View) -> None:
    symbols = view.symbols(_VIEW)
    assert symbols is not None
    for symbol in symbols.symbols:
        assert symbol in enclosing(view, _VIEW, symbol.line)
    assert [item.symbol.name for item in outline(view, _VIEW)][:2] == ["OpenFile", "View"]


def test_a_copy_of_code_is_similar_to_it(view: View) -> None:
    source = source_of(view, "fimble/index/queries/windows.py")
    assert source is not None
    text = "\n".join(source.decode().split("\n")[40:60])
    assert similar_chunks(view, text)[0].path == "fimble/index/queries/windows.py"


def test_a_map_shows_what_the_focus_uses(view: View) -> None:
    found = repository_map(view, tokens_max=500, focus_paths=["fimble/index/queries/definitions.py"])
    paths = [file.path for file in found.files]
    assert _VIEW in paths
    assert "class View" in found.text
    assert "fimble/index/queries/definitions.py" not in paths


def test_a_workspace_without_a_database_has_nothing(tmp_path: Path) -> None:
    view = View(tmp_path, Reader(tmp_path / "missing"))
    assert definitions(view, "x", path="a.py", line=1) == []
    assert find_symbols(view, "x") == []
    assert members(view, "x", path="a.py") == []
    assert references(view, "x").found == ()
    assert importers(view, "a.py") == []
    assert similar_chunks(view, "load_session") == []
    assert repository_map(view, tokens_max=100).text == ""
    assert enclosing(view, "a.py", 1) == ()
