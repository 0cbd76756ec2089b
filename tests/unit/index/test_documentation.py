"""What documents a definition, in each language's own way of saying so. `$0` stands before the definition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.documentation import documentation
from fimble.index.languages import LANGUAGES, Language, language_named
from fimble.index.symbols import DOC_CHARACTERS_MAX

PIECES = ["/*", "*/", "//", "///", "#", "#[", "]", "@a(", "})", "--", "-- |", "{-", "-}", "--[[", "]]", "#=", "=#"]
PIECES += ["@doc ", "@moduledoc ", "do ", "<p>", "====", "text", "é", "\u2028", "\x00", "'", '"', '"""']
PIECES += ["\n", "\r\n", " "]


def _documentation(name: str, text: str) -> str:
    """Returns the documentation of the definition at `$0`, whose body starts at `$b` where there is one."""
    before, _, after = text.partition("$0")
    start = len(before.encode())
    head, marker, tail = after.partition("$b")
    body = start + len(head.encode()) if marker else -1
    return documentation(_language(name), (before + head + tail).encode(), start, body)


def _language(name: str) -> Language:
    language = language_named(name)
    assert language is not None
    return language


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", '$0def f():\n    $b"""Does it.\n\n    More.\n    """\n', "Does it."),
        ("python", '$0def f():\n    $br"""\n    Does it.\n    """\n', "Does it."),
        ("python", "$0class A:\n    $b'Is one.'\n", "Is one."),
        ("python", "# Does it.\n# More.\n@decorated\n$0def f():\n    $breturn 1\n", "Does it."),
        ("python", "#: How many.\n$0LIMIT = 3\n", "How many."),
        ("javascript", "/** Does it. */\n$0function f() {}\n", "Does it."),
        ("javascript", "/**\n * Does it.\n *\n * @param x what\n */\nexport default $0function f() {}\n", "Does it."),
        ("javascript", "/**\n * @description Does it.\n */\n$0function f() {}\n", "Does it."),
        (
            "typescript",
            "/**\n * Shows it.\n */\n@Component({\n  selector: 'x',\n})\nexport $0class X {}\n",
            "Shows it.",
        ),
        ("typescript", "// eslint-disable-next-line\n// Does it.\nexport const $0f = 1;\n", "Does it."),
        ("rust", "/// Does it.\n/// More.\n#[derive(Debug)]\n#[inline]\n$0pub fn f() {}\n", "Does it."),
        ("rust", "/// Does it.\n#[derive(\n    Debug,\n)]\n$0struct A;\n", "Does it."),
        ("go", "// F does it.\n// More.\n$0func F() {}\n", "F does it."),
        ("java", '/**\n * Does it.\n */\n@Override\n@SuppressWarnings({"a"})\n    public $0void f() {}\n', "Does it."),
        ("java", "/** <p>Does <T> it.</p> */\n$0void f() {}\n", "Does <T> it."),
        ("c", "/*\n * Does it.\n */\n$0int f(void);\n", "Does it."),
        ("c", "/*!\n * \\brief Does it.\n */\nstatic $0int f(void);\n", "Does it."),
        ("cpp", "/// Does it.\ntemplate <typename T>\n$0T f();\n", "Does it."),
        ("cpp", "//===---- Parts -----===//\n$0void f();\n", "Parts"),
        ("csharp", "/// <summary>\n/// Does it.\n/// </summary>\n[Obsolete]\npublic $0void F() {}\n", "Does it."),
        ("csharp", "/// <summary>Does it.</summary>\n$0void F() {}\n", "Does it."),
        ("ruby", "  # Does it.\n  # More.\n  $0def f; end\n", "Does it."),
        ("ruby", "# Does it.\nsig { void }\n$0def f; end\n", "Does it."),
        ("php", "/**\n * Does it.\n */\n#[Route('/x')]\n$0function f() {}\n", "Does it."),
        ("php", "# Does it.\n$0function f() {}\n", "Does it."),
        ("kotlin", "/** Does it. */\n@Inject\nprivate $0fun f() {}\n", "Does it."),
        ("swift", "/**\n Does it.\n */\n@objc $0func f() {}\n", "Does it."),
        ("scala", "/** Does it.\n  *\n  * More.\n  */\n$0def f = 1\n", "Does it."),
        ("lua", "--- Does it.\n-- @param x what\nlocal $0function f() end\n", "Does it."),
        ("lua", "--[[ Does it. ]]\n$0function f() end\n", "Does it."),
        ("lua", "--[[\n  Does it.\n]]\n$0function f() end\n", "Does it."),
        ("bash", "#!/bin/sh\n# Does it.\n$0f() {\n}\n", "Does it."),
        ("sql", "-- Holds them.\n$0CREATE TABLE t (id int);\n", "Holds them."),
        ("elixir", '$0defmodule A $bdo\n  @moduledoc """\n  Is one.\n  """\nend\n', "Is one."),
        ("elixir", '  @doc """\n  Does it.\n\n  More.\n  """\n  @spec f() :: 1\n  $0def f, do: 1\n', "Does it."),
        ("elixir", '  @doc "Does it."\n  @impl true\n  $0def f, do: 1\n', "Does it."),
        ("elixir", '  @typedoc ~S"""\n  What it is.\n  """\n  $0@type t :: 1\n', "What it is."),
        ("haskell", "-- | Does it.\n-- More.\n$0f :: Int\n", "Does it."),
        ("haskell", "{- | Does it.\n-}\n{-# INLINE f #-}\n$0f :: Int\n", "Does it."),
        ("zig", "/// Does it.\npub $0fn f() void {}\n", "Does it."),
        ("dart", "/// Does it.\n@override\n$0void f() {}\n", "Does it."),
        ("julia", '"""\n    f(x)\n\nDoes it.\n"""\n$0f(x) = 1\n', "Does it."),
        ("julia", '"Does it."\n$0f(x) = 1\n', "Does it."),
        ("julia", "#=\nDoes it.\n=#\n$0f(x) = 1\n", "Does it."),
        ("hcl", "# Where it runs.\n$0variable {}\n", "Where it runs."),
        ("make", "# Builds it.\n$0all:\n", "Builds it."),
        ("python", "# Häuser 家\r\n$0def f(): ...\r\n", "Häuser 家"),
    ],
)
def test_the_first_line_of_the_documentation_is_found(language: str, text: str, expected: str) -> None:
    assert _documentation(language, text) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "$0def f():\n    $breturn 'text'\n"),
        ("python", "x = 1  # About x.\n$0def f(): ...\n"),
        ("python", "# Copyright 2026 the authors.\n\n$0def f(): ...\n"),
        ("python", "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n$0def f(): ...\n"),
        ("java", "/*\n * The licence of this file.\n */\n\n$0class A {}\n"),
        ("kotlin", "// Copyright 2026 the authors.\n$0package a\n"),
        ("c", "int x; /* About x. */\n$0int f(void);\n"),
        ("c", "// About x.\nint x; $0int y;\n"),
        ("c", "// About g.\nint g(void);\n$0int f(void);\n"),
        ("javascript", "// @ts-ignore\n$0function f() {}\n"),
        ("javascript", "/** @type {number} */\n$0let x = 1;\n"),
        ("typescript", "// About g.\ng({\n  a: 1,\n})\n$0class X {}\n"),
        ("php", "#[Route('/x')]\n$0function f() {}\n"),
        ("ruby", "# About the number.\n@count = 0\n$0def f; end\n"),
        ("elixir", "  @doc false\n  $0def f, do: 1\n"),
        ("julia", 'x = "text"\n$0f(x) = 1\n'),
        ("rust", "// -----------------\n$0fn f() {}\n"),
        ("c", "*/\n$0int f(void);\n"),
        ("go", "$0func F() {}\n"),
        ("go", ""),
    ],
)
def test_what_is_about_something_else_documents_nothing(language: str, text: str) -> None:
    assert _documentation(language, text) == ""


def test_a_long_line_is_cut() -> None:
    found = _documentation("rust", f"/// {'x' * 5_000}\n$0fn f() {{}}\n")
    assert found == "x" * DOC_CHARACTERS_MAX


def test_a_comment_that_never_starts_or_never_ends_is_read_only_so_far() -> None:
    assert _documentation("c", f"{'x' * 200_000}\n */\n$0int f(void);\n") == ""
    assert _documentation("rust", f"{'// y' * 50_000} $0fn f() {{}}\n") == ""
    assert _documentation("rust", "/// First.\n" + "/// z\n" * 10_000 + "$0fn f() {}\n") == "z"
    assert _documentation("typescript", "@a({\n" + "  b,\n" * 10_000 + "})\n$0class A {}\n") == ""


@settings(max_examples=200, deadline=None)
@given(
    language=st.sampled_from(LANGUAGES),
    pieces=st.lists(st.sampled_from(PIECES), max_size=40),
    data=st.data(),
)
def test_any_text_gives_one_short_line(language: Language, pieces: list[str], data: st.DataObject) -> None:
    source = "".join(pieces).encode()
    start = data.draw(st.integers(0, len(source)))
    body = data.draw(st.one_of(st.just(-1), st.integers(start, len(source))))
    found = documentation(language, source, start, body)
    assert len(found) <= DOC_CHARACTERS_MAX
    assert found == " ".join(found.split())
