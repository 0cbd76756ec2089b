"""What the arms see of a package: excerpts of definitions, and statements that use them."""

from pathlib import Path

import pytest

from fimble.bench.crossfile.spots import Definition, Spot
from fimble.bench.crossfile.workspace import Workspace
from tests.unit.bench.crossfile.shop import COUNTER, package, write_folder

ADD = Definition("src/shop/stock.py", 17, 20, "Stock.add")
ITEM = Definition("src/shop/stock.py", 6, 9, "Item")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(package(), write_folder(tmp_path))


def spot_at(gold: str) -> Spot:
    return Spot(
        package="shop",
        path="src/shop/counter.py",
        offset=COUNTER.index(gold),
        length=len(gold),
        kind="line",
        definitions=(ADD,),
    )


def test_an_excerpt_has_the_class_the_signature_and_all_of_it(workspace: Workspace) -> None:
    excerpt = workspace.excerpt(ADD)
    assert (excerpt.owner, excerpt.signature) == (
        "class Stock:",
        "def add(self, item: Item, *, count: int = 1) -> bool:",
    )
    assert excerpt.whole.endswith("return len(self.items) <= self.limit")
    assert workspace.excerpt(ITEM).signature == "class Item:\n    name: str\n    price_cents: int"


def test_sites_never_show_the_hole_nor_the_defining_file(workspace: Workspace) -> None:
    hole = spot_at("add(item, count=2)")
    (site,) = workspace.sites(ADD, hole, 2)
    assert site == ("src/shop/counter.py", "fresh.add(\n    Item(name, 100),\n    count=3,\n)")
    elsewhere = spot_at("json.dumps")
    assert "count=2" in workspace.sites(ADD, elsewhere, 2)[0][1]
