"""The measures, by examples that were worked out by hand."""

import pytest

from fimble.bench.crossfile.measures import (
    edit_similarity,
    first_line,
    identifier_f1,
    invented_names,
    measure,
    overruns,
)
from fimble.bench.crossfile.workspace import Hole
from tests.unit.bench.crossfile.shop import COUNTER, shop

PATH = "src/shop/counter.py"


def hole(gold: str) -> Hole:
    before, _, after = COUNTER.partition(gold)
    return Hole(before=before, gold=gold, after=after)


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [("abcd", "abcd", 1.0), ("", "", 1.0), ("abcd", "", 0.0), ("abcd", "abed", 0.75), ("kitten", "sitting", 1 - 3 / 7)],
)
def test_edit_similarity(one: str, other: str, similarity: float) -> None:
    assert edit_similarity(one, other) == pytest.approx(similarity)
    assert edit_similarity(other, one) == pytest.approx(similarity)


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [
        ("f(a, b)", "f(a, b)", 1.0),
        ("f(a)", "f(a, b)", 2 * 2 / 5),
        ("g(c)", "f(a, b)", 0.0),
        ("", "f(a)", 0.0),
        ("1 + 2", "3", 1.0),
        ("f('a b')  # c", "f('x')", 1.0),
        ("a + a", "a + b", 0.5),
        ("return a", "a", 1.0),
    ],
)
def test_identifier_f1(answer: str, gold: str, f1: float) -> None:
    assert identifier_f1(answer, gold) == pytest.approx(f1)


def test_the_first_line_is_the_first_that_is_not_blank() -> None:
    assert first_line("\n   a = 1  \nb = 2") == "a = 1"
    assert first_line("") == ""


@pytest.mark.parametrize(
    ("answer", "is_over"),
    [
        ("Item(name, price)", False),
        ("Item(name,\n            price)", False),
        ("Item(name, price)  # ) of course", False),
        ("Item(name, price)\n        return True", True),
        ("Item('a)b',\n    price)", False),
        ("Item(name, price)\n\n\nclass Other:\n    pass", True),
    ],
)
def test_a_line_is_overrun_by_another_statement(answer: str, is_over: bool) -> None:
    assert overruns(answer, hole("Item(name, price)"), "line") is is_over


@pytest.mark.parametrize(
    ("answer", "is_over"),
    [
        ("name, price", False),
        ("name,\n            price", False),
        ("name, price)", False),
        ("f(name), price", False),
        ("name, price).sold()", True),
        ("name, price)\n        return True", True),
        ("name, price\n\n\nclass Other:\n    pass", True),
        ("name,\n            price\n        )", False),
    ],
)
def test_arguments_are_overrun_by_what_follows_their_bracket(answer: str, is_over: bool) -> None:
    before, _, after = COUNTER.partition("name, price)")
    around = Hole(before=before, gold="name, price", after=")" + after)
    assert overruns(answer, around, "call") is is_over


@pytest.mark.parametrize(
    ("answer", "is_over"),
    [
        ("item = Item(name, price)\n        return self.stock.add(item)", False),
        ("if price:\n            return False\n        return True", False),
        ("return True\n\n    def other(self):\n        pass", True),
        ("return True\n\nclass Other:\n    pass", True),
    ],
)
def test_a_body_is_overrun_by_another_scope(answer: str, is_over: bool) -> None:
    gold = "item = Item(name, price)\n        return self.stock.add(item, count=2)"
    assert overruns(answer, hole(gold), "body") is is_over


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ("Item(name, price)", ()),
        ("Item(nme, price)", ("nme",)),
        ("stocks.Itm(name, price)", ("Itm",)),
        ("stocks.Item(name, price)", ()),
        ("self.stock.put(name)", ("put",)),
        ("self.stock.items", ()),
        ("self.shop", ("shop",)),
        ("json.nothing(name)", ()),
        ("name.nothing()", ()),
        ("[each for each in name]", ()),
        ("Item(name", ()),
    ],
)
def test_invented_names(answer: str, names: tuple[str, ...]) -> None:
    around = hole("Item(name, price)")
    assert invented_names(answer, around, around.after, shop(), PATH) == names


def test_a_name_that_only_has_to_be_imported_is_not_invented() -> None:
    package = shop()
    around = Hole(before="def f():\n    ", gold="return 1", after="\n")
    # counter.py as a whole is replaced by the two lines above, in which nothing is imported.
    assert invented_names("return cheapest(1)", around, "\n", package, PATH) == ()
    assert invented_names("return dearest(1)", around, "\n", package, PATH) == ("dearest",)


def test_the_gold_text_itself_has_the_best_of_all_measures() -> None:
    around = hole("Item(name, price)")
    found = measure(around.gold, around, "line", shop(), PATH)
    assert (found.exact, found.first_line, found.edit_similarity, found.identifier_f1) == (1, 1, 1, 1)
    assert (found.parse_valid, found.overrun, found.hallucinated_names) == (1, 0, 0)


def test_of_nothing_shown_only_the_nearness_is_measured() -> None:
    found = measure("", hole("Item(name, price)"), "line", shop(), PATH)
    assert (found.exact, found.edit_similarity, found.identifier_f1) == (0, 0, 0)
    assert (found.parse_valid, found.overrun, found.hallucinated_names) == (None, None, None)


def test_what_does_not_parse_says_nothing_about_its_names() -> None:
    found = measure("Item(name", hole("Item(name, price)"), "line", shop(), PATH)
    assert (found.parse_valid, found.hallucinated_names) == (0, None)


def test_an_answer_that_brings_the_bracket_it_replaces_is_exact() -> None:
    before, _, after = COUNTER.partition("name, price)")
    around = Hole(before=before, gold="name, price", after=")" + after)
    found = measure("name, price)", around, "call", shop(), PATH, replaced=1)
    assert (found.exact, found.parse_valid, found.overrun) == (1, 1, 0)
    assert measure("name, price)", around, "call", shop(), PATH).parse_valid == 0
