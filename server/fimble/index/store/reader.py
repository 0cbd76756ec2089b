"""Reads a workspace's database, also while another process writes it.

A reader belongs to one thread. Each public method sees one state of the database; `reading` makes several of them
see the same one. A database that is not there yet, or was just deleted, reads as empty.
"""

import contextlib
import heapq
import itertools
import math
import os
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from fimble.index.store.contents import Names, decode_names, decode_symbols, decode_symbols_at
from fimble.index.store.progress import Progress
from fimble.index.store.schema import BUSY_TIMEOUT_MS, CHUNK_BITS, CHUNKS_MAX, DATABASE_NAME, FORMAT, format_of
from fimble.index.symbols import FileSymbols, Symbol

_DECODED_MAX: Final = 512
# About 40 MB; a name with its place takes 30 to 40 bytes.
_NAMES_KEPT_MAX: Final = 1_000_000
# Words in more chunks than this say little about any of them.
_POSTINGS_MAX: Final = 4_000
_RAREST: Final = 10
# What the tokenizers of `words`, `names` and `parts` take for one token.
_WORD: Final = re.compile(r"\w+")
_NAME: Final = re.compile(r"[\w$\-?!@#.:/%&*+<=>|~^']+")
_PART: Final = re.compile(r"[^\W_]+")
# SQLite takes at most 32,766 parameters since 3.32; we stay far below.
_PARAMETERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the workspace. `content` is None where it was skipped; `skipped` says why in one word."""

    path: str
    content: int | None
    language: str
    size: int
    flags: int
    skipped: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines `first_line` up to `first_line + 40` of a file; `score` is BM25's, larger is better, 0 if not asked."""

    path: str
    content: int
    first_line: int
    score: float = 0.0


class Reader:
    """Answers what a database knows. All paths are relative to the root, with forward slashes."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / DATABASE_NAME
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._depth = 0
        self._symbols: dict[int, FileSymbols] = {}
        self._names: dict[int, Names] = {}
        self._names_kept = 0

    def close(self) -> None:
        """Closes the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # Another database, or another extractor, gives other symbols to the same numbers.
        self._symbols.clear()
        self._names.clear()
        self._names_kept = 0

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Lets all that is read inside see one state of the database."""
        if self._depth == 0:
            self._ready()
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("BEGIN")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0 and self._connection is not None and self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("COMMIT")

    def generation(self) -> int:
        """Returns a number that changes whenever somebody has written to the database; -1 where there is none."""
        rows = self._rows("PRAGMA data_version")
        return rows[0][0] + (self._inode << 32) if rows else -1

    def progress(self) -> Progress:
        """Returns how far the index is."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'progress'")
        if not rows:
            return Progress()
        try:
            return msgspec.json.decode(rows[0][0], type=Progress)
        except msgspec.MsgspecError:
            return Progress()

    def file(self, path: str) -> FileEntry | None:
        """Returns what is known of a file, None where it is not indexed."""
        rows = self._rows(_FILES + " WHERE file.path = ?", (os.fsencode(path),))
        return _entry(rows[0]) if rows else None

    def files(self, folder: str = "") -> Iterator[FileEntry]:
        """Yields all files, or those under a folder, in the order of their paths."""
        if folder:
            low = os.fsencode(folder.rstrip("/") + "/")
            yield from map(
                _entry,
                self._rows(
                    _FILES + " WHERE file.path >= ? AND file.path < ? ORDER BY file.path", (low, low[:-1] + b"0")
                ),
            )
        else:
            yield from map(_entry, self._rows(_FILES + " ORDER BY file.path"))

    def existing(self, paths: Iterable[str]) -> set[str]:
        """Returns those of `paths` that are files of the workspace; for resolving imports."""
        rows = self._rows_in("SELECT path FROM file WHERE path", [os.fsencode(path) for path in paths])
        return {os.fsdecode(row[0]) for row in rows}

    def paths_between(self, low: str, high: str, limit: int) -> list[str]:
        """Returns the first paths from `low` up to `high`, in the order of their bytes."""
        rows = self._rows(
            "SELECT path FROM file WHERE path >= ? AND path < ? ORDER BY path LIMIT ?",
            (os.fsencode(low), os.fsencode(high), limit),
        )
        return [os.fsdecode(row[0]) for row in rows]

    def named(self, names: Iterable[str], limit: int) -> list[str]:
        """Returns the paths of files with one of these base names, at most about `limit`."""
        rows = self._rows_in("SELECT path FROM file WHERE name", [os.fsencode(name) for name in names])
        return [os.fsdecode(row[0]) for row in itertools.islice(rows, limit)]

    def entries_of(self, contents: Iterable[int]) -> dict[int, list[FileEntry]]:
        """Returns the files that have each of `contents`, with all that is known of them."""
        entries: dict[int, list[FileEntry]] = {}
        for entry in map(_entry, self._rows_in(f"{_FILES} WHERE file.content", list(contents))):
            if entry.content is not None:
                entries.setdefault(entry.content, []).append(entry)
        return entries

    def paths_of(self, contents: Iterable[int]) -> dict[int, list[str]]:
        """Returns the files that have each of `contents`; contents that no file has are missing."""
        paths: dict[int, list[str]] = {}
        for path, content in self._rows_in("SELECT path, content FROM file WHERE content", list(contents)):
            paths.setdefault(content, []).append(os.fsdecode(path))
        return paths

    def symbols(self, path: str) -> FileSymbols | None:
        """Returns the symbols of a file as it was last indexed, None where there are none (yet)."""
        rows = self._rows("SELECT content FROM file WHERE path = ?", (os.fsencode(path),))
        return self.symbols_of(rows[0][0]) if rows and rows[0][0] is not None else None

    def symbols_of(self, content: int) -> FileSymbols | None:
        """Returns the symbols of a content."""
        # A content never changes, so that what was decoded once stays right.
        if (known := self._symbols.get(content)) is not None:
            return known
        rows = self._rows("SELECT symbols FROM extraction WHERE content = ?", (content,))
        if not rows or not rows[0][0]:
            return None
        while len(self._symbols) >= _DECODED_MAX:
            del self._symbols[next(iter(self._symbols))]
        symbols = self._symbols[content] = decode_symbols(rows[0][0])
        return symbols

    def symbols_at(self, numbers: Mapping[str, Collection[int]]) -> dict[str, dict[int, Symbol]]:
        """Returns some symbols of some files by their numbers; what is not there (any more) is missing."""
        paths = {os.fsencode(path): path for path in numbers}
        rows = self._rows_in(
            "SELECT file.path, extraction.symbols FROM file JOIN extraction ON extraction.content = file.content "
            "WHERE file.path",
            list(paths),
        )
        # A file may have thousands of symbols, of which few are wanted.
        return {paths[path]: decode_symbols_at(data, numbers[paths[path]]) for path, data in rows if data}

    def names_of(self, contents: Iterable[int]) -> dict[int, Names]:
        """Returns the names that contents define; contents without definitions are missing."""
        found: dict[int, Names] = {}
        unknown: list[int] = []
        for content in contents:
            if (known := self._names.get(content)) is not None:
                found[content] = known
            else:
                unknown.append(content)
        for content, data in self._rows_in("SELECT content, names FROM extraction WHERE content", unknown):
            if data:
                names = found[content] = decode_names(data)
                self._remember(content, names)
        return found

    def mentions_of(self, contents: Iterable[int]) -> dict[int, bytes]:
        """Returns the identifiers that contents use, as `mentions.pack_mentions` packs them."""
        return dict(self._rows_in("SELECT content, packed FROM mentions WHERE content", list(contents)))

    def defining(self, name: str, limit: int) -> list[int]:
        """Returns contents that may define `name` (case is not regarded here), newest first, dead ones included."""
        return self.defining_any([name], limit)

    def defining_any(self, names: Iterable[str], limit: int) -> list[int]:
        """Returns contents that may define one of `names`, as `defining` does."""
        query = " OR ".join(f"({every})" for name in names if (every := _all_of(_NAME.findall(name))))
        return (
            [
                row[0]
                for row in self._rows(
                    "SELECT rowid FROM names WHERE names MATCH ? ORDER BY rowid DESC LIMIT ?", (query, limit)
                )
            ]
            if query
            else []
        )

    def names_starting(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Returns known names (in lower case) that start with `prefix`, alphabetically, and in how many contents."""
        low = prefix.lower()
        return [
            (row[0], row[1])
            for row in self._rows(
                "SELECT term, doc FROM names_vocabulary WHERE term >= ? AND term < ? LIMIT ?",
                (low, low + "\U0010ffff", limit),
            )
        ]

    def defining_parts(self, parts: Sequence[str], limit: int) -> list[int]:
        """Returns contents that define names with parts that start with each of `parts` (not always in one name)."""
        query = _all_of((token for part in parts for token in _PART.findall(part)), suffix="*")
        return (
            [
                row[0]
                for row in self._rows(
                    "SELECT rowid FROM parts WHERE parts MATCH ? ORDER BY rowid DESC LIMIT ?", (query, limit)
                )
            ]
            if query
            else []
        )

    def mentioning(self, words: Sequence[str], limit: int) -> list[Chunk]:
        """Returns chunks of files that hold all of `words` (case is not regarded), newest content first."""
        query = _all_of(token for word in words for token in _WORD.findall(word))
        if not query:
            return []
        rows = self._rows("SELECT rowid, 0 FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?", (query, limit))
        return self._chunks(rows)

    def similar(self, words: Iterable[str], limit: int) -> list[Chunk]:
        """Returns the chunks that hold most of the rarest of `words`, best first.

        A word counts as much as it is rare (the inverse document frequency of BM25, Robertson and Zaragoza 2009); how
        often it is in a chunk is not stored, and all chunks have about the same length. SQLite's own bm25() gives 0
        for a table without positions.
        """
        with self.reading():
            counts = self.document_frequency(words)
            rarest = sorted((count, word) for word, count in counts.items() if 0 < count <= _POSTINGS_MAX)[:_RAREST]
            chunks = self._rows("SELECT ifnull(max(id), 0) * 4 FROM content")
            total = max(chunks[0][0] if chunks else 0, 1)
            scores: dict[int, float] = {}
            for count, word in rarest:
                weight = math.log(1 + (max(total, count) - count + 0.5) / (count + 0.5))
                for (row,) in self._rows(
                    "SELECT rowid FROM words WHERE words MATCH ?", (_all_of(_WORD.findall(word)),)
                ):
                    scores[row] = scores.get(row, 0.0) + weight
            # Contents that no file has any more are among them.
            best = heapq.nlargest(4 * limit, scores.items(), key=itemgetter(1))
            return self._chunks(best)[:limit]

    def document_frequency(self, words: Iterable[str]) -> dict[str, int]:
        """Returns in how many chunks each word is; words that are nowhere have 0."""
        wanted = {word: word.lower() for word in words}
        counts = dict(self._rows_in("SELECT term, doc FROM words_vocabulary WHERE term", sorted(set(wanted.values()))))
        return {word: counts.get(term, 0) for word, term in wanted.items()}

    def _chunks(self, rows: Sequence[tuple[Any, ...]]) -> list[Chunk]:
        paths = self.paths_of({row[0] >> CHUNK_BITS for row in rows})
        return [
            Chunk(path, row[0] >> CHUNK_BITS, (row[0] & CHUNKS_MAX - 1) * 40, row[1])
            for row in rows
            for path in paths.get(row[0] >> CHUNK_BITS, ())
        ]

    def _remember(self, content: int, names: Names) -> None:
        """Keeps what was decoded, as long as it is not too much; contents never change."""
        self._names[content] = names
        self._names_kept += len(names)
        while self._names_kept > _NAMES_KEPT_MAX and len(self._names) > 1:
            oldest = next(iter(self._names))
            self._names_kept -= len(self._names.pop(oldest))

    def _rows_in(self, statement: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Yields what `statement` finds for any of `values`, in several steps if there are many."""
        for start in range(0, len(values), _PARAMETERS_MAX):
            some = values[start : start + _PARAMETERS_MAX]
            yield from self._rows(f"{statement} IN ({','.join('?' * len(some))})", some)

    def _rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._depth == 0:
            self._ready()
        if self._connection is None:
            return []
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.DatabaseError:
            # The file was deleted or damaged under our hands; the writer makes it anew, in another file.
            return []

    def _ready(self) -> None:
        """Opens the database, again if another one lies in its place since."""
        try:
            inode = self._database.stat().st_ino
        except OSError:
            self.close()
            return
        if self._connection is not None and inode == self._inode:
            return
        self.close()
        connection: sqlite3.Connection | None = None
        try:
            uri = f"file:{quote(os.fspath(self._database))}?mode=ro"
            connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False
            )
            if format_of(connection) == FORMAT:
                self._connection, self._inode = connection, inode
                return
        except sqlite3.Error:
            pass
        if connection is not None:
            connection.close()


_FILES: Final = (
    "SELECT file.path, file.content, ifnull(content.language, ''), file.size, file.flags, file.skipped "
    "FROM file LEFT JOIN content ON content.id = file.content"
)


def _entry(row: tuple[Any, ...]) -> FileEntry:
    return FileEntry(os.fsdecode(row[0]), *row[1:])


def _all_of(tokens: Iterable[str], suffix: str = "") -> str:
    """Returns the query for rows that hold all `tokens`; tables without positions refuse phrases."""
    return " ".join(f'"{token}"{suffix}' for token in tokens)
