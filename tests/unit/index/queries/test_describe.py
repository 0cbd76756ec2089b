"""Descriptions, breadcrumbs and outlines."""

from pathlib import Path

from fimble.index.queries.definitions import definitions
from fimble.index.queries.describe import Description, OutlineItem, describe, enclosing, outline
from tests.unit.index.queries.workspaces import indexed, with_open

_TEXT = 'class A:\n    """Holds things."""\n\n    def f(self, x=1):\n        def g(): ...\n        return g\n\nz = 1\n'


def _names(items: tuple[OutlineItem, ...]) -> list[object]:
    return [(item.symbol.name, _names(item.children)) if item.children else item.symbol.name for item in items]


def test_a_definition_is_described_by_signature_and_documentation(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": _TEXT})
    found = definitions(view, "A")[0]
    assert describe(view, found) == Description("class A", "Holds things.", "a.py", 0)


def test_a_description_follows_an_edit(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": _TEXT})
    found = definitions(view, "f")[0]
    changed = with_open(view, "a.py", "\n" + _TEXT.replace("x=1", "x=2"))
    assert describe(changed, found) == Description("def f(self, x=2)", "", "a.py", 4)


def test_the_symbols_around_a_line_come_outermost_first(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": _TEXT})
    assert [symbol.name for symbol in enclosing(view, "a.py", 4)] == ["A", "f", "g"]
    assert [symbol.name for symbol in enclosing(view, "a.py", 5)] == ["A", "f"]
    assert enclosing(view, "a.py", 6) == ()
    assert enclosing(view, "missing.py", 0) == ()


def test_an_outline_is_a_tree(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": _TEXT})
    assert _names(outline(view, "a.py")) == [("A", [("f", ["g"])]), "z"]
    assert outline(view, "missing.py") == ()
