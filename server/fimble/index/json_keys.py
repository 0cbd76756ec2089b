"""The keys of a JSON text without a syntax tree.

A text that is valid needs no parser that survives errors, and projects have thousands of such files (translations,
fixtures): a decoder that skips values says how long they are, which is all that is needed to find the keys between
them, in a sixth of the time. What this returns for a valid text is what the tag query finds in its tree; every other
text is left to the parser.
"""

import re
from typing import Final

import msgspec

from fimble.index.rows import NAME_BYTES_MAX, Row, Rows
from fimble.index.symbols import Kind

_LEVELS: Final = 2
_KIND: Final = Kind.KEY
# Makes a named tuple in half the time that its class takes.
_new_row: Final = tuple.__new__
_OBJECT: Final = re.compile(rb"\s*\{")
_KEY: Final = re.compile(rb'\s*[{,]\s*("([^"\\]*+)(?:\\.[^"\\]*+)*+")\s*:\s*', re.DOTALL)
_END: Final = re.compile(rb"\s*\{?\s*\}")
_OPENING: Final = ord("{")
_object_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any_decoder: Final = msgspec.json.Decoder(msgspec.Raw)


def json_rows(source: bytes) -> Rows | None:
    """Returns the rows of a JSON text in UTF-8; None where it is not valid or says a key twice."""
    rows: list[Row] = []
    try:
        if _OBJECT.match(source) is None:
            _any_decoder.decode(source)
        else:
            _add_keys(rows, source, 0, source, _LEVELS)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _SaidTwice):
        return None
    return Rows(rows, [])


def _add_keys(rows: list[Row], source: bytes, at: int, text: bytes | msgspec.Raw, levels: int) -> int:
    """Adds the keys of the object `text`, which is at `at`, and of what is in it; returns where it ends.

    Raises:
        msgspec.DecodeError: it is not valid.
        _SaidTwice: it has more members than it has keys.
    """
    for key, value in _object_decoder.decode(text).items():
        found = _KEY.match(source, at)
        if found is None:
            raise _SaidTwice
        start = found.end()
        if levels > 1 and source[start] == _OPENING:
            at = _add_keys(rows, source, start, value, levels - 1)
        else:
            view = memoryview(value)
            at = start + len(view)
            if source[start:at] != view:
                raise _SaidTwice
        quoted, name = found.groups()
        # A key with an escape in it has no name that could be found in the text.
        if 0 < len(name) == len(quoted) - 2 <= NAME_BYTES_MAX:
            start = found.start(1)
            rows.append(_new_row(Row, (start, at, start + 1, -1, _KIND, key)))
    end = _END.match(source, at)
    if end is None:
        raise _SaidTwice
    return end.end()


class _SaidTwice(Exception):
    """Of the values of one key only the last is known, so that what follows is not where it should be."""
