"""Every language's tag query on texts that are cut, mixed up and not even text."""

from pathlib import Path

import pytest
import tree_sitter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.index.extraction import extract, query_rows
from fimble.index.languages import LANGUAGES, Language, grammar_of, language_named
from fimble.index.symbols import FileSymbols

_SAMPLES = {
    path.stem: path.read_bytes() for path in (Path(__file__).parent / "tags").iterdir() if path.suffix != ".expected"
}
# Long enough for what languages nest, short enough for the grammars that take quadratic time on nonsense.
_BYTES_MAX = 600
_NOISE = [b"", b"\x00", b"\xff\xfe", b"\r", b"\r\n", b"\n", b"\xc3", "漢😀".encode(), b'"', b"'", b'"""', b"/*", b"*/"]
_NOISE += [b"(", b")", b"{", b"}", b"[", b"]", b"<", b">", b"\\", b"#", b"--", b"$(", b"<<EOF", b"\xe2\x80\xa8", b"\t"]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_text_holds_its_symbols_make_sense(language: Language, data: st.DataObject) -> None:
    grammar = grammar_of(language)
    assert grammar is not None, "all grammars are installed"
    sample = _SAMPLES.get(language.name, b"") or _SAMPLES.get(language.tags, b"")
    start = data.draw(st.integers(0, len(sample)), label="start")
    source = sample[start : start + data.draw(st.integers(0, _BYTES_MAX), label="length")]
    for _ in range(data.draw(st.integers(0, 4), label="edits")):
        at = data.draw(st.integers(0, len(source)), label="at")
        until = data.draw(st.integers(at, min(len(source), at + 40)), label="until")
        noise = data.draw(st.one_of(st.sampled_from(_NOISE), st.binary(max_size=20)), label="noise")
        source = source[:at] + noise + source[until:]
    # Whoever reads a file sees to it that its text is UTF-8.
    source = source.decode("utf-8", "replace").encode()
    _assert_sense(extract(grammar, source), source)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_range_gives_the_rows_of_the_whole_tree_that_intersect_it(language: Language, data: st.DataObject) -> None:
    grammar = grammar_of(language)
    assert grammar is not None, "all grammars are installed"
    sample = _SAMPLES.get(language.name, b"") or _SAMPLES.get(language.tags, b"")
    start = data.draw(st.integers(0, len(sample) - 1), label="start")
    end = data.draw(st.integers(start + 1, min(len(sample), start + 200)), label="end")
    root = tree_sitter.Parser(grammar.parser_language).parse(sample).root_node
    everything, found = query_rows(grammar, root), query_rows(grammar, root, (start, end))
    assert everything.definitions
    assert set(found.definitions) == {row for row in everything.definitions if row.start < end and row.end > start}
    assert set(found.imports) == {row for row in everything.imports if row.start < end and row.end > start}


@pytest.mark.parametrize("name", ["dart", "haskell", "scala", "elixir"])
def test_every_place_of_a_sample_gives_the_rows_around_it(name: str) -> None:
    language = language_named(name)
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    sample = _SAMPLES[name]
    root = tree_sitter.Parser(grammar.parser_language).parse(sample).root_node
    everything = query_rows(grammar, root).definitions
    for start in range(len(sample)):
        for end in (start + 1, start + 150):
            found = query_rows(grammar, root, (start, min(end, len(sample)))).definitions
            assert set(found) == {row for row in everything if row.start < end and row.end > start}, (start, end)


def test_the_check_itself_finds_nonsense() -> None:
    python = next(language for language in LANGUAGES if language.name == "python")
    grammar = grammar_of(python)
    assert grammar is not None
    source = b"class A:\n    def f(self): ...\n"
    file_symbols = extract(grammar, source)
    assert [symbol.name for symbol in file_symbols.symbols] == ["A", "f"]
    _assert_sense(file_symbols, source)
    with pytest.raises(AssertionError):
        _assert_sense(file_symbols, source[:20])
    with pytest.raises(AssertionError):
        _assert_sense(file_symbols, b"# 12\n" + source)


def _assert_sense(file_symbols: FileSymbols, source: bytes) -> None:
    lines = source.splitlines(keepends=True) or [b""]
    last_start = 0
    for number, symbol in enumerate(file_symbols.symbols):
        assert symbol.name
        assert 0 <= symbol.start <= symbol.name_start < symbol.end <= len(source)
        if "\ufffd" not in symbol.name:
            name = symbol.name.encode()
            assert source[symbol.name_start :].startswith(name)
            assert symbol.name_start + len(name) <= symbol.end
        assert 0 <= symbol.start_line <= symbol.line <= symbol.end_line < len(lines)
        assert sum(map(len, lines[: symbol.line])) <= symbol.name_start < sum(map(len, lines[: symbol.line + 1]))
        assert 0 <= symbol.column <= len(lines[symbol.line])
        assert "\n" not in symbol.signature
        assert "\n" not in symbol.doc
        assert symbol.start >= last_start
        last_start = symbol.start
        assert -1 <= symbol.parent < number
        if symbol.parent >= 0:
            parent = file_symbols.symbols[symbol.parent]
            assert parent.start <= symbol.start
            assert symbol.end <= parent.end
    for taken in file_symbols.imports:
        assert 0 <= taken.line < len(lines)
