"""How alike pieces of code are."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.prompting.context.likeness import NEARLY_SAME, TOO_LIKE, Around, distinct, is_too_like

_AROUND = '''
class Orders:
    """Orders of one customer."""

    def __init__(self, database: Database, customer: Customer) -> None:
        self._database = database
        self._customer = customer

    def total(self) -> Money:
        prices = [item.price * item.count for item in self._database.items(self._customer)]
        if not prices:
            return Money.zero()
        return sum(prices, start=Money.zero())
'''
_COPY = """
def total(self) -> Money:
    prices = [item.price * item.count for item in self._database.items(self._customer)]
    if not prices:
        return Money.zero()
    return sum(prices, start=Money.zero())
"""
_DEFINITION = """
class Database:
    def items(self, customer: Customer) -> Iterator[Item]:
        rows = self._connection.execute(_ITEMS, (customer.number,))
        return (Item(**row) for row in rows)
"""


def test_a_copy_of_what_stands_around_is_too_like_whatever_its_indentation() -> None:
    assert Around(_AROUND).likeness(_COPY) == 1.0
    assert is_too_like(_COPY, _AROUND)
    assert is_too_like(_COPY.replace("    ", "\t"), _AROUND)
    assert is_too_like(_COPY.replace("\n", "\r\n"), _AROUND)


def test_an_old_version_of_what_stands_around_is_too_like() -> None:
    old = _COPY.replace("Money.zero()", "0")
    assert old != _COPY
    assert TOO_LIKE < Around(_AROUND).likeness(old) < 1.0


def test_the_definition_of_what_is_used_is_not_too_like() -> None:
    assert 0 < Around(_AROUND).likeness(_DEFINITION) < TOO_LIKE


def test_one_signature_is_kept_though_all_its_words_stand_around() -> None:
    signature = "def items(self, customer: Customer)"
    assert Around(_AROUND).likeness(signature) < TOO_LIKE
    assert Around(signature).likeness(signature) == 1.0


def test_a_piece_that_was_written_in_other_lines_is_too_like_by_its_words() -> None:
    rewrapped = " ".join(_AROUND.split()).replace(" ", "\n")
    assert Around(_AROUND).likeness(rewrapped) == 1.0


def test_lines_that_stand_everywhere_say_nothing() -> None:
    assert Around("{\n}\nelse:\nreturn\n" + _AROUND).likeness("{\n}\nelse:\n    wholly_other()\n") < 0.1


@pytest.mark.parametrize("piece", ["", "\n\n", "}\n)\n"])
def test_nothing_is_like_nothing(piece: str) -> None:
    assert Around(_AROUND).likeness(piece) == 0.0
    assert Around("").likeness(piece) == 0.0


def test_of_pieces_that_say_the_same_the_first_stays() -> None:
    indented = "\n".join("        " + line for line in _DEFINITION.split("\n"))
    assert distinct([_DEFINITION, _COPY, indented, _DEFINITION]) == [_DEFINITION, _COPY]


def test_a_piece_inside_of_an_earlier_one_is_left_out_but_not_the_other_way_round() -> None:
    assert distinct([_AROUND, _COPY]) == [_AROUND]
    assert distinct([_COPY, _AROUND]) == [_COPY, _AROUND]


def test_pieces_that_share_less_are_kept() -> None:
    lines = [f"value_{number} = compute({number})" for number in range(20)]
    shared = int(NEARLY_SAME * 20)
    others = [f"other_{number} = compute({number})" for number in range(20)]
    as_good_as_same = "\n".join(lines[:shared] + others[shared:])
    different = "\n".join(lines[: shared - 1] + others[shared - 1 :])
    assert distinct(["\n".join(lines), as_good_as_same]) == ["\n".join(lines)]
    assert distinct(["\n".join(lines), different]) == ["\n".join(lines), different]


def test_short_pieces_count_by_their_lines_too() -> None:
    assert distinct(["x = 1", "x = 1", "x = 2", ""]) == ["x = 1", "x = 2", ""]


def test_pieces_may_be_anything_that_has_a_text() -> None:
    @dataclass(frozen=True)
    class _Piece:
        name: str
        text: str

    pieces = [_Piece("a", _COPY), _Piece("b", _COPY), _Piece("c", _DEFINITION)]
    assert [piece.name for piece in distinct(pieces, lambda piece: piece.text)] == ["a", "c"]


_CODE = st.text(alphabet="abcd_ =()\n\t", max_size=400)


@given(_CODE, _CODE)
def test_likeness_is_a_share(around: str, piece: str) -> None:
    assert 0.0 <= Around(around).likeness(piece) <= 1.0
    assert Around(around).is_too_like(piece) == (Around(around).likeness(piece) > TOO_LIKE)


@given(_CODE)
def test_a_text_is_like_itself_if_it_says_anything(text: str) -> None:
    assert Around(text).likeness(text) == (1.0 if text.strip(" =()\n\t") else 0.0)


@given(st.lists(_CODE, max_size=8))
def test_what_is_kept_stays_in_its_order_and_is_distinct(pieces: list[str]) -> None:
    kept = distinct(pieces)
    numbers = iter(pieces)
    assert all(any(piece == other for other in numbers) for piece in kept)
    assert distinct(kept) == kept
    assert kept[:1] == pieces[:1]
