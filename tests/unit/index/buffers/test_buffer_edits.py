"""After any edits, a buffer holds what a fresh parse of its text gives."""

import os
import random
from functools import cache
from pathlib import Path

import pytest
import tree_sitter
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.buffers.buffer import Buffer, Outcome
from fimble.index.extraction import Rows, file_symbols, query_rows
from fimble.index.languages import Grammar, grammar_of, language_of_path
from tests.unit.index.buffers.typist import Typist

# The full 100,000 edits take several minutes; they run where FIMBLE_TEST_EDITS says so.
EDITS = int(os.environ.get("FIMBLE_TEST_EDITS", "3600"))
EDITS_PER_EXAMPLE = 40
SOURCES = sorted((Path(__file__).parent / "sources").iterdir())


@cache
def grammar_for(path: Path) -> Grammar:
    language = language_of_path(path.name)
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    return grammar


def fresh_rows(grammar: Grammar, source: bytes) -> tuple[Rows, bool]:
    tree = tree_sitter.Parser(grammar.parser_language).parse(source)
    rows = query_rows(grammar, tree.root_node)
    return Rows(sorted(set(rows.definitions)), sorted(set(rows.imports))), tree.root_node.has_error


def assert_fresh(buffer: Buffer, grammar: Grammar, source: bytes) -> None:
    rows, is_broken = fresh_rows(grammar, source)
    if not is_broken:
        assert not buffer.is_broken
        assert buffer.rows() == rows
        assert buffer.symbols() == (file_symbols(grammar.language, source, rows), ())
        return
    assert buffer.reparse(is_fresh=True) is Outcome.UP_TO_DATE
    assert buffer.is_broken
    assert buffer.rows() == rows


def run_edits(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    grammar = grammar_for(path)
    source = path.read_bytes()
    if chance.random() < 0.3:
        source = source.replace(b"\n", b"\r\n")
    typist = Typist(chance, source)
    buffer = Buffer(grammar, source)
    buffer.reparse()
    for _ in range(EDITS_PER_EXAMPLE):
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            buffer.edit(*typist.edit())
        assert buffer.source == typist.source
        # Now and then the parser does not get around to it between two edits.
        if chance.random() < 0.1:
            continue
        assert buffer.reparse() is Outcome.UP_TO_DATE
        if not buffer.is_broken or chance.random() < 0.2:
            assert_fresh(buffer, grammar, typist.source)
    buffer.reparse()
    assert_fresh(buffer, grammar, typist.source)
    while (edit := typist.undo()) is not None:
        buffer.edit(*edit)
    buffer.reparse()
    assert_fresh(buffer, grammar, source)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_after_random_edits_a_buffer_equals_a_fresh_parse(path: Path) -> None:
    @settings(max_examples=max(EDITS // (EDITS_PER_EXAMPLE * len(SOURCES)), 1), deadline=None, database=None)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        run_edits(path, seed)

    check()
