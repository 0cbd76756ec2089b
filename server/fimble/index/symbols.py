"""What the index knows of one file: its symbols and its imports, as plain immutable data.

Offsets count bytes of the file's text in UTF-8, lines count from 0 as LSP counts them (\\n, \\r\\n and \\r end a
line), and columns count code points.
"""

from enum import IntEnum
from typing import Final

import msgspec

SIGNATURE_CHARACTERS_MAX: Final = 240
DOC_CHARACTERS_MAX: Final = 160


class Kind(IntEnum):
    """What a name stands for. The numbers are stored; a new kind gets a new number."""

    MODULE = 1
    NAMESPACE = 2
    CLASS = 3
    INTERFACE = 4
    """Also a trait and a protocol."""
    STRUCT = 5
    ENUM = 6
    ENUM_MEMBER = 7
    TYPE = 8
    """A type alias, a typedef, an associated type."""
    FUNCTION = 9
    METHOD = 10
    CONSTRUCTOR = 11
    FIELD = 12
    """A field, property or attribute of a class or struct."""
    CONSTANT = 13
    VARIABLE = 14
    MACRO = 15
    IMPLEMENTATION = 16
    """A block that adds members to a type which is declared elsewhere (Rust's impl, Swift's extension)."""
    SECTION = 17
    """A heading of a document, a section of a settings file."""
    KEY = 18
    """A key of a data file."""
    SELECTOR = 19
    """A style sheet's selector, an element's id."""
    TABLE = 20
    """A table or view of a database."""


CONTAINERS: Final = frozenset(
    {Kind.CLASS, Kind.INTERFACE, Kind.STRUCT, Kind.ENUM, Kind.IMPLEMENTATION, Kind.MODULE, Kind.NAMESPACE}
)
"""Kinds whose members other code can name through them."""

TYPES: Final = frozenset({Kind.CLASS, Kind.INTERFACE, Kind.STRUCT, Kind.ENUM, Kind.IMPLEMENTATION})
"""Kinds that turn the functions inside of them into methods."""

FUNCTIONS: Final = frozenset({Kind.FUNCTION, Kind.METHOD, Kind.CONSTRUCTOR})
"""Kinds whose inside is nobody else's business."""


class Symbol(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A definition.

    `start` and `end` bound the whole definition, `name_start` is where its name begins; `line` and `column` say
    the same of the name. `parent` is the number of the innermost symbol around this one in its file, or -1.
    `signature` is the definition up to its body on one line, `doc` the first line of its documentation.
    """

    name: str
    kind: Kind
    start: int
    end: int
    name_start: int
    line: int
    column: int
    start_line: int
    end_line: int
    parent: int
    signature: str
    doc: str


class Import(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A name that a file takes from elsewhere.

    `module` is spelled as in the source, without quotes (`..errors`, `./app`, `std::fmt`). `name` is what is
    taken from it: empty for the module itself, `*` for all of it. `alias` is the name it gets here, if another.
    """

    module: str
    name: str
    alias: str
    line: int


class FileSymbols(msgspec.Struct, frozen=True, array_like=True):
    """All symbols of a file in the order of their starts, and its imports.

    `is_broken` says that the text did not parse without errors, so that symbols may be missing.
    """

    language: str
    symbols: tuple[Symbol, ...]
    imports: tuple[Import, ...]
    is_broken: bool = False
