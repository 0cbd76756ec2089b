"""Symbols that were moved along with an edit against those of the edited text."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.buffers.moving import moved, splice_between
from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_named
from fimble.index.symbols import FileSymbols, Symbol
from fimble.workspace.text import Text

SHOP = """\
import json
names = ["Zoë", "漢字"]; limit = 3
class Order:
    def total(self):
        here = 1
        return here

    def send(self): return 2

def post(address):
    return address
import late
"""


def symbols_of(text: Text) -> FileSymbols:
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    return extract(grammar, text.content.encode())


def places(symbol: Symbol) -> tuple[object, ...]:
    return msgspec.structs.astuple(symbol)


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_edits_that_are_no_code_move_symbols_to_where_a_parse_finds_them(seed: int) -> None:
    chance = random.Random(seed)
    older = Text(SHOP)
    # Between statements and inside of comments and strings, where no symbol begins or ends.
    place, new = chance.choice(
        [
            (SHOP.index("import json"), chance.choice(["# é\n", "\n\n\n", "'😀'\n"])),
            (SHOP.index("Zoë") + 1, chance.choice(["x", "é漢", "😀"])),
            (SHOP.index("here"), chance.choice(["x = 1\n        ", "😀".join("''") + "; "])),
            (SHOP.index("class"), chance.choice(["\n", "# é\r\n", "pass\n"])),
            (SHOP.index("return address"), chance.choice(["pass; ", "pass\n    "])),
        ]
    )
    newer = older.replace(place, place, new)
    found = moved(symbols_of(older), splice_between(older, newer))
    expected = symbols_of(newer)
    assert [places(symbol)[:-2] for symbol in found.symbols] == [places(symbol)[:-2] for symbol in expected.symbols]
    assert found.imports == expected.imports
    # And back again.
    back = moved(found, splice_between(newer, older))
    assert [places(symbol)[:-2] for symbol in back.symbols] == [
        places(symbol)[:-2] for symbol in symbols_of(older).symbols
    ]


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_after_any_edit_symbols_are_inside_of_the_text_and_untouched_names_are_where_they_were_written(
    seed: int,
) -> None:
    chance = random.Random(seed)
    older = Text(SHOP)
    start = chance.randrange(0, len(older) + 1)
    newer = older.replace(
        start, start + chance.choice([0, 1, 9, 99]), chance.choice(["", "x", "é\n", "\r\n\r\n", "a\nb"])
    )
    splice = splice_between(older, newer)
    source = newer.content.encode()
    before = symbols_of(older).symbols
    for old, symbol in zip(before, moved(symbols_of(older), splice).symbols, strict=True):
        assert 0 <= symbol.start <= symbol.name_start <= symbol.end <= len(source)
        name_end = old.name_start + len(old.name.encode())
        if name_end <= splice.start or old.name_start >= splice.old_end:
            assert source[symbol.name_start :].startswith(symbol.name.encode())
            assert newer.line(symbol.line)[symbol.column :].startswith(symbol.name)


def test_a_splice_says_where_it_is_in_bytes_and_lines() -> None:
    splice = splice_between(Text("é = 1\nb = 2\n"), Text("é = 1\nb = 漢\nc\n"))
    assert (splice.start, splice.old_end, splice.new, splice.new_end) == (11, 12, "漢\nc".encode(), 16)
    assert (splice.start_line, splice.start_column) == (1, 4)
    assert (splice.old_end_line, splice.old_end_column, splice.new_end_line, splice.new_end_column) == (1, 5, 2, 1)
