"""The thread that writes statistics, and what it does when it cannot."""

import logging
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from fimble.features.acceptance.store import Store
from fimble.features.acceptance.writer import Writer

from .samples import row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "statistics.db"


def keys(path: Path) -> list[int]:
    store = Store.open(path)
    try:
        return [found.key for found in store.rows(0)]
    finally:
        store.close()


def record(writer: Writer, *numbers: int) -> None:
    for number in numbers:
        writer.put(lambda store, number=number: store.record(row(number, time_s=float(10**9 + number))))


def new_writer(path: Path, **changes: object) -> Writer:
    return Writer(path, time_s=lambda: 10.0**9, **changes)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]


def test_jobs_are_done_in_their_order_by_one_thread(path: Path) -> None:
    writer = new_writer(path)
    threads = []
    record(writer, 1, 2, 3)
    writer.put(lambda store: threads.append(threading.current_thread().name))
    writer.close()
    assert keys(path) == [1, 2, 3]
    assert threads == ["statistics"]


def test_without_a_job_there_is_neither_thread_nor_file(path: Path) -> None:
    writer = new_writer(path)
    writer.close()
    assert not path.exists()


def test_it_goes_on_after_it_was_closed(path: Path) -> None:
    writer = new_writer(path)
    record(writer, 1)
    writer.close()
    record(writer, 2)
    writer.close()
    assert keys(path) == [1, 2]


@pytest.mark.parametrize("content", [b"no database " * 500, b"SQLite format 3\0" + b"x" * 4000])
def test_a_broken_file_is_moved_aside_and_nothing_is_lost(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    writer = new_writer(path)
    record(writer, 1, 2)
    writer.close()
    assert keys(path) == [1, 2]
    assert path.with_name("statistics.db.broken").read_bytes() == content
    assert len(warnings(caplog)) == 1


def test_a_file_that_breaks_later_is_moved_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = new_writer(path)
    record(writer, 1)
    writer.close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(path.stat().st_size - 100))
    record(writer, 2)
    writer.close()
    assert keys(path) == [2]
    assert len(warnings(caplog)) == 1


def test_a_locked_database_costs_what_comes_meanwhile(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Store.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = new_writer(path, open_store=lambda place: Store.open(place, busy_timeout_s=0.01))
    record(writer, 1)
    writer.close()
    record(writer, 2)
    writer.close()
    other.execute("ROLLBACK")
    record(writer, 3)
    writer.close()
    assert keys(path) == [3]
    assert len(warnings(caplog)) == 1
    assert "locked" in warnings(caplog)[0]


def test_a_full_disk_costs_what_comes_meanwhile(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite says the same of a database that may not grow as of a disk that is full."""

    def full(place: Path) -> Store:
        store = Store.open(place)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        return store

    writer = new_writer(path, open_store=full)
    record(writer, *range(500))
    writer.close()
    assert len(keys(path)) < 500  # What is in the database already has some room left.
    assert len(warnings(caplog)) == 1
    assert "full" in warnings(caplog)[0]
    caplog.clear()
    writer = new_writer(path)
    record(writer, *range(500))
    writer.close()
    assert (len(keys(path)), warnings(caplog)) == (500, [])


def test_a_folder_that_cannot_be_made_costs_the_statistics(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    writer = new_writer(tmp_path / "file" / "deeper" / "statistics.db")
    record(writer, 1, 2)
    writer.close()
    assert len(warnings(caplog)) == 1
    assert (tmp_path / "file").read_text() == ""


def test_a_folder_in_the_place_of_the_file_costs_the_statistics(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir()
    writer = new_writer(path)
    record(writer, 1)
    writer.close()
    assert len(warnings(caplog)) == 1
    assert path.is_dir()


def test_too_much_at_once_is_dropped_and_never_waits(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = new_writer(path, queue_max=4)
    is_begun, may_go_on = threading.Event(), threading.Event()

    def block(store: Store) -> None:
        is_begun.set()
        may_go_on.wait(10)

    writer.put(block)
    assert is_begun.wait(10)
    record(writer, *range(100))
    may_go_on.set()
    writer.close()
    assert keys(path) == [0, 1, 2, 3]
    assert len(warnings(caplog)) == 1


def test_closing_does_not_wait_for_a_disk_that_hangs(path: Path) -> None:
    writer = new_writer(path)
    may_go_on = threading.Event()
    writer.put(lambda store: may_go_on.wait(30) and None)
    writer.close(timeout_s=0.05)
    may_go_on.set()
