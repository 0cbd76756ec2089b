"""What is known of a place or a definition without asking elsewhere: for hovers, outlines and breadcrumbs."""

from dataclasses import dataclass

from fimble.index.queries.view import Definition, View
from fimble.index.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Description:
    """A definition in words: its signature, the first line of its documentation, and where it is."""

    signature: str
    doc: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """A symbol with those that are inside of it."""

    symbol: Symbol
    children: tuple["OutlineItem", ...] = ()


def describe(view: View, definition: Definition) -> Description:
    """Returns a definition in words, as it is now if the file has changed since it was found."""
    symbol = definition.symbol
    symbols = view.symbols(definition.path)
    if symbols is not None and symbol not in symbols.symbols:
        same = [other for other in symbols.symbols if (other.name, other.kind) == (symbol.name, symbol.kind)]
        symbol = min(same, key=lambda other: abs(other.line - symbol.line), default=symbol)
    return Description(symbol.signature or symbol.name, symbol.doc, definition.path, symbol.line)


def enclosing(view: View, path: str, line: int) -> tuple[Symbol, ...]:
    """Returns the symbols around a line, outermost first."""
    symbols = view.symbols(path)
    if symbols is None:
        return ()
    around = [symbol for symbol in symbols.symbols if symbol.start_line <= line <= symbol.end_line]
    # Several may share the line without one being inside of the other: the last of the innermost counts.
    chain: list[Symbol] = []
    for symbol in around:
        while chain and chain[-1].end <= symbol.start:
            chain.pop()
        chain.append(symbol)
    return tuple(chain)


def outline(view: View, path: str) -> tuple[OutlineItem, ...]:
    """Returns a file's symbols as a tree, in the order of the file."""
    symbols = view.symbols(path)
    if symbols is None:
        return ()
    children: dict[int, list[OutlineItem]] = {}
    # A symbol comes after the one around it, so that from behind, all of its children are known.
    for number in range(len(symbols.symbols) - 1, -1, -1):
        symbol = symbols.symbols[number]
        item = OutlineItem(symbol, tuple(reversed(children.pop(number, []))))
        children.setdefault(symbol.parent if symbol.parent < number else -1, []).append(item)
    return tuple(reversed(children.get(-1, [])))
