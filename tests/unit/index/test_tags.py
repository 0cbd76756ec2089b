"""Every language's tag query, on one sample file that holds what the language can define.

A case is two files in `tags/`: `LANGUAGE.EXTENSION`, the sample, and `LANGUAGE.expected`, what it defines and imports,
a line each. With FIMBLE_WRITE_EXPECTED=1 the expectations are written anew; read the difference before keeping it.
"""

import os
from pathlib import Path

import pytest

from fimble.index.extraction import extract
from fimble.index.languages import LANGUAGES, Grammar, Language, grammar_of, language_named
from fimble.index.symbols import FileSymbols

_CASES = Path(__file__).parent / "tags"
_SAMPLES = sorted(path for path in _CASES.iterdir() if path.suffix != ".expected")


def _grammar(name: str) -> Grammar:
    language = language_named(name)
    assert language is not None, f"{name} is no language"
    grammar = grammar_of(language)
    assert grammar is not None, f"the grammar of {name} is not installed"
    return grammar


def _rendered(file_symbols: FileSymbols) -> str:
    """Returns `kind name :line signature — doc` for each symbol, indented below its parent, then the imports."""
    lines: list[str] = []
    depths: list[int] = []
    for symbol in file_symbols.symbols:
        depth = depths[symbol.parent] + 1 if symbol.parent >= 0 else 0
        depths.append(depth)
        documentation = f" — {symbol.doc}" if symbol.doc else ""
        kind = symbol.kind.name.lower()
        lines.append(f"{'  ' * depth}{kind} {symbol.name} :{symbol.line + 1} {symbol.signature}{documentation}")
    for found in file_symbols.imports:
        taken = f" {found.name}" if found.name else ""
        alias = f" as {found.alias}" if found.alias else ""
        lines.append(f"import {found.module}{taken}{alias} :{found.line + 1}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("sample", _SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_file_defines_and_imports_what_is_expected(sample: Path) -> None:
    file_symbols = extract(_grammar(sample.stem), sample.read_bytes())
    rendered = _rendered(file_symbols)
    expected = sample.with_suffix(".expected")
    if os.environ.get("FIMBLE_WRITE_EXPECTED"):
        expected.write_text(rendered, "utf-8")
    assert rendered == expected.read_text("utf-8")
    assert not file_symbols.is_broken


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_installed_grammar_compiles_its_query_and_takes_an_empty_text(language: Language) -> None:
    grammar = grammar_of(language)
    assert grammar is not None, "all grammars are installed"
    assert extract(grammar, b"") == FileSymbols(language.name, (), ())


def test_every_sample_has_an_expectation_and_the_reverse() -> None:
    stems = [sample.stem for sample in _SAMPLES]
    assert len(stems) == len(set(stems))
    assert sorted(path.stem for path in _CASES.glob("*.expected")) == sorted(stems)
