"""Kills the index process and its workers at random moments: the index opens, is consistent, and becomes the truth.

`FIMBLE_KILLS` says how many times (1,000 were done by hand, see ARCHITECTURE.md).
"""

import os
import random
import sqlite3
import time
from pathlib import Path

import psutil

from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_named
from fimble.index.store.reader import Reader
from fimble.index.store.schema import DATABASE_NAME
from tests.functional.index.index_runner import IndexRunner, running_index

KILLS = int(os.environ.get("FIMBLE_KILLS", "12"))
FILES = 120
LIFE_S_MAX = 0.5


def test_an_index_that_is_killed_at_any_moment_becomes_the_truth(tmp_path: Path) -> None:
    chance = random.Random(2026)
    root, folder = tmp_path / "root", tmp_path / "index"
    root.mkdir()
    for number in range(FILES):
        write(root, number, chance)
    for number in range(KILLS):
        index = IndexRunner(root, folder)
        victim_is_worker = number % 4 == 3
        until = time.monotonic() + chance.uniform(0.02, LIFE_S_MAX)
        while time.monotonic() < until:
            write(root, chance.randrange(FILES), chance)
            time.sleep(0.003)
        if victim_is_worker:
            for worker in psutil.Process(index.process.pid).children():
                worker.kill()
            time.sleep(chance.uniform(0, 0.05))
        index.kill()
        close(index)
        check_consistent(folder)
    with running_index(root, folder) as index:
        index.wait_defined("nothing_has_this_name", [])
        assert truth_of(root) == known_of(index.reader)


def write(root: Path, number: int, chance: random.Random) -> None:
    """Changes, removes or brings back a file."""
    file = root / f"module{number}.py"
    if chance.random() < 0.2:
        file.unlink(missing_ok=True)
        return
    functions = "".join(f"def name_{chance.randrange(10_000)}():\n    return {number}\n\n\n" for _ in range(20))
    file.write_text(functions)


def check_consistent(folder: Path) -> None:
    """Fails if the database cannot be opened or contradicts itself."""
    if not (folder / DATABASE_NAME).exists():
        return  # It was killed before there was anything.
    connection = sqlite3.connect(folder / DATABASE_NAME)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            return
        for table in ("words", "names", "parts"):
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
        dangling = "SELECT count(*) FROM file WHERE content IS NOT NULL AND content NOT IN (SELECT id FROM content)"
        assert connection.execute(dangling).fetchone() == (0,)
    finally:
        connection.close()


def truth_of(root: Path) -> dict[str, list[str]]:
    """Returns the names that each file defines, read from the files."""
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    return {
        file.name: [symbol.name for symbol in extract(grammar, file.read_bytes()).symbols] for file in root.iterdir()
    }


def known_of(reader: Reader) -> dict[str, list[str]]:
    """Returns the names that each file defines, as the index has them."""
    found: dict[str, list[str]] = {}
    for entry in reader.files():
        symbols = reader.symbols(entry.path)
        found[entry.path] = [] if symbols is None else [symbol.name for symbol in symbols.symbols]
        assert all(entry.content in reader.defining(name, 1000) for name in found[entry.path]), (
            f"a search does not find what {entry.path} defines"
        )
    return found


def close(index: IndexRunner) -> None:
    """Closes what a killed process leaves open here."""
    index.reader.close()
    for pipe in (index.process.stdin, index.process.stdout):
        if pipe is not None:
            pipe.close()
