"""Writes a workspace's database; only the process that holds the writer's lock has one of these.

All writing happens in transactions, so that a process that is killed at any moment leaves a consistent database that
lacks only the newest batch. SQLite's errors become `StoreUnusable` here; a database that is damaged or of another
format is deleted first.
"""

import contextlib
import functools
import logging
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, TypeVar

import msgspec

from fimble.errors import StoreUnusable
from fimble.folders import make
from fimble.index.store.contents import searchable_parts
from fimble.index.store.progress import Progress
from fimble.index.store.schema import (
    BUSY_TIMEOUT_MS,
    CHUNK_BITS,
    DATABASE_NAME,
    FORMAT,
    ROOT_NAME,
    create_tables,
    format_of,
)

logger = logging.getLogger(__name__)

# How much FTS5 collects in memory before it writes a segment; its default of 1 MiB makes hundreds of them.
_HASH_BYTES: Final = 16 * 1024 * 1024
BYTES_MAX: Final = 8 * 1024**3
_CACHE_KIB: Final = 16 * 1024
# How many pages one call of `tidy` may merge in each word table.
_MERGE_PAGES: Final = 64
_CHECKPOINT_PAGES: Final = 16_000
_WAL_BYTES_MAX: Final = 16 * 1024 * 1024
# A database whose dead contents outnumber its live ones by this is made anew instead of being tidied.
_DEAD_SHARE_MAX: Final = 4
_FULL_TEXT_TABLES: Final = ("words", "names", "parts")

P = ParamSpec("P")
R = TypeVar("R")


class KnownFile(NamedTuple):
    """What the database says of a file; the first three tell whether it has changed."""

    size: int
    mtime_ns: int
    inode: int
    content: int | None
    flags: int
    skipped: str


def _renaming_errors(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except sqlite3.Error as error:
            raise _unusable(error) from error

    return renamed


class Writer:
    """The one writer of a database. Paths are relative to the root."""

    def __init__(self, folder: Path, root: Path, *, bytes_max: int = BYTES_MAX) -> None:
        """Opens the database, making it anew if it is damaged or of another format.

        It does not grow beyond `bytes_max`, which counts as a full disk.

        Raises:
            StoreUnusable: it can be neither opened nor made.
            FolderUnusable: the folder cannot be made.
        """
        make(folder)
        self._database = folder / DATABASE_NAME
        with _renaming_os_errors():
            (folder / ROOT_NAME).write_bytes(os.fsencode(root))
        try:
            self._connection = self._open()
        except (sqlite3.Error, _OtherFormat) as error:
            if isinstance(error, sqlite3.Error) and not _is_damaged(error):
                raise _unusable(error) from error
            logger.warning("making the index anew: %s", error)
            self._delete()
            self._connection = self._reopen()
        self._inode = self._database.stat().st_ino
        (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._connection.execute(f"PRAGMA max_page_count = {max(1, bytes_max // page_bytes)}")

    def is_in_place(self) -> bool:
        """Tells whether the database that is written still lies where readers look for it.

        Raises:
            OSError: there is none.
        """
        return self._database.stat().st_ino == self._inode

    def close(self) -> None:
        """Closes the database; what was not committed is gone."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    @_renaming_errors
    def begin(self) -> None:
        """Begins a batch, which nobody sees before `commit`."""
        self._connection.execute("BEGIN IMMEDIATE")

    @_renaming_errors
    def commit(self) -> None:
        """Makes all that was written since `begin` appear at once."""
        self._connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Forgets what was written since `begin`."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Makes all that is written inside appear at once, or not at all.

        Raises:
            StoreUnusable: it cannot be written.
        """
        self.begin()
        try:
            yield
            self.commit()
        finally:
            self.roll_back()

    @_renaming_errors
    def known_files(self) -> dict[str, KnownFile]:
        """Returns all files that the database has."""
        rows = self._connection.execute("SELECT path, size, mtime_ns, inode, content, flags, skipped FROM file")
        return {os.fsdecode(row[0]): KnownFile(*row[1:]) for row in rows}

    @_renaming_errors
    def has_content(self, path: str) -> bool:
        """Tells whether a file has a content, so that something would be lost if it got another without symbols."""
        row = self._connection.execute("SELECT content FROM file WHERE path = ?", (os.fsencode(path),)).fetchone()
        return row is not None and row[0] is not None

    @_renaming_errors
    def counts(self) -> tuple[int, int, int]:
        """Returns how many files there are, how many contents, and how many of them have been parsed."""
        row = self._connection.execute(
            "SELECT (SELECT count(*) FROM file), (SELECT count(*) FROM content), (SELECT count(*) FROM extraction)"
        ).fetchone()
        return row[0], row[1], row[2]

    @_renaming_errors
    def unparsed(self) -> list[tuple[str, int, str]]:
        """Returns path, content and language of one file for each content that has not been parsed yet."""
        rows = self._connection.execute(
            "SELECT min(file.path), content.id, content.language FROM file JOIN content ON content.id = file.content "
            "LEFT JOIN extraction ON extraction.content = content.id "
            "WHERE extraction.content IS NULL GROUP BY content.id"
        )
        return [(os.fsdecode(path), content, language) for path, content, language in rows]

    @_renaming_errors
    def wordless(self) -> list[tuple[str, int]]:
        """Returns path and content of one file for each content whose words cannot be searched yet."""
        rows = self._connection.execute(
            "SELECT min(file.path), content.id FROM file JOIN content ON content.id = file.content "
            "WHERE content.chunks < 0 GROUP BY content.id"
        )
        return [(os.fsdecode(path), content) for path, content in rows]

    @_renaming_errors
    def unmentioned(self, data_languages: Collection[str]) -> list[tuple[str, int, str, bytes]]:
        """Returns path, size, language and names of one file for each content whose mentions are not known yet.

        Contents of `data_languages`, without definitions and of notebooks' cells have none.
        """
        rows = self._connection.execute(
            "SELECT min(file.path), file.size, content.language, extraction.names FROM extraction "
            "JOIN content ON content.id = extraction.content JOIN file ON file.content = content.id "
            "LEFT JOIN mentions ON mentions.content = content.id "
            "WHERE mentions.content IS NULL AND length(extraction.names) > 0 AND instr(file.path, x'23') = 0 "
            "AND content.language NOT IN (SELECT value FROM json_each(?)) GROUP BY content.id",
            (msgspec.json.encode(list(data_languages)).decode(),),
        )
        return [(os.fsdecode(row[0]), *row[1:]) for row in rows]

    @_renaming_errors
    def content_of(self, hash_: bytes, language: str) -> tuple[int, bool, bool] | None:
        """Returns the id of a content, and whether its words and its symbols are known; None for a new one."""
        row = self._connection.execute(
            "SELECT content.id, content.chunks >= 0, extraction.content IS NOT NULL FROM content "
            "LEFT JOIN extraction ON extraction.content = content.id WHERE hash = ? AND language = ?",
            (hash_, language),
        ).fetchone()
        return (row[0], bool(row[1]), bool(row[2])) if row else None

    @_renaming_errors
    def content_for(self, hash_: bytes, language: str, chunks: Sequence[str] | None = None) -> tuple[int, bool]:
        """Returns the id of a content, adding it if it is new, and whether its symbols are known.

        With `chunks`, its text in pieces, its words are searchable after this.
        """
        # Mostly it is new, and then this is one statement instead of three.
        cursor = self._connection.execute(
            "INSERT OR IGNORE INTO content (hash, language, chunks) VALUES (?, ?, ?)",
            (hash_, language, -1 if chunks is None else len(chunks)),
        )
        if cursor.rowcount and cursor.lastrowid is not None:
            if chunks is not None:
                self._insert_words(cursor.lastrowid, chunks)
            return cursor.lastrowid, False
        known = self.content_of(hash_, language)
        assert known is not None  # noqa: S101 - it was there a moment ago, and nobody else writes.
        content, has_words, is_parsed = known
        if chunks is not None and not has_words:
            self.add_words(content, chunks)
        return content, is_parsed

    @_renaming_errors
    def add_words(self, content: int, chunks: Sequence[str]) -> None:
        """Makes the words of a content searchable."""
        self._insert_words(content, chunks)
        self._connection.execute("UPDATE content SET chunks = ? WHERE id = ?", (len(chunks), content))

    @_renaming_errors
    def add_extraction(self, content: int, state: int, names: bytes, symbols: bytes, searchable: str) -> None:
        """Stores what parsing a content gave; doing it twice changes nothing."""
        cursor = self._connection.execute(
            "INSERT OR IGNORE INTO extraction (content, state, names, symbols) VALUES (?, ?, ?, ?)",
            (content, state, names, symbols),
        )
        if searchable and cursor.rowcount:
            self._connection.execute("INSERT INTO names (rowid, text) VALUES (?, ?)", (content, searchable))
            self._connection.execute(
                "INSERT INTO parts (rowid, text) VALUES (?, ?)", (content, searchable_parts(searchable))
            )

    @_renaming_errors
    def add_mentions(self, content: int, packed: bytes) -> None:
        """Stores which identifiers a content uses, as `mentions.pack_mentions` packs them."""
        self._connection.execute("INSERT OR IGNORE INTO mentions (content, packed) VALUES (?, ?)", (content, packed))

    @_renaming_errors
    def put_file(
        self, path: str, content: int | None, stat: tuple[int, int, int], flags: int = 0, skipped: str = ""
    ) -> None:
        """Adds a file or replaces what was known of it; `stat` is size, mtime in ns and inode."""
        self._connection.execute(
            "INSERT INTO file (path, name, content, size, mtime_ns, inode, flags, skipped) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET content = excluded.content, size = excluded.size, "
            "mtime_ns = excluded.mtime_ns, inode = excluded.inode, flags = excluded.flags, skipped = excluded.skipped",
            (os.fsencode(path), os.fsencode(path.rpartition("/")[2]), content, *stat, flags, skipped),
        )

    @_renaming_errors
    def remove_files(self, paths: Iterable[str]) -> None:
        """Forgets files, the cells of those that are notebooks, and what is in those that are folders.

        Their contents stay, in case they come back.
        """
        for path in map(os.fsencode, paths):
            self._connection.execute("DELETE FROM file WHERE path = ?", (path,))
            self._connection.execute("DELETE FROM file WHERE path > ? AND path < ?", (path + b"/", path + b"0"))
            low = path + b"#cell-"
            self._connection.execute("DELETE FROM file WHERE path > ? AND path < ?", (low, low[:-1] + b"."))

    @_renaming_errors
    def keep_cells(self, notebook: str, cells: Collection[str]) -> None:
        """Forgets the cells of a notebook that are not among `cells`."""
        low = os.fsencode(notebook) + b"#cell-"
        kept = {os.fsencode(cell) for cell in cells}
        rows = self._connection.execute(
            "SELECT path FROM file WHERE path > ? AND path < ?", (low, low[:-1] + b".")
        ).fetchall()
        self._connection.executemany("DELETE FROM file WHERE path = ?", [row for row in rows if row[0] not in kept])

    @_renaming_errors
    def forget_extractions_of_others(self, extractor: str) -> None:
        """Forgets all symbols unless they were extracted by `extractor`: other queries or grammars find others."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'extractor'").fetchone()
        if row is not None and row[0] == extractor:
            return
        with self.batch():
            self._connection.execute("DELETE FROM extraction")
            self._connection.execute("DELETE FROM mentions")
            for table in ("names", "parts"):
                self._connection.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")  # noqa: S608 - the names are ours.
            self._connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('extractor', ?)", (extractor,))

    @_renaming_errors
    def set_progress(self, progress: Progress) -> None:
        """Tells readers how far the index is."""
        self._connection.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('progress', ?)", (msgspec.json.encode(progress),)
        )

    @_renaming_errors
    def forget_contents(self, keep: int) -> int:
        """Forgets the oldest contents that no file has, but for the `keep` newest of them; returns how many."""
        cursor = self._connection.execute(
            "DELETE FROM content WHERE id IN ("
            "SELECT content.id FROM content LEFT JOIN file ON file.content = content.id "
            "WHERE file.id IS NULL ORDER BY content.id DESC LIMIT -1 OFFSET ?)",
            (keep,),
        )
        if cursor.rowcount:
            for table in ("extraction", "mentions"):
                self._connection.execute(f"DELETE FROM {table} WHERE content NOT IN (SELECT id FROM content)")  # noqa: S608 - the names are ours.
        return cursor.rowcount

    @_renaming_errors
    def is_mostly_dead(self) -> bool:
        """Tells whether the word tables hold so many forgotten contents that making them anew pays."""
        highest, live = self._connection.execute(
            "SELECT (SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'content'), count(*) FROM content"
        ).fetchone()
        return bool(highest > 1000 and highest > _DEAD_SHARE_MAX * live)

    def tidy(self) -> bool:
        """Merges some segments of the word tables and shortens the log; returns whether there is more to do."""
        before = self._connection.total_changes
        for table in _FULL_TEXT_TABLES:
            self._execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', {_MERGE_PAGES})")  # noqa: S608 - the names are ours.
        # FTS5 says: a merge that changed fewer than two rows had nothing to do.
        is_done = self._connection.total_changes - before < 2 * len(_FULL_TEXT_TABLES)
        if is_done:
            self._execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return not is_done

    def _insert_words(self, content: int, chunks: Sequence[str]) -> None:
        rows = enumerate(chunks, content << CHUNK_BITS)
        self._connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", rows)

    def _execute(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:
            raise _unusable(error) from error

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._database, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}")
            version = format_of(connection)
            if version == 0:
                create_tables(connection)
                for table in _FULL_TEXT_TABLES:
                    connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', {_HASH_BYTES})")  # noqa: S608 - the names are ours.
            elif version != FORMAT:
                raise _OtherFormat(f"format {version} instead of {FORMAT}")
            _check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _reopen(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.Error as error:
            raise _unusable(error) from error

    def _delete(self) -> None:
        for suffix in ("-wal", "-shm", ""):
            with _renaming_os_errors(), contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._database}{suffix}")


def _is_damaged(error: sqlite3.Error) -> bool:
    """Tells a database that is broken, or lacks a table, from one that just cannot be had now."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def _unusable(error: Exception) -> StoreUnusable:
    return StoreUnusable(f"The index cannot be written ({error}); free some space, or set FIMBLE_CACHE.")


class _OtherFormat(Exception):
    """The database was written by another version."""


def _check(connection: sqlite3.Connection) -> None:
    """Touches every table, so that a damaged database is found before it is relied on."""
    for table in ("meta", "content", "extraction", "mentions", "file"):
        connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()  # noqa: S608 - the names are ours.
    for table in _FULL_TEXT_TABLES:
        connection.execute(f"SELECT rowid FROM {table} WHERE {table} MATCH 'fimble' LIMIT 1").fetchone()  # noqa: S608 - the names are ours.


@contextlib.contextmanager
def _renaming_os_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unusable(error) from error
