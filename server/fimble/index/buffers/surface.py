"""What a file shows to other files, without the places: the same before and after edits inside of functions."""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import msgspec

from fimble.index.buffers.ranges import Ranges
from fimble.index.extraction import ImportRow, Row
from fimble.index.symbols import FUNCTIONS, FileSymbols, Kind

# The text of these functions shows names of their class, see `instance_attributes`.
_SHOWN_INSIDE: Final = frozenset({"__init__"})


def surface_hash(symbols: FileSymbols) -> bytes:
    """Returns a hash of names, kinds, nesting, signatures and imports; what is inside of functions is left out."""
    shown: list[tuple[str, int, int, str]] = []
    # The number of each symbol among those that are shown: -1 where it is inside of a function.
    numbers: list[int] = []
    hidden_lines: list[tuple[int, int]] = []
    for symbol in symbols.symbols:
        parent = symbols.symbols[symbol.parent] if symbol.parent >= 0 else None
        is_hidden = (
            parent is not None
            and symbol.kind is not Kind.FIELD
            and (parent.kind in FUNCTIONS or numbers[symbol.parent] < 0)
        )
        numbers.append(-1 if is_hidden else len(shown))
        if is_hidden:
            continue
        shown.append((symbol.name, symbol.kind, numbers[symbol.parent] if parent is not None else -1, symbol.signature))
        if symbol.kind in FUNCTIONS:
            hidden_lines.append((symbol.line, symbol.end_line))
    imports = [
        (import_.module, import_.name, import_.alias)
        for import_ in symbols.imports
        if not _is_inside(import_.line, hidden_lines)
    ]
    return hashlib.blake2b(msgspec.msgpack.encode((symbols.language, shown, imports)), digest_size=16).digest()


def same_outline(known: Sequence[Row], found: Sequence[Row], edited: Ranges, source: bytes) -> bool:
    """Tells whether two lists of rows for the same places surely lead to the same surface.

    `known` are the rows from before, moved along with the edits, `found` are those of now, both sorted; `edited` is
    where the text, which is `source` now, was changed. A false alarm costs the derivation of all symbols.
    """
    if len(known) != len(found):
        return False
    for before, now in zip(known, found, strict=True):
        has_body = now.body > now.start
        if before != now:
            if not has_body or before[0] != now[0] or before[2:] != now[2:]:
                return False
            # An end may follow what was typed there, but not pass anything else.
            first, last = sorted((before.end, now.end))
            if any(not source[start:end].isspace() for start, end in edited.gaps(first, last)):
                return False
        header_end = now.body if has_body else now.end
        if edited.touch(now.start, header_end + 1) or now.name in _SHOWN_INSIDE:
            return False
    return _parents(known) == _parents(found)


def same_imports(known: Sequence[ImportRow], found: Sequence[ImportRow]) -> bool:
    """Tells whether two lists of rows name the same imports in the same order."""
    return [row[2:] for row in known] == [row[2:] for row in found]


def _is_inside(line: int, functions: Sequence[tuple[int, int]]) -> bool:
    """Tells whether a line is inside of one of the functions, which are in order and not in each other."""
    number = bisect_left(functions, (line, 0)) - 1
    return number >= 0 and line <= functions[number][1]


def _parents(rows: Sequence[Row]) -> list[int]:
    parents: list[int] = []
    around: list[int] = []
    rows = sorted(rows, key=lambda row: (row.start, -row.end))
    for number, row in enumerate(rows):
        while around and rows[around[-1]].end <= row.start:
            around.pop()
        parents.append(around[-1] if around else -1)
        around.append(number)
    return parents
