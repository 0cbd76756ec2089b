"""What the text around a cursor says about which other code matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.prompting.context.cursor import Cursor, subwords
from tests.unit.prompting.context.shop import at


def cursor(document: str) -> Cursor:
    return Cursor(*at(document))


@pytest.mark.parametrize(
    ("document", "receiver", "callee"),
    [
        ("stock.$0", ("stock",), ()),
        ("stock.ad$0", ("stock",), ()),
        ("self.shop.stock.$0", ("self", "shop", "stock"), ()),
        ("x = a->b::c.$0", ("a", "b", "c"), ()),
        ("stock.add($0", (), ("stock", "add")),
        ("stock.add(item, count=$0)", (), ("stock", "add")),
        ("stock.add(\n    Item('a)', 1),\n    $0", (), ("stock", "add")),
        ("stock.add(item.$0", ("item",), ("stock", "add")),
        ("f(a)[$0", (), ()),
        ("g([1, $0", (), ("g",)),
        ("if ($0", (), ()),
        ("x = 1 $0", (), ()),
    ],
)
def test_the_receiver_and_the_callee_are_read_from_the_line(
    document: str, receiver: tuple[str, ...], callee: tuple[str, ...]
) -> None:
    place = cursor(document)
    assert (place.receiver, place.callee) == (receiver, callee)


@pytest.mark.parametrize(
    ("before", "name", "types"),
    [
        ("def f(stock: Stock, n: int):\n", "stock", ("Stock",)),
        ("stock = Stock(3)\n", "stock", ("Stock",)),
        ("stock = await shop.open_stock(3)\n", "stock", ("shop", "open_stock")),
        ("with open_stock(3) as stock:\n", "stock", ("open_stock",)),
        ("const stock = new Stock();\n", "stock", ("Stock",)),
        ("Stock<Item> stock;\n", "stock", ("Stock",)),
        ("self.stock: Stock | None = None\n", "stock", ("Stock",)),
        ("stock: Optional[Stock] = None\n", "stock", ("Stock",)),
        ("restock: Stock\n", "stock", ()),
    ],
)
def test_the_type_of_a_variable_is_read_from_annotations_and_constructions(
    before: str, name: str, types: tuple[str, ...]
) -> None:
    assert cursor(f"{before}$0").types_of(name) == types


def test_names_are_nearer_the_nearer_their_lines_are_and_keywords_are_none() -> None:
    names = cursor("import far\n\n\n\n\nnear = call('text')\nif here$0 and x2:\n    after\n").names
    assert [each.name for each in names] == ["here", "call", "near", "x2", "far", "after"]
    assert [each.is_after for each in names] == [False, False, False, True, False, True]


def test_a_name_that_shares_words_with_the_text_around_is_like_it() -> None:
    place = cursor("session_event = 1\n$0")
    assert place.likeness("serialize_event") > place.likeness("serialize_box") == 0.0


@pytest.mark.parametrize(
    ("name", "words"),
    [("HTTPServer_v2", ["http", "server", "v", "2"]), ("snake_case", ["snake", "case"]), ("x", ["x"]), ("_", [])],
)
def test_names_have_words(name: str, words: list[str]) -> None:
    assert subwords(name) == words


@given(st.text(alphabet="ab.( )[]{}:=\n\"'->", max_size=80), st.text(alphabet="ab.)\n", max_size=10))
def test_any_text_has_an_answer(before: str, after: str) -> None:
    place = cursor(f"{before}$0{after}")
    assert all(0 < each.nearness <= 1 for each in place.names)
    assert isinstance(place.receiver + place.callee + place.types_of("a"), tuple)
