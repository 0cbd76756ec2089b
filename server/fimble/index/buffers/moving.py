"""Moves symbols along with an edit, so that they are at the right places before the edited text is parsed."""

from dataclasses import dataclass

import msgspec

from fimble.index.symbols import FileSymbols, Import, Symbol
from fimble.workspace.text import Text


@dataclass(frozen=True, slots=True)
class Splice:
    """What one text has in the place of what another one had; offsets in bytes, columns in code points."""

    start: int
    old_end: int
    new: bytes
    start_line: int
    start_column: int
    old_end_line: int
    old_end_column: int
    new_end_line: int
    new_end_column: int

    @property
    def new_end(self) -> int:
        """Where the new bytes end."""
        return self.start + len(self.new)


def splice_between(older: Text, newer: Text) -> Splice:
    """Returns the smallest splice that turns one text into the other."""
    start, end, newer_end = older.difference(newer)
    start_line, end_line, newer_end_line = older.line_at(start), older.line_at(end), newer.line_at(newer_end)
    return Splice(
        older.byte_offset(start),
        older.byte_offset(end),
        newer.slice(start, newer_end).encode("utf-8"),
        start_line,
        start - older.line_start(start_line),
        end_line,
        end - older.line_start(end_line),
        newer_end_line,
        newer_end - newer.line_start(newer_end_line),
    )


def moved(symbols: FileSymbols, splice: Splice) -> FileSymbols:
    """Returns the symbols at the places that they have after a splice; those around it grow or shrink with it."""
    return FileSymbols(
        symbols.language,
        tuple(symbol if symbol.end < splice.start else _moved(symbol, splice) for symbol in symbols.symbols),
        tuple(
            import_ if import_.line <= splice.start_line and splice.start_column else _moved_import(import_, splice)
            for import_ in symbols.imports
        ),
        symbols.is_broken,
    )


def _moved(symbol: Symbol, splice: Splice) -> Symbol:
    line, column = symbol.line, symbol.column
    if symbol.name_start >= splice.old_end:
        if line == splice.old_end_line:
            column += splice.new_end_column - splice.old_end_column
        line += splice.new_end_line - splice.old_end_line
    elif symbol.name_start > splice.start:
        line, column = splice.start_line, splice.start_column
    return msgspec.structs.replace(
        symbol,
        start=_moved_offset(symbol.start, splice),
        end=_moved_offset(symbol.end, splice),
        name_start=_moved_offset(symbol.name_start, splice),
        line=line,
        column=column,
        start_line=_moved_line(symbol.start, symbol.start_line, splice),
        end_line=_moved_line(symbol.end - 1, symbol.end_line, splice),
    )


def _moved_offset(offset: int, splice: Splice) -> int:
    if offset >= splice.old_end:
        return offset + splice.new_end - splice.old_end
    return splice.start if offset > splice.start else offset


def _moved_line(offset: int, line: int, splice: Splice) -> int:
    if offset >= splice.old_end:
        return line + splice.new_end_line - splice.old_end_line
    return splice.start_line if offset > splice.start else line


def _moved_import(import_: Import, splice: Splice) -> Import:
    if import_.line > splice.old_end_line or (import_.line == splice.old_end_line and splice.old_end_column == 0):
        line = import_.line + splice.new_end_line - splice.old_end_line
    else:
        line = min(import_.line, splice.start_line)
    return msgspec.structs.replace(import_, line=line)
