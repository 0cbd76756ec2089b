"""What is inside of types and modules."""

from pathlib import Path

import pytest

from fimble.index.queries.definitions import definitions
from fimble.index.queries.members import base_names, members
from tests.unit.index.queries.workspaces import indexed, places, with_open


def test_own_members_come_before_inherited_ones_and_hide_them(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "a.py": (
                "from base import Base\n\nclass Child(Base, metaclass=Meta):\n    size = 1\n    def run(self): ...\n"
            ),
            "base.py": (
                "class Root:\n    def stop(self): ...\n\n"
                "class Base(Root):\n    def run(self): ...\n    def walk(self): ...\n"
            ),
        },
    )
    expected = ["a.py:4 size", "a.py:5 run", "base.py:6 walk", "base.py:2 stop"]
    assert places(members(view, "Child", path="a.py")) == expected
    assert places(members(view, definitions(view, "Child")[0])) == expected
    assert [member.container for member in members(view, "Child")] == ["Child", "Child", "Base", "Root"]


def test_classes_that_inherit_from_each_other_end(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "class A(B):\n    x = 1\nclass B(A):\n    y = 2\n"})
    assert places(members(view, "A")) == ["a.py:2 x", "a.py:4 y"]


def test_members_of_an_imported_module_are_what_it_defines_at_its_top(tmp_path: Path) -> None:
    view = indexed(
        tmp_path, {"a.py": "import pkg.tools as tools\n", "pkg/tools.py": "def f(): ...\nclass C:\n    x = 1\n"}
    )
    assert places(members(view, "tools", path="a.py")) == ["pkg/tools.py:1 f", "pkg/tools.py:2 C"]


def test_go_methods_are_found_by_their_receiver(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "p/a.go": "package p\n\ntype Store struct {\n\tsize int\n}\n\nfunc (s *Store) Load() {}\n",
            "p/b.go": "package p\n\nfunc (Store) Save() {}\nfunc (o *Other) No() {}\nfunc Plain(s Store) {}\n",
        },
    )
    assert [member.symbol.name for member in members(view, "Store")] == ["size", "Load", "Save"]


def test_rust_members_are_in_impl_blocks_too(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "src/a.rs": "pub struct Store { size: u8 }\nimpl Store { pub fn load(&self) {} }\n",
            "src/b.rs": "impl Display for Store { fn fmt(&self) {} }\nimpl Other { fn no(&self) {} }\n",
        },
    )
    assert [member.symbol.name for member in members(view, "Store")] == ["size", "load", "fmt"]


def test_the_editor_wins(tmp_path: Path) -> None:
    view = with_open(indexed(tmp_path, {"a.py": "class A:\n    x = 1\n"}), "a.py", "class A:\n    y = 1\n")
    assert places(members(view, "A")) == ["a.py:2 y"]


@pytest.mark.parametrize(
    ("language", "signature", "expected"),
    [
        ("python", "class A(B, mod.C, Generic[T, U], metaclass=M)", ["B", "C", "Generic"]),
        ("python", "class A", []),
        ("typescript", "export class A<T extends X> extends B<T> implements C, ns.D", ["B", "C", "D"]),
        ("typescript", "interface A extends B, C", ["B", "C"]),
        ("java", "public class A extends B implements C, D<E>", ["B", "C", "D"]),
        ("cpp", "class A : public ns::B, private C<D>", ["B", "C"]),
        ("csharp", "class A : B, IC", ["B", "IC"]),
        ("kotlin", "class A(val x: Int) : B(x), C", ["B", "C"]),
        ("ruby", "class A < B", ["B"]),
        ("rust", "struct A", []),
        ("python", "", []),
    ],
)
def test_a_signature_names_the_bases(language: str, signature: str, expected: list[str]) -> None:
    assert base_names(signature, "A", language) == expected


def test_unknown_names_have_no_members(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "def f():\n    x = 1\n"})
    for name in ("", "f", "missing", "(", "\0"):
        assert members(view, name, path="a.py") == []
