"""Rows found by ranges are the rows of the whole tree, and symbols follow from rows and text; see also test_tags."""

from pathlib import Path

import pytest
import tree_sitter
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.extraction import (
    NAME_BYTES_MAX,
    ImportRow,
    Row,
    Rows,
    extract,
    file_symbols,
    line_starts,
    query_rows,
    signature,
)
from fimble.index.languages import Grammar, grammar_of, language_named
from fimble.index.rows import FUNCTION_DEPTH_MAX
from fimble.index.symbols import SIGNATURE_CHARACTERS_MAX, Kind

_LANGUAGES = ("python", "typescript", "tsx", "javascript", "rust", "go", "java", "c", "cpp", "csharp")
_SAMPLES = {path.stem: path for path in (Path(__file__).parent / "tags").iterdir() if path.suffix != ".expected"}


def _grammar(name: str) -> Grammar:
    language = language_named(name)
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    return grammar


def _outline(language: str, source: str) -> list[tuple[str, str, str]]:
    """Returns kind, name and the parent's name of each symbol."""
    symbols = extract(_grammar(language), source.encode()).symbols
    return [
        (symbol.kind.name, symbol.name, symbols[symbol.parent].name if symbol.parent >= 0 else "") for symbol in symbols
    ]


def _found(rows: Rows) -> tuple[set[Row], set[ImportRow]]:
    return set(rows.definitions), set(rows.imports)


def _intersecting(rows: Rows, low: int, high: int) -> tuple[set[Row], set[ImportRow]]:
    return (
        {row for row in rows.definitions if row.start < high and row.end > low},
        {row for row in rows.imports if row.start < high and row.end > low},
    )


@st.composite
def _edits(draw: st.DrawFn, source: bytes) -> tuple[int, int, bytes]:
    """An edit like those of a person: some bytes go, and others, often code from elsewhere in the file, come."""
    start = draw(st.integers(0, len(source)))
    end = min(len(source), start + draw(st.sampled_from((0, 0, 1, 2, 10, 80))))
    copied = draw(st.integers(0, len(source)))
    new = draw(
        st.sampled_from(
            (b"", b"x", b" ", b"\n", b"{", b"}", b"(", b")", b'"', b"'", b'"""', b"/*", b"#", b"class ", b"def ", b"=")
        )
        | st.just(source[copied : copied + 60])
    )
    return start, end, new


def _point(source: bytes, offset: int) -> tuple[int, int]:
    return source.count(b"\n", 0, offset), offset - (source.rfind(b"\n", 0, offset) + 1)


def _edit(tree: tree_sitter.Tree, source: bytes, start: int, end: int, new: bytes) -> bytes:
    after = source[:start] + new + source[end:]
    new_end = start + len(new)
    tree.edit(start, end, new_end, _point(source, start), _point(source, end), _point(after, new_end))
    return after


@pytest.mark.parametrize("language", _LANGUAGES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_query_of_a_range_finds_what_a_query_of_all_finds_there(language: str, data: st.DataObject) -> None:
    grammar = _grammar(language)
    source = _SAMPLES[language].read_bytes()
    start, end, new = data.draw(_edits(source))
    source = source[:start] + new + source[end:]
    root = tree_sitter.Parser(grammar.parser_language).parse(source).root_node
    low = data.draw(st.integers(0, len(source)))
    high = data.draw(st.integers(low + 1, len(source) + 10))
    assert _found(query_rows(grammar, root, (low, high))) == _intersecting(query_rows(grammar, root), low, high)


@pytest.mark.parametrize("language", _LANGUAGES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rows_kept_up_to_date_by_ranges_give_the_symbols_of_the_whole_tree(language: str, data: st.DataObject) -> None:
    grammar = _grammar(language)
    parser = tree_sitter.Parser(grammar.parser_language)
    source = _SAMPLES[language].read_bytes()
    tree = parser.parse(source)
    rows = query_rows(grammar, tree.root_node)
    for _ in range(data.draw(st.integers(1, 4))):
        start, end, new = data.draw(_edits(source))
        source = _edit(tree, source, start, end, new)
        before, tree = tree, parser.parse(source, tree)
        new_end = start + len(new)
        # What shrinks ends where a changed range begins, so that ranges reach a byte further on both sides.
        ranges = [(max(0, start - 1), new_end + 1)]
        ranges += [(max(0, found.start_byte - 1), found.end_byte + 1) for found in before.changed_ranges(tree)]
        rows = _updated(grammar, tree, rows, (start, end, new_end), ranges)
        full = query_rows(grammar, tree.root_node)
        assert file_symbols(grammar.language, source, rows) == file_symbols(grammar.language, source, full)


def _updated(
    grammar: Grammar, tree: tree_sitter.Tree, rows: Rows, edit: tuple[int, int, int], ranges: list[tuple[int, int]]
) -> Rows:
    """Shifts what an edit moved, and replaces what lies in one of the ranges by what is there now."""
    start, end, new_end = edit
    definitions: set[Row] = set()
    imports: set[ImportRow] = set()
    for row in rows.definitions:
        if row.end < start or row.start > end:
            by = new_end - end if row.start > end else 0
            body = row.body + by if row.body >= 0 else -1
            moved = row._replace(start=row.start + by, end=row.end + by, name_start=row.name_start + by, body=body)
            if not any(moved.start < high and moved.end > low for low, high in ranges):
                definitions.add(moved)
    for found in rows.imports:
        if found.end < start or found.start > end:
            by = new_end - end if found.start > end else 0
            moved_import = found._replace(start=found.start + by, end=found.end + by)
            if not any(moved_import.start < high and moved_import.end > low for low, high in ranges):
                imports.add(moved_import)
    for low, high in ranges:
        there = query_rows(grammar, tree.root_node, (low, high))
        definitions.update(there.definitions)
        imports.update(there.imports)
    return Rows(list(definitions), list(imports))


def test_an_empty_range_and_one_beyond_the_text_hold_nothing() -> None:
    grammar = _grammar("python")
    root = tree_sitter.Parser(grammar.parser_language).parse(b"import os\nx = 1\n").root_node
    assert _found(query_rows(grammar, root, (3, 3))) == (set(), set())
    assert _found(query_rows(grammar, root, (500, 600))) == (set(), set())
    assert _found(query_rows(grammar, root, (10, 11))) == ({Row(10, 15, 10, -1, Kind.VARIABLE, "x")}, set())


@pytest.mark.parametrize("language", _LANGUAGES)
@settings(max_examples=20, deadline=None)
@given(garbage=st.binary(max_size=300))
def test_any_bytes_give_some_answer(language: str, garbage: bytes) -> None:
    extract(_grammar(language), garbage)


@pytest.mark.parametrize(
    ("language", "opening", "inside", "closing"),
    [
        ("javascript", "function a() {", "class B { m() {} }", "}"),
        ("javascript", "class A { m() {", "function b() {}", "} }"),
        ("rust", "fn a() {", "fn b() {}", "}"),
        ("c", "struct a { struct {", "int b;", "} c; };"),
        ("cpp", "namespace a {", "int b();", "}"),
        ("csharp", "class A {", "class B {}", "}"),
        ("typescript", "namespace a {", "class B {}", "}"),
    ],
)
def test_definitions_nested_deeper_than_any_stack_are_no_trouble(
    language: str, opening: str, inside: str, closing: str
) -> None:
    depth = 3_000
    source = opening * depth + inside + closing * depth
    assert len(extract(_grammar(language), source.encode()).symbols) >= FUNCTION_DEPTH_MAX


def test_functions_are_searched_in_functions_to_a_bounded_depth() -> None:
    source = "".join(f"{' ' * level}def f{level}():\n" for level in range(FUNCTION_DEPTH_MAX + 5))
    source += " " * (FUNCTION_DEPTH_MAX + 5) + "pass\n"
    assert len(_outline("python", source)) == FUNCTION_DEPTH_MAX + 1


def test_a_variable_of_a_function_is_no_symbol_but_one_of_a_class_in_it_is() -> None:
    source = "def f():\n    local = 1\n    class A:\n        attribute = 1\nlocal = 2\n"
    assert _outline("python", source) == [
        ("FUNCTION", "f", ""),
        ("CLASS", "A", "f"),
        ("FIELD", "attribute", "A"),
        ("VARIABLE", "local", ""),
    ]


def test_what_a_constructor_assigns_belongs_to_the_class_and_counts_once() -> None:
    source = "class A:\n    x = 1\n    def __init__(self):\n        self.x = self.y = 1\n        self.z = 1\n"
    assert _outline("python", source) == [
        ("CLASS", "A", ""),
        ("FIELD", "x", "A"),
        ("METHOD", "__init__", "A"),
        ("FIELD", "z", "A"),
    ]
    assert _outline("python", source.replace("__init__", "other"))[-1] == ("METHOD", "other", "A")


def test_a_constructor_outside_of_a_class_assigns_no_fields() -> None:
    assert _outline("python", "def __init__(self):\n    self.x = 1\n") == [("FUNCTION", "__init__", "")]


def test_a_name_of_unreasonable_length_is_none() -> None:
    assert _outline("python", f"def {'a' * NAME_BYTES_MAX}(): pass\n") != []
    assert _outline("python", f"def {'a' * (NAME_BYTES_MAX + 1)}(): pass\n") == []


def test_lines_and_columns_are_those_of_lsp() -> None:
    source = "# ü\r\nx = 1\n# a\rb\né = y = 2\n\f\nclass 名: pass"
    symbols = extract(_grammar("python"), source.encode()).symbols
    assert [(symbol.name, symbol.line, symbol.column) for symbol in symbols] == [
        ("x", 1, 0),
        ("é", 4, 0),
        ("y", 4, 4),
        ("名", 6, 6),
    ]


def test_a_symbol_knows_its_first_and_last_line() -> None:
    source = b"\n@decorator\ndef f(\n    a,\n):\n    pass\n\nx = [\n  1,\n]\n"
    symbols = extract(_grammar("python"), source).symbols
    assert [(symbol.name, symbol.start_line, symbol.line, symbol.end_line) for symbol in symbols] == [
        ("f", 2, 2, 5),
        ("x", 7, 7, 9),
    ]


@pytest.mark.parametrize(
    ("source", "starts"),
    [
        (b"", [0, 1]),
        (b"a", [0, 2]),
        (b"a\n", [0, 2, 3]),
        (b"a\nb", [0, 2, 4]),
        (b"a\r\nb\rc\n\n", [0, 3, 5, 7, 8, 9]),
        (b"a\x0bb\x0cc\xe2\x80\xa8d", [0, 10]),
    ],
)
def test_line_starts_end_with_an_offset_past_the_text(source: bytes, starts: list[int]) -> None:
    assert line_starts(source) == starts


def test_a_signature_is_one_line_of_bounded_length() -> None:
    source = b"def f(\n    a,  # why\n    # not\n    b,\n) -> int:\n    # A comment.\n    return 1\n"
    assert signature(source, 0, len(source), source.index(b"return")) == "def f( a, # why b, ) -> int"
    assert signature(b"x = [\n1]\n", 0, 8, -1) == "x = ["
    long = b"def f(" + b"a, " * 500 + b"): pass"
    assert len(signature(long, 0, len(long), long.index(b"pass"))) <= SIGNATURE_CHARACTERS_MAX


def test_broken_code_keeps_what_can_be_read_and_says_that_it_is_broken() -> None:
    source = b"class A:\n    def f(self): pass\n\ndef broken(:\n\nclass B:\n    def g(self): pass\n"
    file = extract(_grammar("python"), source)
    assert file.is_broken
    assert {"A", "f", "B", "g"} <= {symbol.name for symbol in file.symbols}


@pytest.mark.parametrize("language", _LANGUAGES)
def test_a_text_that_is_cut_off_anywhere_gives_some_answer(language: str) -> None:
    source = _SAMPLES[language].read_bytes()
    for end in range(0, len(source), 7):
        extract(_grammar(language), source[:end])


def test_text_that_is_not_utf_8_is_replaced() -> None:
    file = extract(_grammar("python"), b"def f():\n    '''\xff'''\nx\xff = 1\n")
    assert file.symbols[0].name == "f"
    assert file.symbols[0].doc == "\ufffd"
