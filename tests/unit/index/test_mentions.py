"""What is stored of the names that a content mentions."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_named
from fimble.index.mentions import name_hash, pack_mentions, unpack_mentions
from fimble.index.symbols import FileSymbols


def _packed(text: str) -> tuple[set[int], dict[int, int]]:
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    found = unpack_mentions(pack_mentions(text.encode(), extract(grammar, text.encode())))
    assert found is not None
    return set(array("I", found.defined.tobytes())), dict(
        zip(array("I", found.used.tobytes()), found.counts.tobytes(), strict=True)
    )


def test_defined_names_and_used_names_are_kept_apart_and_counted() -> None:
    defined, used = _packed("def load(): return fetch(Fetch, fetch, x1, größe)\nload()\n")
    assert defined == {name_hash("load")}
    counts = {name: used.get(name_hash(name)) for name in ("fetch", "Fetch", "größe", "load", "x1")}
    assert counts == {"fetch": 2, "Fetch": 1, "größe": 1, "load": None, "x1": None}


def test_counts_end_at_255() -> None:
    _, used = _packed("fetch()\n" * 1000)
    assert used == {name_hash("fetch"): 255}


@given(st.binary(max_size=200))
def test_any_bytes_can_be_packed_and_unpacked(source: bytes) -> None:
    found = unpack_mentions(pack_mentions(source, FileSymbols("python", (), ())))
    assert found is not None
    assert len(found.used) == 4 * len(found.counts)


@given(st.binary(max_size=50))
def test_damaged_data_is_recognised_or_read_without_an_error(data: bytes) -> None:
    found = unpack_mentions(data)
    assert found is None or len(found.used) == 4 * len(found.counts)
