"""Which names a content mentions, as hashes in a few bytes: who-uses-what of a whole workspace fits in memory.

Names are told apart by case, unlike in the word tables. A hash that two names share costs a little precision where
files are ranked, and nothing else reads it.
"""

import re
import struct
import sys
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple
from zlib import crc32

from fimble.index.symbols import FileSymbols

MENTIONS_MAX: Final = 4_096
_COUNT_MAX: Final = 255
_HEADER: Final = struct.Struct("<II")
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]{2,99}")


class Mentions(NamedTuple):
    """Hashes of the names that a content defines, and of those that it uses without defining them; buffers."""

    defined: memoryview
    """Little-endian numbers of 4 bytes."""
    used: memoryview
    """Little-endian numbers of 4 bytes."""
    counts: memoryview
    """How often each of `used` is used, up to 255; one byte each."""


def name_hash(name: str) -> int:
    """Returns the number that stands for a name."""
    return crc32(name.encode("utf-8", "surrogateescape"))


def pack_mentions(source: bytes, symbols: FileSymbols) -> bytes:
    """Returns what a file's text in UTF-8 defines and mentions; names of one or two letters are not mentioned."""
    return pack_mentions_beside(source, (symbol.name for symbol in symbols.symbols))


def pack_mentions_beside(source: bytes, names: Iterable[str]) -> bytes:
    """Returns the same for a text that is known to define `names`."""
    defined = {name.encode("utf-8", "surrogateescape") for name in names}
    counts = Counter(_IDENTIFIER.findall(source))
    for name in defined:
        counts.pop(name, None)
    used = counts.most_common(MENTIONS_MAX) if len(counts) > MENTIONS_MAX else list(counts.items())
    return b"".join(
        (
            _HEADER.pack(len(defined), len(used)),
            _numbers(sorted(map(crc32, defined))),
            _numbers(crc32(name) for name, _ in used),
            bytes(min(count, _COUNT_MAX) for _, count in used),
        )
    )


def unpack_mentions(data: bytes) -> Mentions | None:
    """Reads what `pack_mentions` wrote; None where it is damaged."""
    if len(data) < _HEADER.size:
        return None
    defined, used = _HEADER.unpack_from(data)
    view = memoryview(data)[_HEADER.size :]
    if len(view) != 4 * defined + 5 * used:
        return None
    return Mentions(view[: 4 * defined], view[4 * defined : 4 * (defined + used)], view[4 * (defined + used) :])


def _numbers(values: Iterable[int]) -> bytes:
    numbers = array("I", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
