"""How files are recognised, and that each language's grammar and tag query load."""

import re

import pytest
import tree_sitter

from fimble.index.languages import (
    LANGUAGES,
    Language,
    grammar_of,
    language_named,
    language_of_editor_id,
    language_of_path,
    language_of_shebang,
    tag_query,
)

_LATE = re.compile(r"\(#[\w-]+\?.*\(#set!", re.DOTALL)


def _sets_too_late(query: tree_sitter.Query, text: str) -> bool:
    encoded = text.encode()
    starts = [query.start_byte_for_pattern(number) for number in range(query.pattern_count)]
    ends = [query.end_byte_for_pattern(number) for number in range(query.pattern_count)]
    return any(_LATE.search(encoded[start:end].decode()) for start, end in zip(starts, ends, strict=True))


def _name(language: Language | None) -> str | None:
    return language.name if language is not None else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app.py", "python"),
        ("src/deep/er/app.py", "python"),
        ("types.pyi", "python"),
        ("index.d.ts", "typescript"),
        ("view.tsx", "tsx"),
        ("main.rs", "rust"),
        ("lib.h", "c"),
        ("lib.H", "c"),
        ("READ.ME.MD", "markdown"),
        ("tasks.rake", "ruby"),
        ("Gemfile", "ruby"),
        ("index.php", "php"),
        ("build.gradle.kts", "kotlin"),
        ("build.sbt", "scala"),
        ("Package.swift", "swift"),
        ("init.lua", "lua"),
        (".bashrc", "bash"),
        ("home/.zshrc", "bash"),
        ("index.html", "html"),
        ("main.css", "css"),
        ("package.json", "json"),
        (".eslintrc", "json"),
        (".github/workflows/ci.yml", "yaml"),
        ("Cargo.lock", "toml"),
        ("schema.sql", "sql"),
        ("mix.exs", "elixir"),
        ("Main.hs", "haskell"),
        ("build.zig", "zig"),
        ("main.dart", "dart"),
        ("Billing.jl", "julia"),
        ("main.tf", "hcl"),
        ("Makefile", "make"),
        ("rules.mk", "make"),
        ("Dockerfile", "dockerfile"),
        ("api.Dockerfile", "dockerfile"),
    ],
)
def test_a_file_is_recognised_by_its_name(path: str, expected: str) -> None:
    assert _name(language_of_path(path)) == expected


@pytest.mark.parametrize(
    "path", ["", "/", "LICENSE", "photo.png", ".py", "py", "a.py/b", "trailing.", "..", "app.py.bak", "gemfile"]
)
def test_a_file_with_another_name_is_of_no_language(path: str) -> None:
    assert language_of_path(path) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"#!/bin/sh\n", "bash"),
        (b"#! /bin/bash -e\n", "bash"),
        (b"#!/usr/bin/python3\nimport os\n", "python"),
        (b"#!/usr/local/bin/python3.12\n", "python"),
        (b"#!/usr/bin/env python\n", "python"),
        (b"#!/usr/bin/env python3.11\r\n", "python"),
        (b"#!/usr/bin/env -S python3 -u\n", "python"),
        (b"#!/usr/bin/env -S NODE_ENV=test node --flag\n", "javascript"),
        (b"#!/usr/bin/env -S deno run\n", "typescript"),
        (b"#!/usr/bin/env ts-node\n", "typescript"),
        (b"#!/usr/bin/env ruby", "ruby"),
        (b"#!/usr/bin/php8.2\n", "php"),
        (b"#!/usr/bin/env lua5.4\n", "lua"),
        (b"#!/usr/bin/env runhaskell\n", "haskell"),
    ],
)
def test_a_script_is_recognised_by_its_first_line(head: bytes, expected: str) -> None:
    assert _name(language_of_shebang(head)) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"#!",
        b"#!/usr/bin/env\n",
        b"#!/usr/bin/perl\n",
        b"#!/usr/bin/pythonista\n",
        b"# /usr/bin/python\n",
        b"\n#!/usr/bin/python\n",
        b"#!\xff\xfe/\x00\n",
        b"#!/usr/bin/env -S " + b"A=1 " * 2000,
    ],
)
def test_another_first_line_names_no_language(head: bytes) -> None:
    assert language_of_shebang(head) is None


@pytest.mark.parametrize(
    ("editor_id", "expected"),
    [
        ("python", "python"),
        ("typescriptreact", "tsx"),
        ("javascriptreact", "javascript"),
        ("shellscript", "bash"),
        ("cuda-cpp", "cpp"),
        ("jsonc", "json"),
        ("dockercompose", "yaml"),
        ("terraform", "hcl"),
        ("makefile", "make"),
        ("plaintext", None),
        ("", None),
    ],
)
def test_a_document_is_recognised_by_what_the_editor_calls_it(editor_id: str, expected: str | None) -> None:
    assert _name(language_of_editor_id(editor_id)) == expected


def test_no_two_languages_claim_the_same_name() -> None:
    for attribute in ("extensions", "filenames", "interpreters"):
        claimed = [name for language in LANGUAGES for name in getattr(language, attribute)]
        assert len(claimed) == len(set(claimed)), attribute
    names = [language.name for language in LANGUAGES]
    ids = names + [id_ for language in LANGUAGES for id_ in language.editor_ids]
    assert len(ids) == len(set(ids))
    assert all(language_named(language.name) is language for language in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_language_has_a_tag_query_that_its_grammar_understands(language: Language) -> None:
    assert tag_query(language).strip()
    grammar = grammar_of(language)
    assert grammar is not None, "all grammars are installed"
    assert grammar.language is language
    assert grammar.query.pattern_count > 0


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_pattern_sets_before_it_compares(language: Language) -> None:
    """py-tree-sitter 0.26.1 writes where it must not when a query is freed whose `#set!` follows a comparison."""
    grammar = grammar_of(language)
    assert grammar is not None, "all grammars are installed"
    assert not _sets_too_late(grammar.query, tag_query(language))


def test_a_pattern_that_compares_before_it_sets_is_noticed() -> None:
    late = '((identifier) @name (#eq? @name "a") (#set! word "a"))'
    early = '((identifier) @name (#set! word "a") (#eq? @name "a"))'
    # The late one is only read, never made a query: to free it is what goes wrong.
    assert _LATE.search(late) is not None
    assert _LATE.search(early) is None


def test_a_language_whose_grammar_is_not_installed_has_none() -> None:
    assert grammar_of(Language(name="cobol", module="tree_sitter_of_nobody")) is None
    json = language_named("json")
    assert json is not None
    assert grammar_of(json) is not None
