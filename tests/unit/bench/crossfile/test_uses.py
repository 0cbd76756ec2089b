"""What a file uses of the package's other files."""

import pytest

from fimble.bench.crossfile.modules import CodePackage
from fimble.bench.crossfile.uses import Uses
from tests.unit.bench.crossfile.shop import COUNTER, shop


def used_by(text: str) -> list[str]:
    """Returns the names of what the marked part of counter.py uses of other files."""
    package = shop()
    start = COUNTER.index(text)
    found = Uses(package).definitions(package.by_path["src/shop/counter.py"], start, start + len(text))
    return [f"{definition.path.rpartition('/')[2]}:{definition.name}" for definition in found]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Item(name, price)", ["stock.py:Item"]),
        ("add(item, count=2)", ["stock.py:Stock.add"]),
        ("cheapest(self.stock)", ["stock.py:cheapest"]),
        ("best.price_cents", ["stock.py:Item.price_cents"]),
        ("stocks.Stock(len(names))", ["stock.py:Stock"]),
        ('json.dumps({"name"', []),
        ("label.strip()", []),
    ],
)
def test_names_and_members_lead_to_their_definitions(text: str, names: list[str]) -> None:
    assert used_by(text) == names


def test_a_definition_has_its_decorators_and_its_last_line() -> None:
    package = shop()
    start = COUNTER.index("Item(name, price)")
    (definition,) = Uses(package).definitions(package.by_path["src/shop/counter.py"], start, start + 17)
    assert (definition.first_line, definition.last_line) == (6, 9)


def missing_in(text: str) -> list[str]:
    package = CodePackage({"src/shop/stock.py": TEXT, "src/shop/use.py": text}, "src/shop")
    return [missing.name for missing in Uses(package).missing(package.by_path["src/shop/use.py"])]


TEXT = """import abc
import collections

class Plain(abc.ABC):
    size = 1
    def __init__(self):
        self.left, self.right = 1, 2

class Grown(Plain):
    pass

class Foreign(collections.UserDict):
    pass

class Open:
    def __getattr__(self, name):
        return name
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from . import stock\nstock.Plain, stock.Plan\n", ["Plan"]),
        ("from .stock import Plain\ndef f(a: Plain): return a.size, a.left, a.right, a.wrong\n", ["wrong"]),
        ("from .stock import Grown\nGrown().size\nGrown().sise\n", ["sise"]),
        ("from .stock import Foreign\nForeign().anything\n", []),
        ("from .stock import Open\nOpen().anything\n", []),
        ("def f(a): return a.anything\n", []),
    ],
)
def test_only_attributes_that_surely_do_not_exist_are_missing(text: str, names: list[str]) -> None:
    assert missing_in(text) == names


def test_a_name_that_is_bound_to_two_classes_has_no_known_class() -> None:
    text = "from .stock import Plain, Grown\ndef f(a):\n    b = Plain()\n{}    return b.wrong\n"
    assert missing_in(text.format("")) == ["wrong"]
    assert missing_in(text.format("    b = Grown()\n")) == []


def test_bases_that_go_in_a_circle_end() -> None:
    text = "class A(B): pass\nclass B(A): pass\ndef f(a: A): return a.x\n"
    assert missing_in(text) == ["x"]
