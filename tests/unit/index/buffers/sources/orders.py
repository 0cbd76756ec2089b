"""Orders of a small shop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import (
    Final,
    Protocol,
)

LIMIT: Final = 20
names = ["Zoë", "漢字", "😀"]


class Clock(Protocol):
    def now(self) -> float: ...


@dataclass(slots=True)
class Order:
    """What somebody ordered."""

    number: int
    lines: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The sum, as a customer sees it — ünd so."""
        def price(line: str) -> int:
            return len(line)

        return sum(price(line) for line in self.lines)

    async def send(
        self,
        address: str,
        *,
        retries: int = 3,
    ) -> bool:
        for attempt in range(retries):
            if await post(address, {"n": self.number, "t": f"{attempt!r:>{10}}"}):
                return True
        return False


class Shop:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.orders: dict[int, Order] = {}

    def add(self, order: Order) -> None:
        import logging

        logging.info("added %s", order)
        self.orders[order.number] = order


async def post(address: str, body: object) -> bool:
    text = '''multi
line'''
    return bool(json.dumps(body) + text + address)


if __name__ == "__main__":
    shop = Shop(None)  # type: ignore

    def main() -> None:
        print(shop)
