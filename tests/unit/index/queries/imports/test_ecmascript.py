"""Imports of TypeScript and JavaScript, resolved to files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fimble.index.queries.imports import resolve
from fimble.index.queries.view import View
from fimble.index.symbols import Import
from tests.unit.index.queries.workspaces import indexed

_FILES = {
    "tsconfig.base.json": """{
        // The base of all: "comments" and trailing commas are usual here.
        "compilerOptions": {
            "baseUrl": ".",
            "paths": { "@shared/*": ["libs/shared/src/*"], /* one */ "@only": ["libs/only.ts"], },
        },
    }""",
    "tsconfig.json": '{ "files": [], "references": [{ "path": "./apps/web" }] }',
    "apps/web/tsconfig.json": '{ "extends": "../../tsconfig.base.json", "compilerOptions": { "strict": true } }',
    "apps/web/src/main.ts": "",
    "apps/web/src/view.tsx": "",
    "apps/web/src/old.js": "",
    "apps/web/src/parts/index.ts": "",
    "apps/web/src/types.d.ts": "",
    "libs/shared/src/format.ts": "",
    "libs/only.ts": "",
    "libs/absolute.ts": "",
    "packages/ui/package.json": json.dumps(
        {
            "name": "@acme/ui",
            "exports": {
                ".": {"types": "./dist/index.d.ts", "import": "./dist/index.js"},
                "./icons/*": "./dist/icons/*.js",
            },
        }
    ),
    "packages/ui/src/index.ts": "",
    "packages/ui/src/icons/star.tsx": "",
    "packages/plain/package.json": json.dumps(
        {"name": "plain", "main": "lib/main.js", "imports": {"#own": "./own.js"}}
    ),
    "packages/plain/src/main.ts": "",
    "packages/plain/deep/part.js": "",
    "packages/plain/own.js": "",
    "packages/plain/use.js": "",
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return indexed(tmp_path_factory.mktemp("ecmascript"), _FILES)


@pytest.mark.parametrize(
    ("path", "module", "expected"),
    [
        ("apps/web/src/main.ts", "./view", ["apps/web/src/view.tsx"]),
        ("apps/web/src/main.ts", "./view.js", ["apps/web/src/view.tsx"]),
        ("apps/web/src/view.tsx", "./main.js", ["apps/web/src/main.ts"]),
        ("apps/web/src/main.ts", "./old.js", ["apps/web/src/old.js"]),
        ("apps/web/src/main.ts", "./parts", ["apps/web/src/parts/index.ts"]),
        ("apps/web/src/parts/index.ts", "../types", ["apps/web/src/types.d.ts"]),
        ("apps/web/src/parts/index.ts", "..", []),
        ("apps/web/src/main.ts", "@shared/format", ["libs/shared/src/format.ts"]),
        ("apps/web/src/main.ts", "@only", ["libs/only.ts"]),
        ("apps/web/src/main.ts", "libs/absolute", ["libs/absolute.ts"]),
        ("apps/web/src/main.ts", "@acme/ui", ["packages/ui/src/index.ts"]),
        ("apps/web/src/main.ts", "@acme/ui/icons/star", ["packages/ui/src/icons/star.tsx"]),
        ("apps/web/src/main.ts", "plain", ["packages/plain/src/main.ts"]),
        ("apps/web/src/main.ts", "plain/deep/part", ["packages/plain/deep/part.js"]),
        ("packages/plain/use.js", "#own", ["packages/plain/own.js"]),
        ("apps/web/src/main.ts", "react", []),
        ("apps/web/src/main.ts", "../../../../../../etc/passwd", []),
        ("apps/web/src/main.ts", "/etc/passwd", []),
        ("apps/web/src/main.ts", "", []),
    ],
)
def test_an_import_means_a_file(view: View, path: str, module: str, expected: list[str]) -> None:
    assert resolve(view, path, Import(module, "x", "", 0)) == expected


@pytest.mark.parametrize(
    "hostile",
    [
        '{ "extends": "./tsconfig.json", "compilerOptions": { "paths": { "@a": ["../../outside.ts"] } } }',
        '{ "extends": ["./loop.json", "./loop.json"] }',
        '{ "compilerOptions": { "baseUrl": "/", "paths": { "*": ["/etc/*"], "@a": "no list", "**": [1, null] } } }',
        '{ "compilerOptions": { "baseUrl": "../..", "paths": { "@*": ["../*"] } } }',
        "[" * 100_000,
        '{"a":' * 20_000,
        "/*" * 50_000,
        '"' * 10_001,
        "{" + " " * 300_000 + '"compilerOptions": { "paths": { "@a": ["a.ts"] } } }',
        '{ "compilerOptions": [], "extends": 7 }',
        "\0\0\0",
        "",
    ],
)
def test_hostile_settings_give_nothing(tmp_path: Path, hostile: str) -> None:
    files = {"tsconfig.json": hostile, "loop.json": '{ "extends": "./tsconfig" }', "a.ts": "", "use.ts": ""}
    view = indexed(tmp_path, files)
    assert resolve(view, "use.ts", Import("@a", "x", "", 0)) == []
    assert resolve(view, "use.ts", Import("./a", "x", "", 0)) == ["a.ts"]


def test_settings_behind_a_link_are_not_read(tmp_path: Path) -> None:
    files = {"tsconfig.json": '{ "compilerOptions": { "paths": { "@a": ["./a.ts"] } } }', "a.ts": "", "use.ts": ""}
    view = indexed(tmp_path, files)
    assert resolve(view, "use.ts", Import("@a", "x", "", 0)) == ["a.ts"]
    settings = view.root / "tsconfig.json"
    outside = tmp_path / "outside.json"
    settings.rename(outside)
    settings.symlink_to(outside)
    assert resolve(replace(view), "use.ts", Import("@a", "x", "", 0)) == []


def test_changed_settings_count_at_once(tmp_path: Path) -> None:
    files = {"tsconfig.json": '{ "compilerOptions": { "paths": { "@a": ["./a.ts"] } } }', "a.ts": "", "use.ts": ""}
    view = indexed(tmp_path, files)
    assert resolve(view, "use.ts", Import("@a", "x", "", 0)) == ["a.ts"]
    (view.root / "tsconfig.json").write_text('{ "compilerOptions": { "paths": { "@other": ["./a.ts"] } } }')
    # Each answer has a view of its own.
    later = replace(view)
    assert resolve(later, "use.ts", Import("@a", "x", "", 0)) == []
    assert resolve(later, "use.ts", Import("@other", "x", "", 0)) == ["a.ts"]
