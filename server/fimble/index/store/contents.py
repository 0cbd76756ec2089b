"""How the symbols of a content are stored: all of them, and apart from that what a search needs of each."""

import re
from typing import Final

import msgspec

from fimble.index.symbols import FileSymbols

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Names(msgspec.Struct, frozen=True, array_like=True):
    """The definitions of a content by their names: for each its kind, line, column and enclosing symbol's number."""

    names: list[str]
    kinds: list[int]
    lines: list[int]
    columns: list[int]
    parents: list[int]


_encoder = msgspec.msgpack.Encoder()
_names_decoder = msgspec.msgpack.Decoder(Names)
_symbols_decoder = msgspec.msgpack.Decoder(FileSymbols)


def encode_symbols(symbols: FileSymbols) -> bytes:
    """Returns all that is known of a content's symbols as bytes."""
    return _encoder.encode(symbols)


def decode_symbols(data: bytes) -> FileSymbols:
    """Reads what `encode_symbols` wrote."""
    return _symbols_decoder.decode(data)


def encode_names(symbols: FileSymbols) -> bytes:
    """Returns the part that searches read, as bytes."""
    every = symbols.symbols
    return _encoder.encode(
        Names(
            [symbol.name for symbol in every],
            [symbol.kind for symbol in every],
            [symbol.line for symbol in every],
            [symbol.column for symbol in every],
            [symbol.parent for symbol in every],
        )
    )


def decode_names(data: bytes) -> Names:
    """Reads what `encode_names` wrote."""
    return _names_decoder.decode(data)


def searchable_names(symbols: FileSymbols) -> str:
    """Returns the text of the `names` table: each name once."""
    return " ".join({symbol.name for symbol in symbols.symbols})


def searchable_parts(names: str) -> str:
    """Returns the text of the `parts` table; snake_case is taken apart by the tokenizer, camelCase here."""
    return _CAMEL.sub(" ", names)
