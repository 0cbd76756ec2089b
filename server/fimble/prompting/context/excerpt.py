"""A definition that the index knows, as text: all of it, its short form, and the head of the type around it."""

from collections.abc import Callable
from typing import Final

from fimble.index.queries.sources import source_of
from fimble.index.queries.view import Definition, View
from fimble.index.symbols import FUNCTIONS, TYPES, FileSymbols, Kind, Symbol
from fimble.prompting.context.candidate import Candidate, Source

# What one definition may take of a prompt, in lines.
WHOLE_LINES_MAX: Final = 40
_HEAD_LINES_MAX: Final = 16
_MEMBERS_MAX: Final = 24
_LINE_CHARACTERS_MAX: Final = 300
_VALUE_LINES_MAX: Final = 6
_VALUES: Final = frozenset({Kind.CONSTANT, Kind.VARIABLE, Kind.FIELD})
_CONSTRUCTORS: Final = frozenset({"__init__", "constructor", "new", "init"})


class Excerpts:
    """Cuts definitions out of the files of one view; each file is read once."""

    def __init__(self, view: View, likeness: Callable[[str], float] = lambda line: 0.0) -> None:
        """`likeness` tells how alike a line is to what is around the cursor."""
        self._view = view
        self._likeness = likeness
        self._lines: dict[str, list[str]] = {}

    def of(
        self, definition: Definition, source: Source, why: str, *, nearness: float = 1.0, certainty: float = 1.0
    ) -> Candidate | None:
        """Returns a definition as a candidate, None where its text cannot be had or is another one by now."""
        symbol, path = definition.symbol, definition.path
        lines = self.lines(path)
        symbols = self._view.symbols(path)
        if symbols is None or symbol.end_line >= len(lines) or symbol.name not in lines[symbol.line]:
            return None
        last = min(symbol.end_line, symbol.start_line + WHOLE_LINES_MAX - 1)
        parent = symbols.symbols[symbol.parent] if 0 <= symbol.parent < len(symbols.symbols) else None
        return Candidate(
            source=source,
            path=path,
            first_line=symbol.start_line,
            last_line=last,
            text=dedented(lines[symbol.start_line : last + 1]),
            signature=self._short(lines, symbols, symbol),
            owner=_head(lines, parent)[0].strip() if parent is not None and parent.kind in TYPES else "",
            name=symbol.name,
            why=why,
            nearness=nearness,
            certainty=certainty,
        )

    def lines(self, path: str) -> list[str]:
        """Returns the lines of a file as it is now; none where it cannot be read."""
        if path not in self._lines:
            source = source_of(self._view, path)
            text = "" if source is None else source.decode("utf-8", "replace")
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if text else []
            self._lines[path] = [line[:_LINE_CHARACTERS_MAX] for line in lines]
        return self._lines[path]

    def _short(self, lines: list[str], symbols: FileSymbols, symbol: Symbol) -> str:
        if symbol.kind in _VALUES:
            return self._telling(lines[symbol.start_line : symbol.end_line + 1])
        if symbol.kind not in TYPES:
            return dedented(_head(lines, symbol))
        return "\n".join([dedented(_head(lines, symbol)), *self._members(lines, symbols, symbol)])

    def _telling(self, lines: list[str]) -> str:
        """Returns the first and the last line of a value, and those between that share words with what is around."""
        inside = range(1, len(lines) - 1)
        best = sorted(inside, key=lambda number: (-self._likeness(lines[number]), number))[:_VALUE_LINES_MAX]
        kept = sorted({0, len(lines) - 1, *best})
        return dedented([lines[number] for number in kept])

    def _members(self, lines: list[str], symbols: FileSymbols, symbol: Symbol) -> list[str]:
        """Returns one line for each member of a type: fields as they are, methods by their signatures."""
        shown: list[str] = []
        # Fields and the way to make one first: they say most about what the type is.
        inside = [
            member
            for member in symbols.symbols
            if 0 <= member.parent < len(symbols.symbols) and symbols.symbols[member.parent] == symbol
        ]
        for member in sorted(inside, key=_rank):
            if len(shown) == _MEMBERS_MAX:
                shown.append("    ...")
                break
            if member.kind in FUNCTIONS:
                shown.append(f"    {' '.join(member.signature.split())}")
            else:
                shown.append(f"    {lines[member.start_line].strip()}")
        return list(dict.fromkeys(shown))


def dedented(lines: list[str]) -> str:
    """Returns lines as one text without the indentation that all of them have, and without blank ends."""
    widths = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(widths, default=0)
    return "\n".join(line[least:].rstrip() for line in lines).strip("\n")


def _head(lines: list[str], symbol: Symbol) -> list[str]:
    """Returns the lines of a definition up to where its body begins."""
    last = min(symbol.end_line, symbol.start_line + _HEAD_LINES_MAX - 1)
    depth = 0
    for number in range(symbol.start_line, last + 1):
        line = lines[number]
        depth += sum(line.count(sign) for sign in "([") - sum(line.count(sign) for sign in ")]")
        if number >= symbol.line and depth <= 0 and line.rstrip().endswith((":", "{", ";", "=>", "do", "=", ")")):
            return lines[symbol.start_line : number + 1]
    return lines[symbol.start_line : symbol.line + 1]


def _rank(member: Symbol) -> int:
    if member.kind in (Kind.FIELD, Kind.ENUM_MEMBER, Kind.CONSTANT, Kind.VARIABLE):
        return 0
    if member.name in _CONSTRUCTORS:
        return 1
    return 3 if member.name.startswith("_") else 2
