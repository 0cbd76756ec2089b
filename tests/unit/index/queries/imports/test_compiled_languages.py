"""Imports of Go, Rust, Java and C, resolved to files."""

from pathlib import Path

import pytest

from fimble.index.queries.imports import resolve
from fimble.index.symbols import Import
from tests.unit.index.queries.workspaces import indexed

_GO = {
    "go.mod": "module example.com/shop // ours\n\ngo 1.22\n\nreplace (\n\texample.com/old v1.0.0 => ./third/old\n)\n",
    "main.go": "package main\n",
    "store/store.go": "package store\n",
    "store/index.go": "package store\n",
    "store/store_test.go": "package store\n",
    "store/inner/inner.go": "package inner\n",
    "third/old/old.go": "package old\n",
    "third/old/go.mod": "module example.com/renamed\n",
    "tools/go.mod": "module example.com/shop/tools\n",
    "tools/lint/lint.go": "package lint\n",
    "go.work": "go 1.22\n\nuse (\n\t.\n\t./tools\n)\n",
}


@pytest.mark.parametrize(
    ("path", "module", "expected"),
    [
        ("main.go", "example.com/shop/store", ["store/index.go", "store/store.go"]),
        ("main.go", "example.com/shop/store/inner", ["store/inner/inner.go"]),
        ("main.go", "example.com/shop", ["main.go"]),
        ("main.go", "example.com/old", ["third/old/old.go"]),
        ("store/store.go", "example.com/shop/tools/lint", ["tools/lint/lint.go"]),
        ("main.go", "example.com/shopping", []),
        ("main.go", "fmt", []),
        ("main.go", "example.com/shop/../../etc", []),
    ],
)
def test_go_imports_mean_the_files_of_a_package(tmp_path: Path, path: str, module: str, expected: list[str]) -> None:
    view = indexed(tmp_path, _GO)
    found = resolve(view, path, Import(module, "", "", 0))
    assert sorted(found) == [one for one in expected if one != path]


_RUST = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
    "crates/core-lib/Cargo.toml": '[package]\nname = "core-lib"\n',
    "crates/core-lib/src/lib.rs": "",
    "crates/core-lib/src/parsing.rs": "",
    "crates/core-lib/src/parsing/token.rs": "",
    "crates/core-lib/src/net/mod.rs": "",
    "crates/core-lib/src/net/socket.rs": "",
    "crates/core-lib/tests/all.rs": "",
    "crates/app/Cargo.toml": '[package]\nname = "app"\n[dependencies]\nrenamed = { path = "../core-lib" }\nbad = 3\n',
    "crates/app/src/main.rs": "",
    "crates/app/src/screen.rs": "",
}


@pytest.mark.parametrize(
    ("path", "module", "name", "expected"),
    [
        ("crates/core-lib/src/lib.rs", "crate::parsing::token", "Token", ["crates/core-lib/src/parsing/token.rs"]),
        ("crates/core-lib/src/net/socket.rs", "crate::parsing", "token", ["crates/core-lib/src/parsing/token.rs"]),
        ("crates/core-lib/src/net/socket.rs", "crate::parsing", "Parser", ["crates/core-lib/src/parsing.rs"]),
        ("crates/core-lib/src/net/socket.rs", "crate", "Thing", ["crates/core-lib/src/lib.rs"]),
        ("crates/core-lib/src/net/socket.rs", "super", "Listener", ["crates/core-lib/src/net/mod.rs"]),
        ("crates/core-lib/src/net/mod.rs", "self::socket", "Socket", ["crates/core-lib/src/net/socket.rs"]),
        ("crates/core-lib/src/parsing/token.rs", "super::super::net", "X", ["crates/core-lib/src/net/mod.rs"]),
        ("crates/app/src/main.rs", "core_lib::parsing", "Parser", ["crates/core-lib/src/parsing.rs"]),
        ("crates/app/src/main.rs", "renamed::net", "N", ["crates/core-lib/src/net/mod.rs"]),
        ("crates/app/src/main.rs", "screen", "Screen", ["crates/app/src/screen.rs"]),
        ("crates/core-lib/tests/all.rs", "core_lib", "Thing", ["crates/core-lib/src/lib.rs"]),
        ("crates/app/src/main.rs", "std::fmt", "Display", []),
        ("crates/app/src/main.rs", "super::super::super::super::super", "x", []),
    ],
)
def test_rust_paths_mean_the_innermost_module(
    tmp_path: Path, path: str, module: str, name: str, expected: list[str]
) -> None:
    assert resolve(indexed(tmp_path, _RUST), path, Import(module, name, "", 0)) == expected


_JAVA = {
    "app/src/main/java/com/acme/app/Main.java": "package com.acme.app;\npublic class Main {}\n",
    "app/src/main/java/com/acme/app/Helper.java": "package com.acme.app;\npublic class Helper {}\n",
    "app/src/test/java/com/acme/app/MainTest.java": "package com.acme.app;\nclass MainTest {}\n",
    "lib/src/main/java/com/acme/lib/Tool.java": "package com.acme.lib;\npublic class Tool { static class In {} }\n",
    "lib/src/main/java/com/other/Tool.java": "package com.other;\npublic class Tool {}\n",
}


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("com.acme.app", "Helper", ["app/src/main/java/com/acme/app/Helper.java"]),
        ("com.acme.lib", "Tool", ["lib/src/main/java/com/acme/lib/Tool.java"]),
        ("com.acme.lib.Tool", "In", ["lib/src/main/java/com/acme/lib/Tool.java"]),
        ("com.acme.app.Helper", "CONSTANT", ["app/src/main/java/com/acme/app/Helper.java"]),
        ("com.other", "Tool", ["lib/src/main/java/com/other/Tool.java"]),
        ("java.util", "List", []),
        ("com.acme.missing", "Tool", []),
    ],
)
def test_java_imports_are_found_below_any_source_root(
    tmp_path: Path, module: str, name: str, expected: list[str]
) -> None:
    path = "app/src/test/java/com/acme/app/MainTest.java"
    assert resolve(indexed(tmp_path, _JAVA), path, Import(module, name, "", 0)) == expected


def test_java_imports_of_a_whole_package_mean_its_files(tmp_path: Path) -> None:
    path = "app/src/test/java/com/acme/app/MainTest.java"
    assert resolve(indexed(tmp_path, _JAVA), path, Import("com.acme.app", "*", "", 0)) == [
        "app/src/main/java/com/acme/app/Helper.java",
        "app/src/main/java/com/acme/app/Main.java",
    ]


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("near.h", ["src/near.h"]),
        ("lib/api.h", ["include/lib/api.h"]),
        ("far.h", ["deep/below/far.h"]),
        ("stdio.h", []),
        ("../../etc/passwd", []),
    ],
)
def test_includes_are_found_beside_in_include_folders_and_elsewhere(
    tmp_path: Path, module: str, expected: list[str]
) -> None:
    files = {"src/main.c": "", "src/near.h": "", "include/lib/api.h": "", "deep/below/far.h": ""}
    assert resolve(indexed(tmp_path, files), "src/main.c", Import(module, "", "", 0)) == expected
