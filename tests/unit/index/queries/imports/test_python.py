"""Python's imports, resolved to files."""

import pytest

from fimble.index.queries.imports import IMPORTS_MAX, resolve, resolve_all
from fimble.index.queries.view import View
from fimble.index.symbols import Import
from tests.unit.index.queries.workspaces import indexed, with_open

_FILES = [
    "app/__init__.py",
    "app/main.py",
    "app/core/__init__.py",
    "app/core/loading.py",
    "app/core/typed.pyi",
    "src/lib/__init__.py",
    "src/lib/inner.py",
    "names/pace/module.py",
    "packages/my-tool/src/my_tool/__init__.py",
    "packages/other/other/use.py",
    "packages/other/other/__init__.py",
    "script.py",
    "json.py",
    "app/json.py",
]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    # Equal contents are one content with many files.
    return indexed(tmp_path_factory.mktemp("python"), dict.fromkeys(_FILES, "x = 1\n"))


@pytest.mark.parametrize(
    ("path", "module", "name", "expected"),
    [
        ("script.py", "app.main", "", ["app/main.py"]),
        ("script.py", "app", "main", ["app/main.py", "app/__init__.py"]),
        ("script.py", "app", "nothing", ["app/__init__.py"]),
        ("app/core/loading.py", "app.main", "run", ["app/main.py"]),
        ("app/main.py", ".core.loading", "load", ["app/core/loading.py"]),
        ("app/core/loading.py", "..main", "run", ["app/main.py"]),
        ("app/core/loading.py", "..", "main", ["app/main.py", "app/__init__.py"]),
        ("app/core/loading.py", ".", "typed", ["app/core/typed.pyi", "app/core/__init__.py"]),
        ("app/core/loading.py", ".", "*", ["app/core/__init__.py"]),
        ("script.py", "lib.inner", "f", ["src/lib/inner.py"]),
        ("src/lib/inner.py", "lib", "inner", ["src/lib/__init__.py"]),
        ("script.py", "names.pace.module", "f", ["names/pace/module.py"]),
        ("script.py", "names.pace", "module", ["names/pace/module.py"]),
        ("packages/other/other/use.py", "my_tool", "f", ["packages/my-tool/src/my_tool/__init__.py"]),
        # A module beside the file is meant only where the folder is no package.
        ("app/main.py", "json", "", ["json.py"]),
        ("script.py", "numpy", "", []),
        ("script.py", ".......", "x", []),
        ("script.py", "a-b", "x", []),
        ("script.py", "", "", []),
    ],
)
def test_an_import_means_a_file(view: View, path: str, module: str, name: str, expected: list[str]) -> None:
    assert resolve(view, path, Import(module, name, "", 0)) == expected


def test_a_file_that_is_open_but_not_saved_can_be_imported(view: View) -> None:
    import_ = Import("app.fresh", "f", "", 0)
    assert resolve(view, "script.py", import_) == []
    assert resolve(with_open(view, "app/fresh.py", ""), "script.py", import_) == ["app/fresh.py"]


def test_each_question_has_an_answer_for_each_of_its_imports(view: View) -> None:
    many = [Import("app", "main", "", number) for number in range(IMPORTS_MAX + 5)]
    for imports in (many, many[:-3], many[:2]):
        assert len(resolve_all(view, "script.py", imports)) == len(imports)
