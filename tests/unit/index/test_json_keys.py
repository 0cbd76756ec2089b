"""The keys of a valid JSON text are the same with and without a syntax tree."""

import json
import re
from typing import Any

import pytest
import tree_sitter
from hypothesis import given
from hypothesis import strategies as st

from fimble.index.extraction import extract, file_symbols
from fimble.index.json_keys import json_rows
from fimble.index.languages import grammar_of, language_named
from fimble.index.rows import NAME_BYTES_MAX, Rows, query_rows
from fimble.index.symbols import FileSymbols

JSON = language_named("json")
assert JSON is not None
GRAMMAR = grammar_of(JSON)
assert GRAMMAR is not None

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", "{", "}]", 'a"b', "\n", "€", "/"]
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=30,
)


def in_tree(source: bytes) -> FileSymbols:
    assert GRAMMAR is not None
    root = tree_sitter.Parser(GRAMMAR.parser_language).parse(source).root_node
    return file_symbols(GRAMMAR.language, source, query_rows(GRAMMAR, root), is_broken=root.has_error)


def is_misread(source: bytes) -> bool:
    """Tells whether a text has a number that tree-sitter-json 0.24.8 takes for an error: 1e+16."""
    return re.search(rb"\d[eE]\+", source) is not None


def of_rows(source: bytes, rows: Rows) -> FileSymbols:
    assert GRAMMAR is not None
    return file_symbols(GRAMMAR.language, source, rows)


@given(
    VALUES | st.dictionaries(TEXTS, VALUES, max_size=5),
    st.sampled_from([None, 0, 1, "\t", "\r\n"]),
    st.sampled_from([(",", ":"), (" , ", " : "), (",\n", "\t:\r\n")]),
    st.booleans(),
)
def test_valid_texts_have_the_keys_of_their_trees(
    value: Any,
    indent: int | str | None,
    separators: tuple[str, str],
    is_ascii: bool,
) -> None:
    source = json.dumps(value, indent=indent, separators=separators, ensure_ascii=is_ascii).encode()
    rows = json_rows(source)
    assert rows is not None
    if not is_misread(source):
        assert of_rows(source, rows) == in_tree(source)


@given(VALUES, st.data())
def test_texts_that_somebody_is_changing_have_the_keys_of_their_trees_or_none(value: Any, data: st.DataObject) -> None:
    source = json.dumps({"first": value, "second": {"third": value}}, ensure_ascii=False).encode()
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(len(source), start + 5)))
    typed = data.draw(st.sampled_from([b"", b'"', b"{", b"}", b",", b":", b"[", b"\\", b"/*x*/", b"1", b"tru", b"\0"]))
    changed = source[:start] + typed + source[end:]
    rows = json_rows(changed)
    if rows is not None and not is_misread(changed):
        assert of_rows(changed, rows) == in_tree(changed)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b" \n",
        b'{"a": 1',
        b'{"a": 1}}',
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 1} // why',
        b'{"a": NaN}',
        b'{"a": 01}',
        b'{"a": "\n"}',
        b'{"a": "\\x"}',
        b'{"a": 1} {"b": 2}',
        b"[" * 100_000,
        b'{"a": {"b": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b'{"a": 1, "b": 2, "a": 3}',
        b'{"a": 1, "b": {"c": 2, "c": {"d": 3}}}',
        b'{"a": {"x": 1}, "a": {"x": 2}}',
        b'{"a": 1, "b": 2, "a": 1, "c": "longer", "b": 2222222222222}',
    ],
)
def test_what_is_not_valid_or_says_a_key_twice_is_left_to_the_parser(source: bytes) -> None:
    assert json_rows(source) is None


def test_keys_that_are_no_names_are_left_out() -> None:
    long = "x" * (NAME_BYTES_MAX + 1)
    source = json.dumps({"": 1, "with\n": {"inner": 2}, long: 3, long[1:]: 4}).encode()
    rows = json_rows(source)
    assert rows is not None
    assert [row.name for row in rows.definitions] == ["inner", long[1:]]
    assert of_rows(source, rows) == in_tree(source)


def test_extraction_takes_the_short_way_where_it_can_and_the_parser_where_it_must() -> None:
    assert GRAMMAR is not None
    for source in (b'{"a": {"b": [1, {"c": 2}]}}', b'{"a": {"b": 1}, // why\n "d": 2}'):
        assert extract(GRAMMAR, source) == in_tree(source)
        assert [symbol.name for symbol in extract(GRAMMAR, source).symbols][:2] == ["a", "b"]
