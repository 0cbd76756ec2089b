"""How the symbols of a content are stored: all of them, and apart from that what a search needs of each."""

import re
import struct
from collections.abc import Iterable
from typing import Final

import msgspec

from fimble.index.symbols import FileSymbols, Symbol

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Names(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The definitions of a content by their names.

    Headers of drivers define 30,000 names: everything here is read without making an object of each.
    """

    text: str
    """All names in their order, with a line end before and after each."""
    kinds: bytes
    """The number of each one's kind; one byte each."""
    lines: bytes
    """The line of each; little-endian numbers of 4 bytes."""
    parents: bytes
    """The number of the symbol around each; as the lines are, 0xFFFFFFFF where there is none."""

    def __len__(self) -> int:
        return len(self.kinds)

    def all(self) -> list[str]:
        """Returns all names."""
        return self.text[1:-1].split("\n")

    def line(self, number: int) -> int:
        """Returns the line of one of them."""
        return _number(self.lines, number)

    def parent(self, number: int) -> int | None:
        """Returns the number of the symbol around one of them."""
        parent = _number(self.parents, number)
        return parent if parent < len(self.kinds) else None


class _RawSymbols(msgspec.Struct, frozen=True, array_like=True):
    """`FileSymbols` of which nothing has been read yet."""

    language: str
    symbols: list[msgspec.Raw]


_encoder = msgspec.msgpack.Encoder()
_names_decoder = msgspec.msgpack.Decoder(Names)
_symbol_decoder = msgspec.msgpack.Decoder(Symbol)
_raw_decoder = msgspec.msgpack.Decoder(_RawSymbols)
_symbols_decoder = msgspec.msgpack.Decoder(FileSymbols)


def encode_symbols(symbols: FileSymbols) -> bytes:
    """Returns all that is known of a content's symbols as bytes."""
    return _encoder.encode(symbols)


def decode_symbols(data: bytes) -> FileSymbols:
    """Reads what `encode_symbols` wrote."""
    return _symbols_decoder.decode(data)


def decode_symbols_at(data: bytes, numbers: Iterable[int]) -> dict[int, Symbol]:
    """Reads some of the symbols that `encode_symbols` wrote; numbers that there are not are left out."""
    every = _raw_decoder.decode(data).symbols
    return {number: _symbol_decoder.decode(every[number]) for number in numbers if 0 <= number < len(every)}


def encode_names(symbols: FileSymbols) -> bytes:
    """Returns the part that searches read, as bytes."""
    every = symbols.symbols
    return _encoder.encode(
        Names(
            "\n".join(["", *[symbol.name for symbol in every], ""]),
            bytes([symbol.kind for symbol in every]),
            _numbers([symbol.line for symbol in every]),
            _numbers([symbol.parent & 0xFFFFFFFF for symbol in every]),
        )
    )


def _numbers(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _number(numbers: bytes, at: int) -> int:
    return int.from_bytes(numbers[4 * at : 4 * at + 4], "little")


def decode_names(data: bytes) -> Names:
    """Reads what `encode_names` wrote."""
    return _names_decoder.decode(data)


def searchable_names(symbols: FileSymbols) -> str:
    """Returns the text of the `names` table: each name once."""
    return " ".join({symbol.name for symbol in symbols.symbols})


def searchable_parts(names: str) -> str:
    """Returns the text of the `parts` table; snake_case is taken apart by the tokenizer, camelCase here."""
    return _CAMEL.sub(" ", names)
