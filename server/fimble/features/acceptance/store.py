"""The database of statistics: one row per suggestion that was shown, and counters per day.

It holds numbers and a few names (language, model, rules), never code and never a path. Several windows write to it.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Final, Self

from fimble import folders
from fimble.errors import FolderUnusable

FORMAT: Final = 1
"""Another format is thrown away; that of a newer Fimble is left alone."""
DATABASE_NAME: Final = "statistics.db"
DAYS_MAX: Final = 180
ROWS_MAX: Final = 100_000
"""About 15 MB."""
MOMENTS: Final = ("30_s", "2_min", "10_min")
"""When what was accepted is looked at again; Copilot and Cody look at these moments too."""
READ_MS: Final = 250.0
"""What was on the screen for less was not read; Continue does not count it either."""

BUSY_TIMEOUT_S: Final = 3.0
_BUSY_POLL_S: Final = 0.02
_BROKEN: Final = ".broken"
_COLUMNS: Final = """
    key INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    language TEXT NOT NULL,
    model TEXT NOT NULL,
    trigger TEXT NOT NULL,
    is_confirmed INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    latency_ms REAL NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    expected_wrong REAL,
    mean_log_probability REAL,
    rules TEXT NOT NULL,
    ending TEXT NOT NULL,
    seen_ms REAL NOT NULL,
    typed_characters INTEGER NOT NULL,
    accepted_characters INTEGER NOT NULL,
    accepts INTEGER NOT NULL,
    is_whole INTEGER NOT NULL,
    is_wanted INTEGER NOT NULL,
    kept_30_s REAL,
    kept_2_min REAL,
    kept_10_min REAL
"""
_TABLES: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE suggestion ({_COLUMNS});
CREATE INDEX suggestion_time ON suggestion (time_s);
CREATE TABLE counter (day INTEGER, name TEXT, count INTEGER NOT NULL, PRIMARY KEY (day, name)) WITHOUT ROWID;
PRAGMA user_version = {FORMAT};
COMMIT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A suggestion that was shown. `key` is a random number; characters count code points.

    `is_confirmed` tells that the editor said so, `seen_ms` how long it was there, `rules` which rules changed or ended
    it, `typed_characters` how many of it were typed by hand, `is_wanted` whether it was accepted or mostly typed.
    """

    key: int
    time_s: float
    language: str
    model: str
    trigger: str
    is_confirmed: bool
    characters: int
    lines: int
    latency_ms: float
    prompt_tokens: int
    cached_tokens: int
    expected_wrong: float | None
    mean_log_probability: float | None
    rules: str
    ending: str
    seen_ms: float
    typed_characters: int
    accepted_characters: int
    accepts: int
    is_whole: bool
    is_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow(Row):
    """A row with the share of what was accepted that was still there later, None where nobody looked."""

    kept_30_s: float | None
    kept_2_min: float | None
    kept_10_min: float | None


_NAMES: Final = [field.name for field in fields(Row)]
_STORED_NAMES: Final = [field.name for field in fields(StoredRow)]
# What is known of a suggestion grows after it was first stored.
_RECORD: Final = (
    f"INSERT INTO suggestion ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) "  # noqa: S608
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES[1:])}"
)


class Store:
    """An open database; used by one thread, and every method may raise `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Opens the database, or makes it.

        Raises:
            FolderUnusable: its folder cannot be made, or a newer version of Fimble wrote it.
            OSError: the file cannot be made.
            sqlite3.Error: it cannot be used.
        """
        folders.make(path.parent)
        # Nobody else may read it; the files that SQLite puts beside it get the same permissions.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
        try:
            _log_ahead(connection, busy_timeout_s)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            _make_tables(connection)
            # A database with other tables is found out here and not while something is stored.
            connection.execute(f"SELECT {', '.join(_STORED_NAMES)} FROM suggestion LIMIT 0")  # noqa: S608
            connection.execute("SELECT day, name, count FROM counter LIMIT 0")
        except (sqlite3.Error, FolderUnusable):
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def in_memory(cls) -> Self:
        """Returns an empty database without a file."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        _make_tables(connection)
        return cls(connection)

    def close(self) -> None:
        """Ends it."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes what is stored inside of it one change, or none where an error ends it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk has ended the transaction already.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def record(self, row: Row) -> None:
        """Stores a suggestion, or what is known of it now; the moments stay as they are."""
        self._connection.execute(_RECORD, astuple(row))

    def keep(self, key: int, moment: str, share: float) -> None:
        """Stores which share of an accepted text was there at one of the `MOMENTS`."""
        assert moment in MOMENTS  # noqa: S101 - part of the statement.
        self._connection.execute(f"UPDATE suggestion SET kept_{moment} = ? WHERE key = ?", (share, key))  # noqa: S608

    def count(self, day: int, counts: Mapping[str, int]) -> None:
        """Adds to a day's counters."""
        self._connection.executemany(
            "INSERT INTO counter VALUES (?, ?, ?) ON CONFLICT (day, name) DO UPDATE SET count = count + excluded.count",
            [(day, name, count) for name, count in counts.items()],
        )

    def outcomes(self, limit: int) -> list[bool]:
        """Returns whether the newest suggestions that came unasked were wanted, as far as the user decided on them.

        Counted are those that were wanted, and those that were on the screen long enough to be read before the user
        typed something else.
        """
        found = self._connection.execute(
            "SELECT is_wanted FROM suggestion WHERE trigger = 'automatic' "
            "AND (is_wanted OR (ending = 'typed-over' AND seen_ms >= ?)) ORDER BY time_s DESC LIMIT ?",
            (READ_MS, limit),
        )
        return [bool(is_wanted) for (is_wanted,) in found]

    def rows(self, since_s: float) -> list[StoredRow]:
        """Returns the suggestions since a time, the oldest first."""
        found = self._connection.execute(
            f"SELECT {', '.join(_STORED_NAMES)} FROM suggestion WHERE time_s >= ? ORDER BY time_s",  # noqa: S608
            (since_s,),
        )
        return [StoredRow(**dict(zip(_STORED_NAMES, values, strict=True))) for values in found]

    def counts(self, since_day: int) -> dict[str, int]:
        """Returns the counters since a day, all days together."""
        found = self._connection.execute(
            "SELECT name, SUM(count) FROM counter WHERE day >= ? GROUP BY name", (since_day,)
        )
        return dict(found)

    def prune(self, now_s: float, rows_max: int = ROWS_MAX) -> None:
        """Forgets what is older than `DAYS_MAX`, and the oldest of more than `rows_max` suggestions."""
        self._connection.execute("DELETE FROM suggestion WHERE time_s < ?", (now_s - DAYS_MAX * 86_400,))
        self._connection.execute(
            "DELETE FROM suggestion WHERE key IN (SELECT key FROM suggestion ORDER BY time_s DESC LIMIT -1 OFFSET ?)",
            (rows_max,),
        )
        self._connection.execute("DELETE FROM counter WHERE day < ?", (day_of(now_s) - DAYS_MAX,))

    def reset(self) -> None:
        """Forgets everything; other windows go on with an empty database."""
        with self.transaction():
            self._connection.execute("DELETE FROM suggestion")
            self._connection.execute("DELETE FROM counter")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def statistics_file() -> Path:
    """Returns where the database is; `XDG_STATE_HOME` moves it."""
    return folders.state_folder() / DATABASE_NAME


def day_of(time_s: float) -> int:
    """Returns the number of the local day of a time."""
    return date.fromtimestamp(time_s).toordinal()


def is_broken(error: sqlite3.Error) -> bool:
    """Tells whether the database's content is at fault, so that only another one helps."""
    code = getattr(error, "sqlite_errorcode", None)
    # The low byte is the kind of error (sqlite.org/rescode.html). SQLITE_ERROR: it has other tables.
    return code is not None and (code & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def move_aside(path: Path) -> None:
    """Puts a broken database out of the way, where a person can look at it; an older broken one is overwritten.

    Raises:
        OSError: it cannot be moved.
    """
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + _BROKEN))


def remove(path: Path) -> None:
    """Deletes the database and what was put beside it.

    Raises:
        OSError: it cannot be deleted.
    """
    for ending in ("", "-wal", "-shm", _BROKEN):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _log_ahead(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switches to a write-ahead log, which SQLite refuses at once while another window opens or closes the database."""
    until_s = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until_s:
                raise
            time.sleep(_BUSY_POLL_S)  # In a thread of its own; SQLite tells nobody when the other window is done.
        else:
            return


def _make_tables(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == FORMAT:
        return
    if version > FORMAT:
        raise FolderUnusable("The statistics belong to a newer version of Fimble; update this one.")
    try:
        connection.executescript(_TABLES)
    except sqlite3.OperationalError:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        # Another window may have made them at the same moment.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != FORMAT:
            raise
