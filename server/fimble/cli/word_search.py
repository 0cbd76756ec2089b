"""Lines with certain words: the index says in which pieces of files they may be, the files have the last word."""

import re
from typing import Final

from fimble.index.queries.sources import source_of
from fimble.index.queries.view import View
from fimble.index.store.schema import CHUNK_LINES

_WORD: Final = re.compile(r"\w+")
_CHUNKS_MAX: Final = 20_000
_ROW_CHARACTERS_MAX: Final = 300


def matching_lines(view: View, text: str, limit: int) -> list[tuple[str, int, str]]:
    """Returns path, line and text of lines that hold all words of `text`.

    Of a piece of a file that holds all of them, but on different lines, the lines with any of them are returned.
    """
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
    if not words:
        return []
    pieces: dict[str, set[int]] = {}
    for chunk in view.reader.mentioning(words, _CHUNKS_MAX):
        pieces.setdefault(chunk.path, set()).add(chunk.first_line)
    found: list[tuple[str, int, str]] = []
    for path in sorted(pieces):
        source = source_of(view, path)
        if source is None:
            continue
        rows = re.split(r"\r\n|\r|\n", source.decode("utf-8", "replace"))
        found += [
            (path, line, rows[line].strip()[:_ROW_CHARACTERS_MAX])
            for first in sorted(pieces[path])
            for line in _lines_with(words, rows, first)
        ]
        if len(found) >= limit:
            break
    return found[:limit]


def _lines_with(words: list[str], rows: list[str], first: int) -> list[int]:
    numbers = range(first, min(first + CHUNK_LINES, len(rows)))
    in_row = {number: {word.lower() for word in _WORD.findall(rows[number])} for number in numbers}
    # The file may have changed since it was indexed.
    if not set(words) <= set().union(*in_row.values()):
        return []
    with_all = [number for number in numbers if in_row[number].issuperset(words)]
    return with_all or [number for number in numbers if not in_row[number].isdisjoint(words)]
