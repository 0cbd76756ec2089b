"""The database's tables, and where a workspace's database lies.

Everything but `file` is keyed by content, not by path, so that a branch switch back and forth, a copy and a rename
parse nothing twice. A content's id is never used again: the word tables are contentless and cannot forget a row, so
rows of contents that are gone are recognised by their id.

`words` has one row per chunk of 40 lines (`rowid = content id << 12 | chunk`), `names` and `parts` one per content:
the names that it defines, whole and by their parts. They answer which contents to look at; what is there is decided
by the contents themselves.
"""

import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from fimble.folders import cache_folder

FORMAT: Final = 2
"""Another format, or a format that cannot be read, is thrown away and made anew."""

DATABASE_NAME: Final = "index.db"
LOCK_NAME: Final = "writer.lock"
ROOT_NAME: Final = "root"

CHUNK_LINES: Final = 40
"""Zed and Continue use about as many."""
CHUNK_BITS: Final = 12
CHUNKS_MAX: Final = 1 << CHUNK_BITS

BUSY_TIMEOUT_MS: Final = 5_000

_TABLES: Final = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE content (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL,
    language TEXT NOT NULL,
    chunks INTEGER NOT NULL,
    UNIQUE (hash, language)
);
CREATE TABLE extraction (
    content INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    names BLOB NOT NULL,
    symbols BLOB NOT NULL
);
CREATE TABLE mentions (
    content INTEGER PRIMARY KEY,
    packed BLOB NOT NULL
);
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    name BLOB NOT NULL,
    content INTEGER,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    skipped TEXT NOT NULL
);
CREATE INDEX file_content ON file (content);
CREATE INDEX file_name ON file (name);
CREATE VIRTUAL TABLE words USING fts5 (
    text, content='', detail=none, columnsize=0, tokenize="unicode61 remove_diacritics 0 tokenchars '_'"
);
CREATE VIRTUAL TABLE names USING fts5 (
    text, content='', detail=none, columnsize=0,
    tokenize="unicode61 remove_diacritics 0 tokenchars '_$-?!@#.:/%&*+<=>|~^\\'"
);
CREATE VIRTUAL TABLE parts USING fts5 (
    text, content='', detail=none, columnsize=0, prefix='2 3', tokenize="unicode61 remove_diacritics 0"
);
CREATE VIRTUAL TABLE words_vocabulary USING fts5vocab (words, row);
CREATE VIRTUAL TABLE names_vocabulary USING fts5vocab (names, row);
PRAGMA user_version = {FORMAT};
"""


class ExtractionState:
    """What is known of a content's symbols; the numbers are stored."""

    WHOLE: Final = 0
    """It parsed without errors."""
    BROKEN: Final = 1
    """It has syntax errors, so that symbols may be missing."""
    QUARANTINED: Final = 2
    """Parsing it took too long or ended the worker; it is not tried again."""
    NO_GRAMMAR: Final = 3
    """There is no grammar for it; its words are indexed."""


class FileFlag:
    """What a file is besides its content; bits that are stored."""

    GENERATED: Final = 1
    VENDORED: Final = 2
    NOTEBOOK: Final = 4
    """A notebook: its cells are files of their own, named `notebook#cell-N`."""


def index_folder(root: Path) -> Path:
    """Returns the folder that holds the database of the workspace at `root`."""
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return cache_folder() / "index" / digest


def create_tables(connection: sqlite3.Connection) -> None:
    """Makes the tables of an empty database."""
    connection.executescript("BEGIN IMMEDIATE;" + _TABLES + "COMMIT;")


def format_of(connection: sqlite3.Connection) -> int:
    """Returns the format that a database was written in; 0 for an empty one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
