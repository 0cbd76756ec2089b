"""A small package made up for these tests, as texts, as a folder, and as a source archive."""

import io
import tarfile
from pathlib import Path

from fimble.bench.crossfile.archives import hash_of
from fimble.bench.crossfile.modules import CodePackage
from fimble.bench.crossfile.spots import Package

STOCK = '''"""What there is."""

from dataclasses import dataclass


@dataclass
class Item:
    name: str
    price_cents: int


class Stock:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.items: list[Item] = []

    def add(self, item: Item, *, count: int = 1) -> bool:
        """Adds an item."""
        self.items += [item] * count
        return len(self.items) <= self.limit


def cheapest(stock: Stock) -> Item:
    return min(stock.items, key=lambda item: item.price_cents)
'''

COUNTER = '''"""Where people pay."""

import json

from . import stock as stocks
from .stock import Item, Stock, cheapest

OPEN = True
CLOSED = not OPEN


class Counter:
    """Sells what there is."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock

    def take_back(self, name: str, price: int) -> bool:
        item = Item(name, price)
        return self.stock.add(item, count=2)

    def bargain(self) -> str:
        """Names the cheapest item."""
        best = cheapest(self.stock)
        label = json.dumps({"name": best.name, "price": best.price_cents})
        return label.strip()

    def offer(self, names: list[str]) -> Stock:
        fresh = stocks.Stock(len(names))
        for name in names:
            fresh.add(
                Item(name, 100),
                count=3,
            )
        return fresh
'''

TEXTS = {
    "src/shop/__init__.py": "from .stock import Stock\n",
    "src/shop/stock.py": STOCK,
    "src/shop/counter.py": COUNTER,
}


def shop() -> CodePackage:
    return CodePackage(TEXTS, "src/shop")


def package(sha256: str = "", part: str = "dev") -> Package:
    return Package(
        name="shop",
        version="1.0",
        sha256=sha256,
        licence="MIT",
        released="2026-01",
        root="src/shop",
        part=part,  # type: ignore[arg-type]
    )


def write_folder(folder: Path) -> Path:
    for path, text in TEXTS.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def write_archive(folder: Path, name: str = "shop-1.0.tar.gz") -> Path:
    """Writes a source archive of the package."""
    file = folder / name
    with tarfile.open(file, "w:gz") as archive:
        for path, text in TEXTS.items():
            add_file(archive, f"shop-1.0/{path}", text.encode())
    return file


def add_file(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def archived_package(folder: Path) -> tuple[Path, Package]:
    file = write_archive(folder)
    return file, package(hash_of(file))
