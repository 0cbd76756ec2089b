"""The database of statistics."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fimble.errors import FolderUnusable
from fimble.features.acceptance.store import DAYS_MAX, Store, day_of, is_broken, move_aside, remove

from .samples import ROW, row

DAY_S = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "statistics.db"


def test_what_is_recorded_again_replaces_what_was_known_but_for_the_moments(path: Path) -> None:
    store = Store.open(path)
    store.record(row(1, accepted_characters=3, accepts=1))
    store.keep(1, "30_s", 0.5)
    store.record(row(1, accepted_characters=8, accepts=2, is_wanted=True))
    (found,) = store.rows(0)
    assert (found.accepted_characters, found.accepts, found.is_wanted) == (8, 2, True)
    assert (found.kept_30_s, found.kept_2_min, found.kept_10_min) == (0.5, None, None)


def test_a_row_comes_back_as_it_was(path: Path) -> None:
    store = Store.open(path)
    stored = row(2**62 - 1, expected_wrong=0.25, mean_log_probability=-0.5, rules="a,b", is_confirmed=True)
    store.record(stored)
    (found,) = Store.open(path).rows(0)
    assert all(getattr(found, name) == getattr(stored, name) for name in ROW.__dataclass_fields__)


def test_counters_add_up_by_day(path: Path) -> None:
    store = Store.open(path)
    store.count(10, {"asked": 2, "empty": 1})
    store.count(10, {"asked": 3})
    store.count(11, {"asked": 10})
    assert store.counts(10) == {"asked": 15, "empty": 1}
    assert store.counts(11) == {"asked": 10}
    assert store.counts(12) == {}


def test_outcomes_are_those_on_which_the_user_decided(path: Path) -> None:
    store = Store.open(path)
    rows = [
        row(1, time_s=1.0, is_wanted=True),
        row(2, time_s=2.0),  # Read, and typed over.
        row(3, time_s=3.0, seen_ms=100.0),  # There for too short a time to be read.
        row(4, time_s=4.0, ending="left"),
        row(5, time_s=5.0, ending="replaced"),
        row(6, time_s=6.0, trigger="manual", is_wanted=True),
        row(7, time_s=7.0, trigger="listed"),
        row(8, time_s=8.0, ending="accepted", is_wanted=True, seen_ms=10.0),
    ]
    for each in rows:
        store.record(each)
    assert store.outcomes(10) == [True, False, True]
    assert store.outcomes(2) == [True, False]


def test_what_is_old_or_too_much_is_forgotten(path: Path) -> None:
    store = Store.open(path)
    now_s = 1_000 * DAY_S
    for number in range(10):
        store.record(row(number, time_s=now_s - number))
    store.record(row(99, time_s=now_s - (DAYS_MAX + 1) * DAY_S))
    store.count(day_of(now_s), {"asked": 1})
    store.count(day_of(now_s) - DAYS_MAX - 1, {"asked": 100})
    store.prune(now_s)
    assert sorted(found.key for found in store.rows(0)) == list(range(10))
    assert store.counts(0) == {"asked": 1}
    store.prune(now_s, rows_max=4)
    assert sorted(found.key for found in store.rows(0)) == [0, 1, 2, 3]


def test_a_reset_leaves_nothing_in_any_file(path: Path) -> None:
    store = Store.open(path)
    store.record(row(1, language="very-rare-language"))
    store.count(5, {"asked": 1})

    def is_on_disk() -> bool:
        return any(b"very-rare-language" in file.read_bytes() for file in path.parent.iterdir())

    assert is_on_disk()
    store.reset()
    assert (store.rows(0), store.counts(0)) == ([], {})
    assert not is_on_disk()


def record_and_fail(store: Store) -> None:
    store.record(row(1))
    store.record(row(2, language=None))


def test_a_change_that_fails_is_none(path: Path) -> None:
    store = Store.open(path)
    with pytest.raises(sqlite3.Error), store.transaction():
        record_and_fail(store)
    assert store.rows(0) == []
    with store.transaction():
        store.record(row(1))
    assert len(store.rows(0)) == 1


def test_nobody_else_can_read_it(path: Path) -> None:
    store = Store.open(path)
    store.record(row(1))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"statistics.db": 0o600, "statistics.db-wal": 0o600, "statistics.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_windows_write_to_one_database(path: Path) -> None:
    first, second = Store.open(path), Store.open(path)
    first.record(row(1))
    second.record(row(2))
    assert [found.key for found in first.rows(0)] == [1, 2]


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be one" * 40, b"SQLite format 3\0" + b"x" * 4000]
)
def test_a_broken_file_is_known_as_one_and_can_be_moved_aside(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(sqlite3.Error) as failure:
        Store.open(path)
    assert is_broken(failure.value)
    move_aside(path)
    assert path.with_name("statistics.db.broken").read_bytes() == content
    Store.open(path).record(row(1))
    remove(path)
    assert list(path.parent.iterdir()) == []


def test_a_database_with_other_tables_counts_as_broken(path: Path) -> None:
    path.parent.mkdir()
    for tables in ("CREATE TABLE suggestion (key);", "PRAGMA user_version = 1;"):
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript(tables)
        connection.close()
        with pytest.raises(sqlite3.Error) as failure:
            Store.open(path)
        assert is_broken(failure.value)


def test_a_database_of_a_newer_fimble_is_left_alone(path: Path) -> None:
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(FolderUnusable, match="newer version"):
        Store.open(path)


def test_many_windows_may_open_and_close_at_once(path: Path) -> None:
    def open_and_close(_: int) -> None:
        for _ in range(10):
            Store.open(path).close()

    with ThreadPoolExecutor(8) as windows:
        list(windows.map(open_and_close, range(8)))


def test_a_locked_database_is_not_broken(path: Path) -> None:
    store = Store.open(path, busy_timeout_s=0.01)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as failure, store.transaction():
        store.record(row(1))
    assert not is_broken(failure.value)
    other.execute("ROLLBACK")
    with store.transaction():
        store.record(row(1))
    assert len(store.rows(0)) == 1
