"""Which of a content's names a search means."""

from hypothesis import given
from hypothesis import strategies as st

from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_named
from fimble.index.queries.candidates import containing, exactly
from fimble.index.store.contents import decode_names, decode_symbols_at, encode_names, encode_symbols

# Letters that lower() changes, also into two, are among them.
NAMES = st.lists(st.text(st.sampled_from("abAB_1İẞé"), min_size=1, max_size=4), max_size=12)
LITERALS = st.text(st.sampled_from("abAB_é"), min_size=1, max_size=3)


def text_of(names: list[str]) -> str:
    return "\n".join(["", *names, ""])


@given(NAMES, LITERALS)
def test_exactly_picks_each_place_of_a_name(names: list[str], literal: str) -> None:
    assert exactly(literal)(text_of(names)) == [(n, name) for n, name in enumerate(names) if name == literal]


@given(NAMES, LITERALS)
def test_containing_picks_what_holds_begins_with_or_is_a_literal(names: list[str], literal: str) -> None:
    low = literal.lower()
    expected = {
        literal: [(n, name) for n, name in enumerate(names) if low in name.lower()],
        f"\n{literal}": [(n, name) for n, name in enumerate(names) if name.lower().startswith(low)],
        f"\n{literal}\n": [(n, name) for n, name in enumerate(names) if name.lower() == low],
    }
    for wanted, found in expected.items():
        assert containing(wanted, lambda _: True)(text_of(names)) == found
        assert containing(wanted, lambda name: name != "a")(text_of(names)) == [
            pair for pair in found if pair[1] != "a"
        ]


def test_of_very_many_names_the_first_ones_are_picked() -> None:
    names = [f"name{number}" for number in range(1_000)]
    assert containing("\nname", lambda _: True)(text_of(names)) == list(enumerate(names))[:100]


def test_names_and_single_symbols_are_read_as_they_were_written() -> None:
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    symbols = extract(grammar, b"class A:\n    def b(self): pass\n\n\ndef c(): pass\n")
    names = decode_names(encode_names(symbols))
    assert names.all() == ["A", "b", "c"]
    assert len(names) == 3
    assert [names.line(number) for number in range(3)] == [0, 1, 4]
    assert [names.parent(number) for number in range(3)] == [None, 0, None]
    assert decode_symbols_at(encode_symbols(symbols), [1, 7, -1]) == {1: symbols.symbols[1]}
