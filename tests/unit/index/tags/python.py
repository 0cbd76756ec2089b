"""A module."""

from __future__ import annotations

import os
import os.path as osp, sys
from . import sibling
from ..package.module import (
    first,
    second as renamed,  # why
)
from everything import *

__all__ = ["Shape", "main"]
VERSION = "1.0"
limit: int = 3
left, right = 1, 2
chained = also_chained = None
untouched.attribute = 1
limit = 4

type Pair[T] = tuple[T, T]

if sys.platform == "win32":
    import winreg

    def conditional() -> None: ...
elif osp:
    EITHER = True
else:
    OTHERWISE = True

try:
    import fast
except ImportError:
    fast = None
finally:
    DONE = True


class Shape(Base, metaclass=Meta):
    """Something with an outline.

    More of it.
    """

    kind: str
    COUNT = 0
    sides = kind = "round"

    def __init__(self, name: str, /, size: float = 1.0) -> None:
        """Makes a shape."""
        self.name = name
        self.size: float = size
        self.kind = "again"
        local = 1
        if size:
            self.deep = local
        self.name == "no assignment"

    @property
    @cached(maxsize=None)
    def area(self) -> float:
        'The surface.'
        import math

        return math.pi

    async def draw(
        self,
        *lines: str,
    ) -> dict[str, int]:
        # A comment is no docstring.
        def inner(x: int) -> int:
            def innermost() -> None: ...

            class Local:
                attribute = 1

            return x

        return {}

    class Nested:
        def method(self): pass


@decorator
class Decorated:
    pass


def main(größe: int = 0, *, über: str = "ä") -> int:
    r"""Runs; 名前 stays text."""
    variable = 1
    for _ in ():
        def looped(): ...
    return variable


handler = lambda event, *rest: event
été = 名前 = 1
