"""One open document: its bytes, its syntax tree and its rows, changed by edits instead of made anew.

After an edit the tree is parsed again with the help of the old one, and only what the edit or the parser changed is
queried again. All that can take long ends early when asked to, and then goes on with the old tree.
"""

import re
import time
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import chain
from typing import Final

import tree_sitter

from fimble.index.buffers.ranges import Edit, Ranges
from fimble.index.buffers.row_list import definition_list, import_list
from fimble.index.buffers.surface import same_imports, same_outline
from fimble.index.extraction import ImportRow, Row, Rows, file_symbols, query_rows
from fimble.index.languages import Grammar
from fimble.index.symbols import FileSymbols

# What the parser reads at once. Only `bytes` will do: tree-sitter 0.26.1 crashes when it is given a bytearray.
_PARSE_BYTES: Final = 4096
# What a name is read with, piece by piece; a larger piece is copied for each name.
_NAME_BYTES: Final = 256
# The parser reports about once in ten microseconds; the clock is looked at in fewer cases.
_REPORTS_PER_LOOK: Final = 32
# Beyond these a query of everything is cheaper than one per range.
_RANGES_MAX: Final = 64
_RANGED_SHARE_MAX: Final = 0.5
_WORD: Final = re.compile(rb"[\w\x80-\xff]+")


class Outcome(Enum):
    """How an attempt to bring a buffer up to date ended."""

    UP_TO_DATE = "up to date"
    """Tree and rows are those of the text."""
    LATE = "late"
    """The time was over; the rows are the old ones, moved along with the edits."""
    SUPERSEDED = "superseded"
    """Something more urgent has come up; otherwise the same as late."""


class Buffer:
    """The text of one document and what is known of it. Not for use by two threads at a time."""

    def __init__(self, grammar: Grammar, source: bytes = b"", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._grammar = grammar
        self._clock = clock
        self._source = source
        self._parser = tree_sitter.Parser(grammar.parser_language)
        self._piece_bytes = _PARSE_BYTES
        self._tree: tree_sitter.Tree | None = None
        self._definitions = definition_list()
        self._imports = import_list()
        # Known before the text broke and not found since, though the text still has their names.
        self._stale_definitions = definition_list()
        self._stale_imports = import_list()
        # What was edited since the tree was parsed.
        self._edited = Ranges()
        # What was edited since symbols were derived.
        self._unseen = Ranges()
        # A place in the text and the number of line ends before it, so that not all are counted at each edit.
        self._mark = (0, 0)
        self._is_fresh = False
        self.is_behind = True
        self.is_broken = False
        self.outline_changed = False

    @property
    def source(self) -> bytes:
        """The text in UTF-8, as of the last edit."""
        return self._source

    @property
    def has_stale(self) -> bool:
        """Tells whether symbols are kept that the broken text no longer shows."""
        return bool(len(self._stale_definitions) or len(self._stale_imports))

    @property
    def needs_fresh_parse(self) -> bool:
        """Tells whether the tree holds errors, the place of which depends on the edits that led there."""
        return self.is_broken and not self._is_fresh

    @property
    def names_moved_unevenly(self) -> bool:
        """Tells whether names lie between edits since the last `symbols`, so that one shift does not tell where."""
        if not self._unseen:
            return False
        first, last = self._unseen.first, self._unseen.last
        return any(
            first <= row.name_start < last
            for rows in (self._definitions, self._stale_definitions)
            for row in rows.between(first, last)
        )

    def edit(self, start: int, old_end: int, new: bytes) -> None:
        """Replaces the bytes from `start` up to `old_end`, which are cut to the text's length."""
        size = len(self._source)
        start = max(0, min(start, size))
        old_end = max(start, min(old_end, size))
        edit = Edit(start, old_end, start + len(new))
        old = self._source
        # Points are rows and columns in bytes; the parser needs them right where indentation counts.
        start_point = self._point(start)
        old_end_point = _point_after(start_point, old[start:old_end])
        self._source = b"".join((old[:start], new, old[old_end:]))
        if self._tree is not None:
            new_end_point = _point_after(start_point, new)
            self._tree.edit(start, old_end, edit.new_end, start_point, old_end_point, new_end_point)
        for rows in (self._definitions, self._stale_definitions):
            rows.edit(edit)
        for imports in (self._imports, self._stale_imports):
            imports.edit(edit)
        self._edited = self._edited.after(edit)
        self._unseen = self._unseen.after(edit)
        self.is_behind = True

    def reparse(
        self,
        deadline_s: float = float("inf"),
        is_superseded: Callable[[], bool] = lambda: False,
        *,
        is_fresh: bool = False,
    ) -> Outcome:
        """Parses the text again unless it is parsed, and brings the rows up to date.

        `is_superseded` is called every now and then while the parser runs. `is_fresh` parses without the help of the
        old tree, which is what anybody else who parses the text would see.
        """
        if not self.is_behind and not (is_fresh and self.needs_fresh_parse):
            return Outcome.UP_TO_DATE
        old = None if is_fresh else self._tree
        tree = self._parse(old, self._clock() + deadline_s, is_superseded)
        if isinstance(tree, Outcome):
            return tree
        root = tree.root_node
        is_broken = root.has_error
        ranges = None if old is None else self._changed(old, tree, is_broken=is_broken)
        found, ranges = self._find(root, ranges)
        self._replace(found, ranges, is_broken=is_broken)
        self._tree = tree
        self._edited = Ranges()
        self._is_fresh = old is None
        self.is_behind = False
        self.is_broken = is_broken
        return Outcome.UP_TO_DATE

    def rows(self) -> Rows:
        """Returns all rows, without the stale ones."""
        return Rows(self._definitions.all(), self._imports.all())

    def symbols(self) -> tuple[FileSymbols, tuple[int, ...]]:
        """Derives the symbols, and returns with them the numbers of those that are stale."""
        self.outline_changed = False
        self._unseen = Ranges()
        stale = self._stale_definitions.all()
        rows = Rows(
            sorted([*self._definitions.all(), *stale]), sorted([*self._imports.all(), *self._stale_imports.all()])
        )
        symbols = file_symbols(self._grammar.language, self._source, rows, is_broken=self.is_broken)
        if not stale:
            return symbols, ()
        places = {row.name_start for row in stale}
        numbers = (number for number, symbol in enumerate(symbols.symbols) if symbol.name_start in places)
        return symbols, tuple(numbers)

    def _parse(
        self, old: tree_sitter.Tree | None, until_s: float, is_superseded: Callable[[], bool]
    ) -> tree_sitter.Tree | Outcome:
        reports = 0
        outcome = Outcome.UP_TO_DATE

        def report(_offset: int, _has_error: bool) -> bool:
            nonlocal reports, outcome
            reports += 1
            if reports % _REPORTS_PER_LOOK:
                return False
            if self._clock() > until_s:
                outcome = Outcome.LATE
            elif is_superseded():
                outcome = Outcome.SUPERSEDED
            return outcome is not Outcome.UP_TO_DATE

        self._piece_bytes = _PARSE_BYTES
        try:
            if old is None:
                return self._parser.parse(self._read, progress_callback=report)
            return self._parser.parse(self._read, old_tree=old, progress_callback=report)
        except ValueError:
            # A parser that was stopped goes on where it was, in another text, unless it is told not to.
            self._parser.reset()
            if outcome is Outcome.UP_TO_DATE:
                raise
            return outcome

    def _read(self, offset: int, _point: tree_sitter.Point) -> bytes:
        return self._source[offset : offset + self._piece_bytes]

    def _changed(self, old: tree_sitter.Tree, new: tree_sitter.Tree, *, is_broken: bool) -> Ranges | None:
        """Returns what is to be queried again; None means everything."""
        changed = ((range_.start_byte, range_.end_byte) for range_ in old.changed_ranges(new))
        # A token whose text alone changed is not among the changed ranges, so the edits themselves are added. In a
        # text that is whole again, what was stale is found where it was or not at all.
        pairs = chain(changed, self._edited.pairs(), () if is_broken else self._stale_places())
        # One byte more on both sides catches what an edit separated or joined, and leaves no range empty.
        ranges = Ranges((start - 1, end + 1) for start, end in pairs)
        return None if self._is_too_much(ranges) else ranges

    def _find(self, root: tree_sitter.Node, ranges: Ranges | None) -> tuple[Rows, Ranges | None]:
        """Returns the rows in `ranges`, or in all of the text, and where it looked in the end.

        What is inside of a definition is only found if the definition is. So where one has come or gone, all of it is
        looked at: the parser does not report the inside, which is what it was.
        """
        self._piece_bytes = _NAME_BYTES
        while ranges is not None:
            parts = [query_rows(self._grammar, root, (max(start, 0), end)) for start, end in ranges.pairs()]
            found = Rows(
                [row for part in parts for row in part.definitions], [row for part in parts for row in part.imports]
            )
            known = {(row.start, row.name_start, row.kind): row for row in self._definitions.touching(ranges)}
            now = {(row.start, row.name_start, row.kind): row for row in found.definitions}
            uncertain = [
                (row.start, row.end)
                for place, row in chain(known.items(), now.items())
                if (place not in known or place not in now) and not ranges.cover(row.start, row.end)
            ]
            if not uncertain:
                return found, ranges
            ranges = Ranges([*ranges.pairs(), *uncertain])
            if self._is_too_much(ranges):
                break
        return query_rows(self._grammar, root), None

    def _is_too_much(self, ranges: Ranges) -> bool:
        return len(ranges) > _RANGES_MAX or ranges.size > _RANGED_SHARE_MAX * len(self._source)

    def _replace(self, found: Rows, ranges: Ranges | None, *, is_broken: bool) -> None:
        """Puts what was found in the place of what was known in `ranges`, or in all of the text."""
        stale_ranges = ranges if is_broken else None
        definitions = sorted(set(found.definitions))
        known = sorted([*self._definitions.take(ranges), *self._stale_definitions.take(stale_ranges)])
        stale: list[Row] = []
        if is_broken:
            names = {row.name_start for row in definitions}
            stale = [row for row in known if row.name_start not in names and self._has_name_still(row)]
        self._definitions.add(definitions)
        self._stale_definitions.add(stale)

        imports = sorted(set(found.imports))
        known_imports = sorted([*self._imports.take(ranges), *self._stale_imports.take(stale_ranges)])
        stale_imports: list[ImportRow] = []
        if is_broken:
            starts = {row.start for row in imports}
            stale_imports = [row for row in known_imports if row.start not in starts and self._has_words_still(row)]
        self._imports.add(imports)
        self._stale_imports.add(stale_imports)

        if not self.outline_changed:
            self.outline_changed = not (
                same_outline(known, sorted([*definitions, *stale]), self._edited, self._source)
                and same_imports(known_imports, sorted([*imports, *stale_imports]))
            )

    def _stale_places(self) -> Iterator[tuple[int, int]]:
        for row in self._stale_definitions.all():
            yield row.name_start, row.name_start + len(row.name.encode())
        for import_row in self._stale_imports.all():
            yield import_row.start, import_row.end

    def _has_name_still(self, row: Row) -> bool:
        name = row.name.encode()
        before, after = row.name_start - 1, row.name_start + len(name)
        return (
            row.start <= row.name_start < after <= row.end
            and self._source[row.name_start : after] == name
            and not (_is_word(name[:1]) and _is_word(self._source[max(before, 0) : before + 1]))
            and not (_is_word(name[-1:]) and _is_word(self._source[after : after + 1]))
        )

    def _has_words_still(self, row: ImportRow) -> bool:
        words = set(_WORD.findall(self._source[row.start : row.end]))
        return bool(words) and words.issuperset(_WORD.findall(" ".join(row[2:]).encode()))

    def _point(self, offset: int) -> tuple[int, int]:
        """Returns the number of line feeds before an offset, and the bytes since the last of them."""
        mark, row = self._mark
        if offset >= mark:
            row += self._source.count(b"\n", mark, offset)
        else:
            row -= self._source.count(b"\n", offset, mark)
        self._mark = (offset, row)
        return row, offset - (self._source.rfind(b"\n", 0, offset) + 1)


def _point_after(point: tuple[int, int], text: bytes) -> tuple[int, int]:
    row, column = point
    line_feeds = text.count(b"\n")
    return (row + line_feeds, len(text) - text.rfind(b"\n") - 1) if line_feeds else (row, column + len(text))


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_" or byte >= b"\x80"
