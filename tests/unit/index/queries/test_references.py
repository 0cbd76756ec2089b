"""Where a name is used, and who calls it."""

from pathlib import Path

import pytest

from fimble.index.queries.references import callers, references
from tests.unit.index.queries.workspaces import indexed, places, with_open

_FILES = {
    "lib.py": "def load(path):\n    return path\n",
    "use.py": (
        "from lib import load\n\n"
        "def start():\n    '''Does load things.'''\n    # load is called here\n"
        "    x = load('load')\n    return f'{load(x)}'\n\n"
        "loader = preload = unload\nload_all = 1\n"
    ),
}


def test_comments_strings_and_longer_names_do_not_count(tmp_path: Path) -> None:
    found = references(indexed(tmp_path, _FILES), "load", path="use.py")
    assert places(found.found) == ["use.py:1:17", "use.py:6:9", "use.py:7:15", "lib.py:1:5"]
    assert found.is_complete
    assert [reference.is_definition for reference in found.found] == [False, False, False, True]
    assert found.found[1].line_text == "    x = load('load')"
    enclosing = found.found[1].enclosing
    assert enclosing is not None
    assert enclosing.name == "start"
    assert found.found[0].enclosing is None


def test_open_files_count_as_they_are_in_the_editor(tmp_path: Path) -> None:
    view = with_open(indexed(tmp_path, _FILES), "use.py", "\nload()\n")
    view = with_open(view, "unsaved.py", "a = load\n")
    assert sorted(places(references(view, "load").found)) == ["lib.py:1:5", "unsaved.py:1:5", "use.py:2:1"]


def test_files_that_changed_or_vanished_since_are_read_as_they_are_now(tmp_path: Path) -> None:
    view = indexed(tmp_path, {**_FILES, "gone.py": "load()\n"})
    (view.root / "gone.py").unlink()
    (view.root / "use.py").write_text("other()\nload()\n")
    assert sorted(places(references(view, "load").found)) == ["lib.py:1:5", "use.py:2:1"]


def test_a_link_out_of_the_workspace_is_not_followed(tmp_path: Path) -> None:
    view = indexed(tmp_path, _FILES)
    outside = tmp_path / "outside.py"
    outside.write_text("load()\n")
    (view.root / "use.py").unlink()
    (view.root / "use.py").symlink_to(outside)
    assert places(references(view, "load").found) == ["lib.py:1:5"]


def test_columns_count_code_points_and_names_need_not_be_ascii(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "x = 'äöü'; größe = 1\nübergröße = größe\n"})
    assert places(references(view, "größe").found) == ["a.py:1:12", "a.py:2:13"]


def test_the_search_ends_at_the_limit_at_the_deadline_and_when_cancelled(tmp_path: Path) -> None:
    view = indexed(tmp_path, {f"m{number}.py": f"load({number})\n" for number in range(20)})
    whole = references(view, "load")
    assert (len(whole.found), whole.is_complete) == (20, True)
    limited = references(view, "load", limit=5)
    assert (len(limited.found), limited.is_complete) == (5, False)
    cancelled = references(view, "load", is_cancelled=lambda: True)
    assert (cancelled.found, cancelled.is_complete) == ((), False)
    late = references(view, "load", budget_s=-1.0)
    assert (late.found, late.is_complete) == ((), False)


def test_callers_are_the_functions_around_calls(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "a.py": (
                "def load(): ...\n"
                "class Job:\n"
                "    def run(self):\n"
                "        load()\n"
                "        self.load(1)\n"
                "        print(load)\n"
                "@load\n"
                "def decorated(): ...\n"
                "handlers = [load]\n"
                "load()\n"
            )
        },
    )
    found = callers(view, "load")
    assert found.is_complete
    called = [
        (caller.symbol.name if caller.symbol else "", [call.line + 1 for call in caller.calls])
        for caller in found.found
    ]
    assert called == [("run", [4, 5]), ("", [7, 10])]


@pytest.mark.parametrize(
    ("path", "text", "calls", "uses"),
    [
        ("a.ts", "load(); x.load<T>(); new load(); y = load; `load ${load()}`; // load()\n", 4, 5),
        ("a.tsx", "const a = <div load='load'>{load()} load</div>;\n", 1, 2),
        ("a.go", 'package a\nfunc f() { load(); x.load(1); s := "load()"; _ = load }\n', 2, 3),
        ("a.rs", "fn f() { load(); self.load(); a::load::<T>(); load!(x); let x = load; }\n", 4, 5),
        ("a.java", "class A { void f() { load(); this.load(1); new load(); x = load; } }\n", 3, 4),
        ("a.c", 'void f(void) { load(1); x = load; p("load()"); /* load */ }\n', 1, 2),
        ("a.cpp", "void f() { load<int>(1); a::load(); x->load(); y = load; }\n", 3, 4),
        ("a.cs", "class A { void F() { load(); this.load(1); new load(); x = load; } }\n", 3, 4),
        ("a.rb", "def f\n  load(1)\n  x.load\n  'load'\nend\n", 2, 2),
        ("a.php", "<?php function f() { load(); $this->load(1); new load(); 'load'; }\n", 3, 3),
        ("a.kt", 'fun f() { load(); x.load(1); val s = "load"; val y = load }\n', 2, 3),
        ("a.swift", 'func f() { load(); x.load(1); let s = "load"; let y = load }\n', 2, 3),
        ("a.lua", "load(); x.load(1); x:load(); y = load; s = 'load'\n", 3, 4),
    ],
)
def test_calls_are_told_from_other_uses_in_many_languages(
    tmp_path: Path, path: str, text: str, calls: int, uses: int
) -> None:
    view = indexed(tmp_path, {path: text})
    assert len(references(view, "load").found) == uses
    assert sum(len(caller.calls) for caller in callers(view, "load").found) == calls


def test_names_that_are_nowhere_or_no_names_give_nothing(tmp_path: Path) -> None:
    view = indexed(tmp_path, _FILES)
    for name in ("", "missing", "(", '"', "\0", "load'", "\udcff"):
        assert references(view, name).found == ()
