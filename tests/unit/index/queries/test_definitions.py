"""Which of several definitions of a name comes first."""

from pathlib import Path

from fimble.index.queries.definitions import definitions
from tests.unit.index.queries.workspaces import indexed, places, with_open


def test_the_innermost_scope_around_the_cursor_comes_first(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "app.py": "def run():\n    pass\n\n\nclass Job:\n    def run(self):\n        return run\n",
            "other.py": "def run():\n    pass\n",
        },
    )
    assert places(definitions(view, "run", path="app.py", line=6)) == ["app.py:6 run", "app.py:1 run", "other.py:1 run"]
    assert places(definitions(view, "run", path="app.py", line=0)) == ["app.py:1 run", "app.py:6 run", "other.py:1 run"]


def test_an_imported_definition_comes_before_one_in_the_same_folder(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/a.py": "from pkg.deep.far import load\n\nload()\n",
            "pkg/b.py": "def load(): ...\n",
            "pkg/deep/__init__.py": "",
            "pkg/deep/far.py": "def load(): ...\n",
        },
    )
    assert places(definitions(view, "load", path="pkg/a.py"))[:2] == ["pkg/deep/far.py:1 load", "pkg/b.py:1 load"]


def test_a_name_is_followed_through_files_that_pass_it_on(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "app.py": "from pkg import Loader\n",
            "pkg/__init__.py": "from .core import *\n",
            "pkg/core.py": "from .loading import Loader\n",
            "pkg/loading.py": "class Loader: ...\n",
            "aaa.py": "class Loader: ...\n",
        },
    )
    assert places(definitions(view, "Loader", path="app.py"))[0] == "pkg/loading.py:1 Loader"


def test_an_alias_leads_to_what_it_stands_for(tmp_path: Path) -> None:
    view = indexed(
        tmp_path, {"app.py": "from lib import load as fetch\n", "lib.py": "def load(): ...\ndef fetch(): ...\n"}
    )
    assert places(definitions(view, "fetch", path="app.py")) == ["lib.py:1 load", "lib.py:2 fetch"]


def test_circular_imports_end(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "from b import thing\n", "b.py": "from a import thing\n"})
    assert definitions(view, "thing", path="a.py") == []


def test_case_is_exact(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "class Token: ...\ntoken = 1\nTOKEN = 2\n"})
    assert places(definitions(view, "token")) == ["a.py:2 token"]


def test_tests_and_vendored_copies_come_last(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "aaa/node_modules/load.py": "def load(): ...\n",
            "aaa/tests/test_load.py": "def load(): ...\n",
            "zzz/deep/below/load.py": "def load(): ...\n",
        },
    )
    assert [place.split(":")[0] for place in places(definitions(view, "load", path="app.py"))] == [
        "zzz/deep/below/load.py",
        "aaa/tests/test_load.py",
        "aaa/node_modules/load.py",
    ]


def test_an_open_file_hides_what_was_indexed_of_it(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "def old(): ...\n"})
    assert places(definitions(view, "old")) == ["a.py:1 old"]
    view = with_open(view, "a.py", "\n\ndef new(): ...\n")
    assert definitions(view, "old") == []
    assert places(definitions(view, "new")) == ["a.py:3 new"]


def test_a_file_that_was_never_saved_is_known(tmp_path: Path) -> None:
    view = with_open(indexed(tmp_path, {"a.py": ""}), "fresh.py", "def new(): ...\n")
    assert places(definitions(view, "new", path="a.py")) == ["fresh.py:1 new"]


def test_a_name_of_a_thousand_files_is_found_in_the_own_and_the_imported_one(tmp_path: Path) -> None:
    files = {f"many/m{number}.py": f"class C{number}:\n    def __init__(self): ...\n" for number in range(800)}
    files["a/own.py"] = "from a.lib import Base\nclass Own(Base):\n    def __init__(self): ...\n"
    files["a/lib.py"] = "class Base:\n    def __init__(self): ...\n"
    view = indexed(tmp_path, files)
    found = places(definitions(view, "__init__", path="a/own.py", line=2, limit=20))
    assert found[:2] == ["a/own.py:3 __init__", "a/lib.py:2 __init__"]
    assert len(found) == 20


def test_unknown_names_and_paths_give_nothing(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "def f(): ...\n"})
    for name in ("", "nothing", "f(", '"', "a\0b", "f f", "\udcff"):
        assert definitions(view, name, path="missing.py", line=3) == []
    assert places(definitions(view, "f", path="missing.py", line=3)) == ["a.py:1 f"]
