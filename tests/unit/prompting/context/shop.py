"""A small workspace in which context is looked for: a shop that a counter sells from."""

from pathlib import Path

from fimble.index.queries.view import View
from fimble.prompting.context.activity import Activity, ActivityMoment
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.collect import collect
from fimble.prompting.context.cursor import Cursor
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text
from tests.unit.index.queries.workspaces import indexed, with_open

FILES = {
    "shop/stock.py": '''"""What is in the shop."""

LIMIT = 10


class Item:
    """One thing."""

    name: str
    price_cents: int


class Stock:
    items: list[Item]

    def __init__(self, limit: int = LIMIT) -> None:
        self.items = []
        self.limit = limit

    def add(self, item: Item, *, count: int = 1) -> bool:
        """Adds some."""
        self.items += [item] * count
        return len(self.items) <= self.limit

    def _shrink(self) -> None:
        del self.items[self.limit :]


def fresh_stock(limit: int) -> Stock:
    return Stock(limit)
''',
    "shop/sales.py": """from shop.stock import Item, Stock


def refill(stock: Stock) -> None:
    stock.add(Item("tea", 300), count=4)


def restock(stock: Stock, name: str) -> None:
    stock.add(
        Item(name, 100),
        count=3,
    )
""",
    "shop/gates.py": """class Gate:
    def open(self) -> None: ...


class WoodenGate(Gate):
    def open(self) -> None:
        self.creak(loudly=True)
""",
}


def at(document: str, path: str = "shop/counter.py") -> tuple[Snapshot, int]:
    """Returns the document without its `$0`, and the place of that."""
    offset = document.index("$0")
    text = Text.from_string(document.replace("$0", "", 1))
    return Snapshot(uri=f"file:///w/{path}", path=path, language="python", version=1, text=text), offset


def view_with(folder: Path, snapshot: Snapshot, files: dict[str, str] | None = None) -> View:
    """Returns an indexed workspace in which the document is open."""
    view = indexed(folder, {**(FILES if files is None else files), snapshot.path: "# older\n"})
    return with_open(view, snapshot.path, snapshot.text.content)


def found(
    folder: Path, document: str, *, files: dict[str, str] | None = None, activity: ActivityMoment | None = None
) -> list[Candidate]:
    """Returns the candidates at the `$0` of a document."""
    snapshot, offset = at(document)
    view = view_with(folder, snapshot, files)
    return collect(view, snapshot.path, Cursor(snapshot, offset), activity or Activity().moment(0.0))


def of(candidates: list[Candidate], source: Source) -> list[Candidate]:
    """Returns those of one source."""
    return [candidate for candidate in candidates if candidate.source is source]
