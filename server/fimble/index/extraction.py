"""From a syntax tree to symbols, in two steps: `query_rows` of `rows`, then `file_symbols`.

A row only shifts when the file is edited elsewhere. The rest (nesting, lines, signatures, documentation) is derived
here from all rows and the text, and from nothing else, which is why rows that were kept up to date by ranges give the
same symbols as a query of the whole tree.
"""

import sys
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec
import tree_sitter

from fimble.index.documentation import documentation
from fimble.index.instance_attributes import instance_attributes
from fimble.index.json_keys import json_rows
from fimble.index.languages import Grammar, Language
from fimble.index.lines import line_starts
from fimble.index.rows import NAME_BYTES_MAX, ImportRow, Row, Rows, query_rows
from fimble.index.symbols import (
    CONTAINERS,
    FUNCTIONS,
    SIGNATURE_CHARACTERS_MAX,
    TYPES,
    FileSymbols,
    Import,
    Kind,
    Symbol,
)

__all__ = [
    "NAME_BYTES_MAX",
    "ImportRow",
    "Row",
    "Rows",
    "extract",
    "file_symbols",
    "query_rows",
    "signature",
]

_SIGNATURE_BYTES_MAX: Final = 4 * SIGNATURE_CHARACTERS_MAX
_DOCUMENTED: Final = FUNCTIONS | CONTAINERS | {Kind.TYPE, Kind.MACRO, Kind.FIELD, Kind.CONSTANT, Kind.TABLE}
# Kinds that are assigned rather than declared in some languages: the first time counts.
_MEMBERS: Final = frozenset({Kind.VARIABLE, Kind.CONSTANT, Kind.FIELD})
# Kinds that hold other symbols only where they have a body: in `struct a {} b;`, `a` is not a part of `b`.
_LEAVES: Final = frozenset({Kind.VARIABLE, Kind.CONSTANT, Kind.FIELD, Kind.TYPE})
# Languages in which a function is written as several equations.
_CLAUSES: Final = frozenset({"haskell", "elixir"})
# Kinds of which all is a signature when they have no body.
_SHOWN_WHOLE: Final = FUNCTIONS | {Kind.TYPE}
_ECMASCRIPT: Final = frozenset({"javascript", "typescript", "tsx"})
_LETTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_CODE_STARTS: Final = _LETTERS
_CODE_ENDS: Final = _LETTERS | frozenset(b"0123456789;,:{(='")
_STRING_STARTS: Final = frozenset({b'"', b"'", b"r", b"R", b"u", b"U", b"b", b"B"})
# Looking up a member of an enumeration costs more than the rest of a comparison.
_FIELD: Final = Kind.FIELD
_KEY: Final = Kind.KEY
_FUNCTION: Final = Kind.FUNCTION
_METHOD: Final = Kind.METHOD
_VARIABLE: Final = Kind.VARIABLE
_CONSTRUCTORS: Final = {"python": "__init__", "javascript": "constructor"}


def file_symbols(language: Language, source: bytes, rows: Rows, *, is_broken: bool = False) -> FileSymbols:
    """Derives a file's symbols from all of its rows; `source` is its text in UTF-8."""
    lines = line_starts(source)
    is_ascii = source.isascii()
    is_python = language.name == "python"
    has_clauses = language.name in _CLAUSES
    nesting = _Nesting(language, rows.imports, len(source))
    symbols: list[Symbol] = []
    start_line = 0
    for row in _outermost_first(language, source, rows.definitions):
        place = nesting.place(row, len(symbols))
        if place is None:
            continue
        parent, kind = place
        start, end, name_start, body, _, name = row
        if has_clauses and symbols and kind in FUNCTIONS:
            last = symbols[-1]
            if (last.name, last.kind, last.parent) == (name, kind, parent):
                # Equations of one function: the first one, or the type before it, speaks for all.
                end_line = bisect_right(lines, end - 1) - 1
                symbols[-1] = msgspec.structs.replace(last, end=end, end_line=end_line)
                nesting.join(len(symbols) - 1)
                continue
        # Rows come in the order of their starts, so that each search begins where the last one ended.
        start_line = bisect_right(lines, start, start_line) - 1
        line = start_line if name_start < lines[start_line + 1] else bisect_right(lines, name_start, start_line) - 1
        end_line = line if end <= lines[line + 1] else bisect_right(lines, end - 1, line) - 1
        column = name_start - lines[line]
        if not is_ascii:
            column = len(source[lines[line] : name_start].decode("utf-8", "replace"))
        documented = ""
        if kind in _DOCUMENTED and (
            (is_python and body >= 0 and source[body : body + 1] in _STRING_STARTS)
            or (body >= 0 and language.name == "elixir")
            or (start_line > 0 and _may_document(source[lines[start_line - 1] : lines[start_line]].strip()))
        ):
            documented = documentation(language, source, start, body)
        shown_until = end if body < 0 and kind in _SHOWN_WHOLE else body
        symbols.append(
            Symbol(
                name,
                kind,
                start,
                end,
                name_start,
                line,
                column,
                start_line,
                end_line,
                parent,
                # A key says all there is to it, and there are many.
                name if kind is _KEY else signature(source, start, end, shown_until),
                documented,
            )
        )
    return FileSymbols(language.name, tuple(symbols), _imports(rows.imports, lines), is_broken)


def extract(grammar: Grammar, source: bytes) -> FileSymbols:
    """Parses a whole text and returns its symbols."""
    if grammar.language.name == "json" and (keys := json_rows(source)) is not None:
        return file_symbols(grammar.language, source, keys)
    tree = tree_sitter.Parser(grammar.parser_language).parse(source)
    rows = query_rows(grammar, tree.root_node)
    return file_symbols(grammar.language, source, rows, is_broken=tree.root_node.has_error)


def signature(source: bytes, start: int, end: int, body: int) -> str:
    """Returns a definition up to its body on one line; without a body, its first line."""
    stop = body
    if body <= start:
        stop = source.find(b"\n", start, end)
        if stop < 0:
            stop = end
    # What is before a body is most often a line end.
    text = source[start : min(stop, start + _SIGNATURE_BYTES_MAX)].rstrip()
    if b"\n" in text and b"#" in text:
        # Between a Python function's head and its body there may be comments.
        text = b"\n".join(line for line in text.split(b"\n") if not line.lstrip().startswith(b"#"))
    line = text.decode("utf-8", "replace")
    if not line.isprintable() or "  " in line:
        line = " ".join(line.split())
    return line[:SIGNATURE_CHARACTERS_MAX].rstrip(" {(:=;,")


class _Around(NamedTuple):
    """A definition around the current one, by the number of its symbol."""

    number: int
    end: int
    kind: Kind | None
    name: str
    start: int


class _Nesting:
    """Puts definitions, which come from the outside to the inside, into each other."""

    def __init__(self, language: Language, imports: list[ImportRow], size: int) -> None:
        self._language = language.name
        self._is_ecmascript = language.name in _ECMASCRIPT
        # What `require` is assigned to is bound by an import and no definition.
        self._imports = sorted({(row.start, row.end) for row in imports}) if self._is_ecmascript else []
        self._around = [_Around(-1, size + 1, None, "", -1)]
        self._names: set[int] = set()
        self._members: set[tuple[int, str]] = set()

    def place(self, row: Row, number: int) -> tuple[int, Kind] | None:
        """Returns the parent of what would be symbol `number` and its kind; None where it is none."""
        start, end, name_start, body, kind, name = row
        if name_start in self._names:
            return None
        self._names.add(name_start)
        # Names that one declaration introduces (`case a, b`) share its range and are neighbours.
        while self._around[-1].end <= start or (self._around[-1].start == start and self._around[-1].end == end):
            self._around.pop()
        around = self._around[-1]
        if kind in _MEMBERS:
            member = self._member(around, kind, name, name_start)
            if member is None:
                return None
            around, kind = member
        elif kind == _FUNCTION:
            if around.kind in TYPES:
                kind = Kind.CONSTRUCTOR if around.name == name and self._language == "cpp" else _METHOD
        elif kind == _METHOD and name == "constructor" and self._is_ecmascript:
            kind = Kind.CONSTRUCTOR
        if body > start or (kind not in _LEAVES and end - start > len(name)):
            self._around.append(_Around(number, end, kind, name, start))
        return around.number, kind

    def join(self, number: int) -> None:
        """Makes what was placed last a part of symbol `number`."""
        self._around[-1] = self._around[-1]._replace(number=number)

    def _member(self, around: _Around, kind: Kind, name: str, name_start: int) -> tuple[_Around, Kind] | None:
        if around.kind in FUNCTIONS:
            if kind != _FIELD:
                return None  # A local variable.
            # What a constructor assigns or declares belongs to its type.
            around = next((outer for outer in reversed(self._around) if outer.kind not in FUNCTIONS), around)
            if around.kind not in TYPES:
                return None
        if kind == _VARIABLE:
            if self._imports and self._is_imported(name_start):
                return None
            if around.kind in TYPES:
                kind = _FIELD
            elif name.isupper():
                kind = Kind.CONSTANT
        member = (around.number, name)
        if member in self._members:
            return None
        self._members.add(member)
        return around, kind

    def _is_imported(self, offset: int) -> bool:
        index = bisect_right(self._imports, (offset, sys.maxsize)) - 1
        return index >= 0 and offset < self._imports[index][1]


def _outermost_first(language: Language, source: bytes, definitions: list[Row]) -> list[Row]:
    """Returns the definitions from the outside to the inside, with those that are assigned and not declared."""
    constructor = _CONSTRUCTORS.get(language.name)
    if constructor is not None:
        definitions = definitions + [
            Row(start, end, name_start, -1, Kind.FIELD, name)
            for row in definitions
            if row[5] == constructor and row[3] > row[0]
            for start, end, name_start, name in instance_attributes(source, row.body, row.end)
        ]
    # Most start where no other one does.
    if len({row[0] for row in definitions}) == len(definitions):
        return sorted(definitions, key=itemgetter(0))
    return sorted(definitions, key=_order)


def _order(row: Row) -> tuple[int, int, int, int, int]:
    # Of several rows for one name the one with a body counts, then the one with the more special kind.
    return row[0], -row[1], row[2], -row[3], row[4]


def _may_document(line: bytes) -> bool:
    """Tells cheaply whether a line may be, or end, a comment or an attribute; most lines are code and may not."""
    return bool(line) and not (line[0] in _CODE_STARTS and line[-1] in _CODE_ENDS)


def _imports(rows: list[ImportRow], lines: Sequence[int]) -> tuple[Import, ...]:
    imports: list[Import] = []
    line = 0
    for start, _, module, name, alias in sorted(dict.fromkeys(rows)):
        if start >= lines[line + 1]:
            line = bisect_right(lines, start, line) - 1
        imports.append(Import(module, name, alias, line))
    return tuple(imports)
