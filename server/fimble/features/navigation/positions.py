"""From the index's offsets, bytes of UTF-8, to the points of an editor."""

from bisect import bisect_right

from fimble.features.navigation.places import Point, Span
from fimble.index.lines import line_starts
from fimble.index.symbols import Symbol
from fimble.workspace.text import Encoding


class Positions:
    """Counts lines and characters in one text in UTF-8; bytes that are not UTF-8 count as U+FFFD."""

    def __init__(self, source: bytes, encoding: Encoding) -> None:
        self._source = source
        self._encoding = encoding
        self._starts = line_starts(source)
        self._is_plain = encoding is Encoding.UTF_8 or source.isascii()

    def point(self, offset: int) -> Point:
        """Returns the point at a byte's offset; past the end it is the end."""
        offset = min(max(offset, 0), len(self._source))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        if self._is_plain:
            return line, offset - start
        return line, width(self._source[start:offset].decode("utf-8", "replace"), self._encoding)

    def name(self, symbol: Symbol) -> Span:
        """Returns where a symbol's name is."""
        end = symbol.name_start + len(symbol.name.encode("utf-8", "surrogateescape"))
        return Span(self.point(symbol.name_start), self.point(end))

    def whole(self, symbol: Symbol) -> Span:
        """Returns where all of a definition is; its name lies inside."""
        start = min(symbol.start, symbol.name_start)
        end = max(symbol.end, symbol.name_start + len(symbol.name.encode("utf-8", "surrogateescape")))
        return Span(self.point(start), self.point(end))

    def fits(self, symbol: Symbol) -> bool:
        """Tells whether the symbol's name is where it should be, that is whether the text is the one indexed."""
        return self._source.startswith(symbol.name.encode("utf-8", "surrogateescape"), symbol.name_start)


def assumed_name(symbol: Symbol) -> Span:
    """Returns where a symbol's name is in a text that cannot be looked at, taking its line for ASCII."""
    return Span((symbol.line, symbol.column), (symbol.line, symbol.column + len(symbol.name)))


def span_in_line(line: int, line_text: str, column: int, length: int, encoding: Encoding) -> Span:
    """Returns the span of `length` code points from `column` on in a line; what is cut off `line_text` is ASCII."""
    end = column + length
    start = width(line_text[:column], encoding) + max(column - len(line_text), 0)
    return Span((line, start), (line, width(line_text[:end], encoding) + max(end - len(line_text), 0)))


def width(text: str, encoding: Encoding) -> int:
    """Returns how many units of `encoding` a text takes."""
    if encoding is Encoding.UTF_32 or text.isascii():
        return len(text)
    if encoding is Encoding.UTF_8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
