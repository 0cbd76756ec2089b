"""Immutable text that knows where its lines start and how editors count characters.

Lines end at \\n, \\r\\n and \\r only, as LSP says; `str.splitlines` also splits at form feeds, U+2028 and
others, which would apply edits to the wrong line. Who the text belongs to is the business of `documents`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import accumulate
from typing import Final

from fimble.errors import PositionInvalid

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# The text is kept in blocks of about this many characters; a keystroke copies one block, not megabytes.
_BLOCK_CHARACTERS: Final = 8192


class Encoding(StrEnum):
    """The unit in which a client counts the characters of a line."""

    UTF_8 = "utf-8"
    """Bytes of UTF-8."""
    UTF_16 = "utf-16"
    """Code units of UTF-16, what LSP means when nothing was agreed."""
    UTF_32 = "utf-32"
    """Code points, what Python counts."""


class _Block:
    """A run of whole lines; only the last block of a text ends without a line end."""

    __slots__ = ("longest_line", "size_bytes", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        starts = [0]
        starts.extend(match.end() for match in _LINE_END.finditer(text))
        if len(starts) > 1 and starts[-1] == len(text):
            # The line after the final line end begins in the next block.
            starts.pop()
        self.starts = starts
        self.size_bytes = len(text) if text.isascii() else len(text.encode("utf-8"))
        ends = [*starts[1:], len(text)]
        self.longest_line = max(end - start for start, end in zip(starts, ends, strict=True))


class Text:
    """A text that never changes; an edit makes a new one that shares all blocks it did not touch.

    Offsets count code points from the start of the text, lines count from 0. Lone surrogates, which cannot be
    encoded, become U+FFFD; that has the same width in all three encodings, so positions stay right.
    """

    __slots__ = ("_blocks", "_byte_offsets", "_content", "_first_lines", "_length", "_line_count", "_offsets")

    _blocks: tuple[_Block, ...]
    _offsets: list[int]
    _first_lines: list[int]
    _length: int
    _line_count: int
    _content: str | None
    _byte_offsets: list[int] | None

    def __init__(self, content: str = "") -> None:
        self._fill(_split(_encodable(content), is_last=True))

    @classmethod
    def from_string(cls, content: str) -> "Text":
        """Returns `content` as a text."""
        return cls(content)

    @property
    def content(self) -> str:
        """The whole text as one string."""
        content = self._content
        if content is None:
            # Joining the blocks costs a copy of the text; an edit that nobody looks at never pays for it.
            content = "".join(block.text for block in self._blocks)
            self._content = content
        return content

    @property
    def line_count(self) -> int:
        """The number of lines, at least 1: the empty line after a final line end counts."""
        return self._line_count

    @property
    def size_bytes(self) -> int:
        """The size of the text in UTF-8."""
        return sum(block.size_bytes for block in self._blocks)

    @property
    def longest_line(self) -> int:
        """The length of the longest line in characters, its line end included."""
        return max(block.longest_line for block in self._blocks)

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Text):
            return NotImplemented
        return self is other or (self._length == other._length and self.content == other.content)

    def __hash__(self) -> int:
        return hash(self.content)

    def __repr__(self) -> str:
        # The content is the user's code, which has no place in a log.
        return f"Text({self._length} characters, {self._line_count} lines)"

    def line(self, number: int) -> str:
        """Returns line `number` without its line end; a line past the last one is empty."""
        if _natural(number, "line") >= self._line_count:
            return ""
        block, start, end = self._bounds(number)
        return block.text[start:end].rstrip("\r\n")

    def line_start(self, number: int) -> int:
        """Returns the offset at which line `number` starts; the text's end for a line past the last one."""
        if _natural(number, "line") >= self._line_count:
            return self._length
        index = bisect_right(self._first_lines, number) - 1
        return self._offsets[index] + self._blocks[index].starts[number - self._first_lines[index]]

    def line_at(self, offset: int) -> int:
        """Returns the number of the line that holds `offset`."""
        offset = min(_natural(offset, "offset"), self._length)
        index = bisect_right(self._offsets, offset) - 1
        inside = offset - self._offsets[index]
        return self._first_lines[index] + bisect_right(self._blocks[index].starts, inside) - 1

    def slice(self, start: int, end: int) -> str:
        """Returns the characters from offset `start` up to `end`, without joining the whole text."""
        start = min(_natural(start, "offset"), self._length)
        end = min(_natural(end, "offset"), self._length)
        if end <= start:
            return ""
        if self._content is not None:
            return self._content[start:end]
        first = bisect_right(self._offsets, start) - 1
        last = bisect_right(self._offsets, end) - 1
        joined = "".join(block.text for block in self._blocks[first : last + 1])
        return joined[start - self._offsets[first] : end - self._offsets[first]]

    def offset(self, line: int, character: int, encoding: Encoding) -> int:
        """Returns the offset of a position as an editor counts it.

        A character past the end of its line means the line's end, a line past the last one the text's end,
        and a place inside of a character (half of a surrogate pair, a UTF-8 sequence) that character's start.

        Raises:
            PositionInvalid: a number is negative or no integer.
        """
        _natural(character, "character")
        if _natural(line, "line") >= self._line_count:
            return self._length
        return self.line_start(line) + _characters_before(self.line(line), character, encoding)

    def byte_offset(self, offset: int) -> int:
        """Returns how many bytes of UTF-8 come before an offset; past the text's end it is clamped."""
        offset = min(_natural(offset, "offset"), self._length)
        if self._byte_offsets is None:
            self._byte_offsets = list(accumulate((block.size_bytes for block in self._blocks), initial=0))
        index = bisect_right(self._offsets, offset) - 1
        block, inside = self._blocks[index], offset - self._offsets[index]
        if block.size_bytes == len(block.text):
            return self._byte_offsets[index] + inside
        return self._byte_offsets[index] + len(block.text[:inside].encode("utf-8"))

    def difference(self, newer: "Text") -> tuple[int, int, int]:
        """Returns `start`, `end` and `newer_end`: from `start` up to `end` this text became what `newer` has there.

        Blocks that both texts share are not looked at, so that an edit costs the same in a text of any length.
        Equal texts differ by nothing at the end.
        """
        old, new = self._blocks, newer._blocks
        common = min(len(old), len(new))
        first = 0
        while first < common and old[first] is new[first]:
            first += 1
        last = 0
        while last < common - first and old[-1 - last] is new[-1 - last]:
            last += 1
        before = "".join(block.text for block in old[first : len(old) - last])
        after = "".join(block.text for block in new[first : len(new) - last])
        if before == after:
            return self._length, self._length, self._length
        same = _common_prefix(before, after)
        rest = _common_prefix(before[same:][::-1], after[same:][::-1])
        start = same + (self._offsets[first] if first < len(old) else self._length)
        return start, start + len(before) - same - rest, start + len(after) - same - rest

    def position(self, offset: int, encoding: Encoding) -> tuple[int, int]:
        """Returns line and character of an offset; past the text's end, and inside of \\r\\n, it is clamped.

        Raises:
            PositionInvalid: the offset is negative or no integer.
        """
        line = self.line_at(offset)
        before = self.line(line)[: min(offset, self._length) - self.line_start(line)]
        return line, _width(before, encoding)

    def replace(self, start: int, end: int, new: str) -> "Text":
        """Returns this text with the characters from offset `start` up to `end` replaced by `new`.

        Raises:
            PositionInvalid: an offset is negative or no integer, or `end` comes before `start`.
        """
        start = min(_natural(start, "offset"), self._length)
        end = min(_natural(end, "offset"), self._length)
        if end < start:
            raise PositionInvalid("The end of a range comes before its start.")
        first = bisect_right(self._offsets, start) - 1
        last = bisect_right(self._offsets, end) - 1
        blocks = self._blocks
        merged = (
            blocks[first].text[: start - self._offsets[first]]
            + _encodable(new)
            + blocks[last].text[end - self._offsets[last] :]
        )
        final = len(blocks) - 1
        # A \r at a block's end and a \n at the next one's start would be one line end seen as two.
        if first > 0 and (not merged or merged[0] == "\n") and blocks[first - 1].text[-1] == "\r":
            first -= 1
            merged = blocks[first].text + merged
        # Whole lines only: a block may not end inside of a line, nor between \r and \n. Small rests are
        # joined with what follows, so that blocks do not wear down to single lines.
        while last < final and (
            not merged
            or merged[-1] not in "\r\n"
            or (merged[-1] == "\r" and blocks[last + 1].text[:1] == "\n")
            or len(merged) < _BLOCK_CHARACTERS // 4
        ):
            last += 1
            merged += blocks[last].text
        text = Text.__new__(Text)
        text._fill((*blocks[:first], *_split(merged, is_last=last == final), *blocks[last + 1 :]))
        return text

    def _fill(self, blocks: Iterable[_Block]) -> None:
        self._blocks = tuple(blocks)
        offsets = list(accumulate((len(block.text) for block in self._blocks), initial=0))
        first_lines = list(accumulate((len(block.starts) for block in self._blocks), initial=0))
        self._length = offsets.pop()
        self._line_count = first_lines.pop()
        self._offsets = offsets
        self._first_lines = first_lines
        self._byte_offsets = None
        self._content = self._blocks[0].text if len(self._blocks) == 1 else None

    def _bounds(self, number: int) -> tuple[_Block, int, int]:
        index = bisect_right(self._first_lines, number) - 1
        block = self._blocks[index]
        inside = number - self._first_lines[index]
        end = block.starts[inside + 1] if inside + 1 < len(block.starts) else len(block.text)
        return block, block.starts[inside], end


def _split(text: str, *, is_last: bool) -> Iterator[_Block]:
    start = 0
    while len(text) - start > 2 * _BLOCK_CHARACTERS:
        match = _LINE_END.search(text, start + _BLOCK_CHARACTERS)
        # A search that begins between \r and \n finds the \n, which still is the line's end.
        if match is None or match.end() == len(text):
            break
        yield _Block(text[start : match.end()])
        start = match.end()
    rest = text[start:]
    if is_last and rest.endswith(("\r", "\n")):
        # The last block never ends with a line end, so the empty line after one is an ordinary line too.
        yield _Block(rest)
        yield _Block("")
    else:
        yield _Block(rest)


def _encodable(text: str) -> str:
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def _common_prefix(left: str, right: str) -> int:
    """Returns how many characters two strings have in common at their starts, by comparing ever smaller pieces."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _natural(number: int, name: str) -> int:
    # The number comes from a client: JSON also has booleans, which Python takes for integers, and floats.
    if type(number) is not int or number < 0:
        raise PositionInvalid(f"The {name} of a position must be a whole number from 0.")
    return number


def _width(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.UTF_32 or text.isascii():
        return len(text)
    if encoding is Encoding.UTF_8:
        return len(text.encode("utf-8"))
    return len(text.encode("utf-16-le")) // 2


def _characters_before(line: str, units: int, encoding: Encoding) -> int:
    if encoding is Encoding.UTF_32 or line.isascii():
        return min(units, len(line))
    # Cutting the encoded line and decoding it again drops a character that was cut in two.
    if encoding is Encoding.UTF_8:
        return len(line.encode("utf-8")[:units].decode("utf-8", "ignore"))
    return len(line.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore"))
