"""What a buffer does while its text is broken, late or superseded. Random edits are in test_buffer_edits."""

from collections.abc import Iterator

import pytest

from fimble.index.buffers.buffer import Buffer, Outcome
from fimble.index.languages import Grammar, grammar_of, language_named

SHOP = b"""\
import json


class Order:
    def total(self):
        return 1

    def send(self):
        return 2


def post(address):
    return address
"""


def grammar(name: str = "python") -> Grammar:
    language = language_named(name)
    assert language is not None
    loaded = grammar_of(language)
    assert loaded is not None
    return loaded


def names(buffer: Buffer) -> list[str]:
    return [symbol.name for symbol in buffer.symbols()[0].symbols]


def stale_names(buffer: Buffer) -> list[str]:
    symbols, stale = buffer.symbols()
    return [symbols.symbols[number].name for number in stale]


def parsed(source: bytes = SHOP) -> Buffer:
    buffer = Buffer(grammar(), source)
    assert buffer.reparse() is Outcome.UP_TO_DATE
    return buffer


class Clock:
    """Goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


def test_the_first_parse_finds_all_symbols() -> None:
    assert names(parsed()) == ["Order", "total", "send", "post"]


def test_typing_a_docstring_character_by_character_loses_no_symbol_and_leaves_none_behind() -> None:
    buffer = parsed()
    start = SHOP.index(b"    def send")
    seen_broken = False
    for index, character in enumerate('    """The "sum", of (all\n\n    lines]: `x`.\n    """\n'):
        buffer.edit(start + index, start + index, character.encode())
        buffer.reparse()
        seen_broken = seen_broken or buffer.is_broken
        assert names(buffer) == ["Order", "total", "send", "post"]
    assert seen_broken
    assert not buffer.is_broken
    assert stale_names(buffer) == []


def test_symbols_that_a_broken_text_does_not_show_are_stale_until_it_is_whole_again() -> None:
    buffer = parsed()
    buffer.edit(0, 0, b'f("""')
    buffer.reparse()
    assert names(buffer) == ["Order", "total", "send", "post"]
    assert stale_names(buffer) == ["Order", "total", "send", "post"]
    assert [import_.module for import_ in buffer.symbols()[0].imports] == ["json"]
    end = len(buffer.source)
    buffer.edit(end, end, b'""")')
    buffer.reparse()
    assert names(buffer) == []
    assert buffer.symbols()[0].imports == ()


def test_a_renamed_symbol_leaves_no_stale_one_under_its_old_name() -> None:
    buffer = parsed(SHOP + b"x = (\n")
    place = SHOP.index(b"post") + 4
    for index, character in enumerate(b"al"):
        buffer.edit(place + index, place + index, bytes([character]))
        buffer.reparse()
    assert buffer.is_broken
    assert names(buffer)[3] == "postal"
    assert "post" not in names(buffer)


def test_a_symbol_that_is_deleted_while_the_text_is_broken_is_gone() -> None:
    buffer = parsed(SHOP + b"x = (\n")
    buffer.edit(SHOP.index(b"def post"), len(SHOP), b"")
    buffer.reparse()
    assert buffer.is_broken
    assert "post" not in names(buffer)
    assert "send" in names(buffer)


def test_stale_symbols_stay_through_a_fresh_parse_of_a_broken_text() -> None:
    buffer = parsed()
    buffer.edit(0, 0, b'f("""')
    buffer.reparse()
    assert stale_names(buffer) == ["Order", "total", "send", "post"]
    assert buffer.needs_fresh_parse
    buffer.reparse(is_fresh=True)
    assert not buffer.needs_fresh_parse
    assert names(buffer) == ["Order", "total", "send", "post"]


def test_several_edits_between_two_parses_count_together() -> None:
    buffer = parsed()
    buffer.edit(0, 0, b"class First:\n    pass\n")
    buffer.edit(len(buffer.source), len(buffer.source), b"def last(): pass\n")
    place = buffer.source.index(b"total")
    buffer.edit(place, place + 5, b"sum")
    assert buffer.is_behind
    buffer.reparse()
    assert names(buffer) == ["First", "Order", "sum", "send", "post", "last"]


def test_after_its_deadline_a_buffer_keeps_its_symbols_at_their_new_places() -> None:
    clock = Clock()
    source = SHOP * 40
    buffer = Buffer(grammar(), source, clock=clock)
    buffer.reparse()
    before = buffer.symbols()[0].symbols
    buffer.edit(0, 0, b'x = """\n')
    assert buffer.reparse(deadline_s=0.5) is Outcome.LATE
    assert buffer.is_behind
    after = buffer.symbols()[0].symbols
    assert [(symbol.name, symbol.start, symbol.line) for symbol in after] == [
        (symbol.name, symbol.start + 8, symbol.line + 1) for symbol in before
    ]
    # The parser is fit for use: it neither goes on with what it was stopped in nor forgets the edit.
    buffer.edit(8, 8, b'"""\n')
    assert buffer.reparse() is Outcome.UP_TO_DATE
    assert [symbol.name for symbol in buffer.symbols()[0].symbols] == ["x", *(symbol.name for symbol in before)]


def test_a_superseded_parse_ends_and_the_next_one_is_right() -> None:
    asked: Iterator[bool] = iter([False, True])
    buffer = Buffer(grammar(), SHOP * 400)
    assert buffer.reparse(is_superseded=lambda: next(asked)) is Outcome.SUPERSEDED
    assert buffer.is_behind
    buffer.edit(0, len(buffer.source), SHOP)
    assert buffer.reparse() is Outcome.UP_TO_DATE
    assert names(buffer) == ["Order", "total", "send", "post"]


def test_a_buffer_that_is_up_to_date_is_not_parsed_again() -> None:
    buffer = parsed()
    assert buffer.reparse(is_superseded=lambda: True) is Outcome.UP_TO_DATE


@pytest.mark.parametrize(
    ("start", "old_end", "expected"),
    [(-5, -3, b"xabc"), (99, 100, b"abcx"), (2, 1, b"abxc"), (1, 99, b"ax")],
)
def test_an_edit_outside_of_the_text_is_cut_to_it(start: int, old_end: int, expected: bytes) -> None:
    buffer = Buffer(grammar(), b"abc")
    buffer.edit(start, old_end, b"x")
    assert buffer.source == expected


def test_all_text_may_go_and_come_back() -> None:
    buffer = parsed()
    buffer.edit(0, len(SHOP), b"")
    buffer.reparse()
    assert names(buffer) == []
    buffer.edit(0, 0, SHOP)
    buffer.reparse()
    assert names(buffer) == ["Order", "total", "send", "post"]


def test_bytes_that_are_no_text_are_parsed_as_far_as_they_go() -> None:
    buffer = parsed(SHOP + bytes(range(256)) * 20)
    assert buffer.is_broken
    assert "Order" in names(buffer)


def test_a_character_that_lies_across_two_pieces_is_read_whole() -> None:
    for shift in range(4):
        filler = b"#" + b"x" * (4090 + shift) + "😀😀😀".encode() + b"\n"
        buffer = parsed(filler + "größe = '漢字'\n".encode())
        assert not buffer.is_broken
        assert names(buffer) == ["größe"]


@pytest.mark.parametrize(
    ("place", "old_end", "new", "expected"),
    [
        (b"1\n", 0, b"2 + ", False),
        (b"\n    def send", 0, b"        print(3)\n", False),
        (b"\n\n\ndef post", 0, b"\n        ", False),
        (b"total", 0, b"x", True),
        (b"address):", 0, b"to, ", True),
        (b"def send", 0, b"def more(self): pass\n    ", True),
        (b"import json", 6, b"import", False),
        (b"json", 4, b"tomllib", True),
    ],
)
def test_only_edits_that_others_may_see_change_the_outline(
    place: bytes, old_end: int, new: bytes, expected: bool
) -> None:
    buffer = parsed()
    buffer.symbols()
    start = SHOP.index(place)
    buffer.edit(start, start + old_end, new)
    buffer.reparse()
    assert not buffer.is_broken
    assert buffer.outline_changed == expected


def test_names_between_two_distant_edits_do_not_move_evenly() -> None:
    buffer = parsed()
    buffer.symbols()
    buffer.edit(SHOP.index(b"return 1"), SHOP.index(b"return 1"), b"pass; ")
    buffer.reparse()
    assert not buffer.names_moved_unevenly
    place = buffer.source.index(b"return 2")
    buffer.edit(place, place, b"pass; ")
    buffer.reparse()
    assert buffer.names_moved_unevenly
    buffer.symbols()
    assert not buffer.names_moved_unevenly
