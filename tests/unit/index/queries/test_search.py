"""Symbols of a workspace by a part of their name."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.queries.name_match import NameMatch
from fimble.index.queries.search import find_symbols
from fimble.index.queries.view import View
from tests.unit.index.queries.workspaces import indexed, places, with_open

_FILES = {
    "browser/context.py": "class BrowserContext:\n    def close(self): ...\n    def close_all(self): ...\n",
    "browser/page.py": "class Page:\n    def close(self): ...\n\ndef browser_for(page): ...\n",
    "closing.py": "def close(): ...\nCLOSED = 1\n",
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return indexed(tmp_path_factory.mktemp("search"), _FILES)


@pytest.mark.parametrize("query", ["BrowserContext", "browsercontext", "BrowserC", "brCon", "brow cont", "browcont"])
def test_a_class_is_found_by_pieces_of_its_name(view: View, query: str) -> None:
    assert places(find_symbols(view, query))[0] == "browser/context.py:1 BrowserContext"


def test_exact_names_come_before_prefixes(view: View) -> None:
    found = places(find_symbols(view, "close"))
    assert found[0] == "closing.py:1 close"
    assert sorted(found[1:3]) == ["browser/context.py:2 close", "browser/page.py:2 close"]
    assert sorted(found[3:]) == ["browser/context.py:3 close_all", "closing.py:2 CLOSED"]


def test_a_qualified_query_looks_inside_of_classes_and_files(view: View) -> None:
    assert places(find_symbols(view, "Page.close")) == ["browser/page.py:2 close"]
    assert places(find_symbols(view, "closing.close"))[0] == "closing.py:1 close"
    assert find_symbols(view, "Nothing.close") == []


def test_the_number_of_results_is_limited(view: View) -> None:
    assert len(find_symbols(view, "c", limit=2)) == 2
    assert find_symbols(view, "c", limit=0) == []


def test_open_files_win(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "def stale_name(): ...\n", "b.py": "def kept_name(): ...\n"})
    view = with_open(view, "a.py", "\ndef fresh_name(): ...\n")
    view = with_open(view, "unsaved.py", "def other_name(): ...\n")
    assert sorted(places(find_symbols(view, "name"))) == [
        "a.py:2 fresh_name",
        "b.py:1 kept_name",
        "unsaved.py:1 other_name",
    ]


@settings(deadline=None)
@given(st.text("abcelorswBCP_. ", max_size=8))
def test_every_result_matches_the_last_piece_of_the_query(view: View, query: str) -> None:
    for definition in find_symbols(view, query):
        last = query.replace(".", " ").split()[-1] if "." in query else query
        assert NameMatch(last).score(definition.symbol.name) is not None
        source = _FILES[definition.path].encode()
        name = definition.symbol.name.encode()
        assert source[definition.symbol.name_start : definition.symbol.name_start + len(name)] == name


@settings(deadline=None)
@given(st.text(max_size=20))
def test_no_query_fails(view: View, query: str) -> None:
    assert len(find_symbols(view, query)) <= 100
