"""What is read from disk, and what is left alone."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.index.files.source import (
    PARSE_BYTES_MAX,
    WORDS_BYTES_MAX,
    Skipped,
    Source,
    as_utf8,
    content_id,
    is_generated,
    is_minified,
    is_vendored,
    language_of,
    read_source,
)


def read(root: Path, path: str, content: bytes) -> Source | Skipped:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content)
    return read_source(str(root), path)


def test_a_plain_file_is_read_as_it_is(tmp_path: Path) -> None:
    source = read(tmp_path, "a/x.py", b"x = 1\n")
    assert isinstance(source, Source)
    assert (source.text, source.size, source.is_generated, source.is_vendored) == (b"x = 1\n", 6, False, False)
    status = (tmp_path / "a/x.py").stat()
    assert (source.mtime_ns, source.inode) == (status.st_mtime_ns, status.st_ino)


@pytest.mark.parametrize("content", [b"", b"x = 1\n", b"caf\xe9\n", b"\xef\xbb\xbfx\r\n"])
def test_the_content_id_is_the_one_that_git_gives(tmp_path: Path, content: bytes) -> None:
    given_by_git = subprocess.run(
        ["git", "hash-object", "--no-filters", "--stdin"], input=content, capture_output=True, check=True
    ).stdout
    assert content_id(content).hex() == given_by_git.decode().strip()
    source = read(tmp_path, "x", content)
    assert isinstance(source, Source)
    assert source.content_id == content_id(content)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfx = 1", "x = 1"),
        ("x = 'é😀'".encode("utf-16"), "x = 'é😀'"),
        (b"\xfe\xff" + "x = 'é'".encode("utf-16-be"), "x = 'é'"),
        (b"\xff\xfe" + "x".encode("utf-16-le") + b"\x00", "x\ufffd"),
        ("é漢😀".encode(), "é漢😀"),
        (b"# caf\xe9 \x80\x93", "# café €“"),
        ("# ééé".encode() + b"\xff", "# ééé\ufffd"),
        (b"# \x81\xe9", "# \ufffdé"),
        (b"", ""),
    ],
)
def test_every_encoding_becomes_utf8(content: bytes, text: str) -> None:
    assert as_utf8(content) == text.encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_utf8_or_no_text(content: bytes) -> None:
    text = as_utf8(content)
    if text is not None:
        text.decode("utf-8")


def test_binary_files_are_skipped_and_a_late_zero_is_not_binary(tmp_path: Path) -> None:
    assert read(tmp_path, "x.py", b"\x7fELF\0\0\0") is Skipped.BINARY
    assert read(tmp_path, "x.py", b"\xff\xfe\0\0x\0\0\0") is Skipped.BINARY
    assert isinstance(read(tmp_path, "x.py", b"x = 1\n" * 2000 + b"\0"), Source)


def test_large_files_are_skipped_and_middling_ones_not_parsed(tmp_path: Path) -> None:
    line = b"x = 1\n"
    assert read(tmp_path, "x.py", line * (WORDS_BYTES_MAX // 6 + 1)) is Skipped.TOO_LARGE
    middling = read(tmp_path, "x.py", line * (PARSE_BYTES_MAX // 6 + 1))
    assert isinstance(middling, Source)
    assert not middling.is_parseable
    small = read(tmp_path, "x.py", line * (PARSE_BYTES_MAX // 6))
    assert isinstance(small, Source)
    assert small.is_parseable


def test_a_notebook_may_be_larger_and_have_one_line(tmp_path: Path) -> None:
    content = b'{"cells": ["' + b"x" * 2 * WORDS_BYTES_MAX + b'"]}'
    assert isinstance(read(tmp_path, "x.ipynb", content), Source)
    assert read(tmp_path, "x.json", content) is Skipped.TOO_LARGE


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("x = 1\n")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "link.py").symlink_to("real.py")
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pipe_with_writer.py")
    writer = os.open(tmp_path / "pipe_with_writer.py", os.O_RDWR | os.O_NONBLOCK)
    paths = ["real.py", "folder.py", "link.py", "pipe.py", "pipe_with_writer.py", "missing.py", "zero\0.py", "x" * 5000]
    found = {path: read_source(str(tmp_path), path) for path in paths}
    os.close(writer)
    assert [path for path, source in found.items() if isinstance(source, Source)] == ["real.py"]
    assert {source for path, source in found.items() if path != "real.py"} == {Skipped.UNREADABLE}


def test_a_link_on_the_way_leads_nowhere(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "real", outside):
        folder.mkdir(parents=True)
        (folder / "x.py").write_text("secret = 1\n")
    (root / "link").symlink_to(outside)
    assert isinstance(read_source(str(root), "real/x.py"), Source)
    assert read_source(str(root), "link/x.py") is Skipped.UNREADABLE
    assert read_source(str(root), "../outside/x.py") is Skipped.UNREADABLE


def test_a_file_whose_name_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = os.fsdecode(b"caf\xe9.py")
    assert isinstance(read(tmp_path, path, b"x = 1\n"), Source)


def test_minified_texts_are_told_from_those_with_a_long_line() -> None:
    assert is_minified(b"var a=1;" * 2000)
    assert is_minified((b"var a=1;" * 500 + b"\n") * 10)
    assert is_minified(b"x = 1\n" * 20 + b"'" + b"A" * 200_000 + b"'\n" + b"y = 1\n" * 2000)
    assert not is_minified(b"var a=1;" * 100)
    assert not is_minified(b"x = 1\n" * 10_000 + b"'" + b"A" * 40_000 + b"'\n")
    assert not is_minified(b"x = 1\r" * 10_000)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("x.go", b"// Code generated by protoc-gen-go. DO NOT EDIT.\n", True),
        ("x.js", b"/** @generated SignedSource<<x>> */\n", True),
        ("x.cs", b"// <auto-generated>\n", True),
        ("a/package-lock.json", b"{}", True),
        ("a/x_pb2.py", b"", True),
        ("x.py", b"# How passwords are generated\n", False),
        ("x.py", b"x = 1\n" * 500 + b"# DO NOT EDIT\n", False),
        ("package.json", b"{}", False),
        ("unlock.lock", b"", False),
    ],
)
def test_generated_files_say_so_in_name_or_first_lines(path: str, text: bytes, expected: bool) -> None:
    assert is_generated(path, text) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("vendor/a/x.go", True),
        ("a/node_modules/b/x.js", True),
        ("third_party/x.c", True),
        ("static/app.min.js", True),
        ("vendor.py", False),
        ("a/vendored/x.py", False),
        ("src/x.js", False),
    ],
)
def test_vendored_files_are_known_by_their_path(path: str, expected: bool) -> None:
    assert is_vendored(path) is expected


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a/x.py", b"", "python"),
        ("a/x.h", b"int f(void);\n", "c"),
        ("a/x.h", b"#pragma once\nnamespace a {\n}\n", "cpp"),
        ("a/x.h", b"#include <vector>\nstruct S {};\n", "cpp"),
        ("a/x.h", b"  template <typename T>\nT f();\n", "cpp"),
        ("a/x.h", b'/* a class of things */\n#ifdef __cplusplus\nextern "C" {\n#endif\n', "c"),
        ("a/tool", b"#!/usr/bin/env python3\n", "python"),
        ("a/tool", b"#!/bin/sh\n", "bash"),
        ("a/tool", b"no shebang\n", None),
        ("a/tool.unknown", b"#!/bin/sh\n", None),
        ("a/x.ts", b"const a = 1;\n", "typescript"),
        ("a/x.ts", b'<?xml version="1.0"?>\n<!DOCTYPE TS>\n', None),
    ],
)
def test_the_language_follows_from_name_and_first_lines(path: str, text: bytes, name: str | None) -> None:
    language = language_of(path, text)
    assert (language.name if language else None) == name
