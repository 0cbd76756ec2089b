"""What the index process does in which order."""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fimble.index.files.listing import FileEntry
from fimble.index.process.agenda import Urgency
from fimble.index.process.builder import SLICE_S, Builder
from fimble.index.process.messages import Parse, Parsed
from fimble.index.process.pool import OnGivenUp, OnParsed
from fimble.index.process.worker import parse_file
from fimble.index.store.progress import Stage
from fimble.index.store.reader import Reader
from fimble.index.store.writer import Writer


class PatientPool:
    """Workers that begin when they are told to, and parse in this process."""

    rss_bytes = 0

    def __init__(self, root: Path, on_parsed: OnParsed, on_given_up: OnGivenUp) -> None:
        self.given: list[Parse] = []
        self.may_begin = False
        self._waiting: list[Parse] = []
        self._root = root
        self._on_parsed = on_parsed
        self._on_given_up = on_given_up

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    @property
    def files_given(self) -> int:
        return len(self._waiting)

    @property
    def parses(self) -> list[Parse]:
        """What was given to be parsed; words, and who mentions what, are found without."""
        return [file for file in self.given if not file.names and not file.is_text_wanted]

    def wants_work(self) -> bool:
        return self.may_begin and not self._waiting

    def spare(self, processors: int) -> None:
        """Has as many processors as it wants."""

    def give(self, files: Sequence[Parse]) -> None:
        self.given += files
        self._waiting += files

    def work(self) -> None:
        waiting, self._waiting = self._waiting, []
        for file in waiting:
            if file.path.startswith(b"hang"):
                self._on_given_up(file)
                continue
            parsed: list[Parsed] = list(parse_file(str(self._root), 0, file))
            for each in parsed:
                self._on_parsed(each)


class Workshop:
    """A builder with what it needs."""

    def __init__(self, root: Path, folder: Path, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self.reader = Reader(folder)
        self.writer = Writer(folder, root)
        self.pools: list[PatientPool] = []

        def pool_of(on_parsed: OnParsed, on_given_up: OnGivenUp) -> PatientPool:
            self.pools.append(PatientPool(root, on_parsed, on_given_up))
            return self.pools[-1]

        self.builder = Builder(
            root,
            self.writer,
            pool_of,  # type: ignore[arg-type] - it does what the builder asks of one.
            self.listed,
            started_s=0.0,
            monotonic_s=monotonic_s,
        )
        self.pool = self.pools[0]

    def listed(self) -> list[FileEntry]:
        entries = []
        for file in sorted(self.root.rglob("*")):
            if file.is_file():
                status = file.stat()
                path = str(file.relative_to(self.root))
                entries.append(FileEntry(path, status.st_size, status.st_mtime_ns, status.st_ino, None))
        return entries

    def read_texts(self) -> None:
        """Has the texts read, and gives out nothing after them."""
        self.pool.may_begin = True
        self.builder.step()
        self.pool.may_begin = False
        self.pool.work()

    def finish(self) -> None:
        self.pool.may_begin = True
        for _ in range(100):
            self.builder.step()
            self.pool.work()
            if self.builder.is_ready and not self.builder.has_work:
                break
        self.builder.step()
        self.builder.commit()


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    root = tmp_path / "root"
    root.mkdir()
    for name in ("any.py", "imported.py", "open.py", "recent.py"):
        (root / name).write_text(f"def from_{name[:-3]}(): pass\n")
    (root / "data.json").write_text('{"key": 1}\n')
    (root / "notes.txt").write_text("marmalade\n")
    return Workshop(root, tmp_path / "index")


def test_open_files_go_first_then_what_they_import_then_recent_ones_then_code_then_data(workshop: Workshop) -> None:
    builder = workshop.builder
    builder.opened(["open.py"])
    builder.reconcile()
    workshop.read_texts()
    for _ in range(10):
        builder.step()
    builder.prioritise(["recent.py", "nowhere.py"], Urgency.RECENT)
    builder.prioritise(["imported.py"], Urgency.IMPORTED)
    builder.prioritise(["open.py"], Urgency.RECENT)
    workshop.pool.may_begin = True
    builder.step()
    order = [b"open.py", b"imported.py", b"recent.py", b"any.py", b"data.json"]
    assert [file.path for file in workshop.pool.parses] == order


def test_words_can_be_searched_before_anything_is_parsed(workshop: Workshop) -> None:
    workshop.builder.reconcile()
    workshop.read_texts()
    while workshop.reader.progress().stage is not Stage.SYMBOLS:
        workshop.builder.step()
    assert workshop.pool.parses == []
    assert [chunk.path for chunk in workshop.reader.mentioning(["marmalade"], 5)] == ["notes.txt"]
    assert [chunk.path for chunk in workshop.reader.mentioning(["from_any"], 5)] == ["any.py"]
    assert workshop.reader.symbols("any.py") is None
    workshop.finish()
    assert workshop.reader.symbols("any.py") is not None
    assert [chunk.path for chunk in workshop.reader.mentioning(["key"], 5)] == ["data.json"]
    assert workshop.reader.progress().stage is Stage.READY


def test_a_changed_file_keeps_its_symbols_until_the_new_ones_are_there(workshop: Workshop) -> None:
    workshop.builder.reconcile()
    workshop.finish()
    (workshop.root / "any.py").write_text("def anything_else(): pass\n")
    workshop.pool.may_begin = False
    workshop.builder.changed(["any.py"])
    for _ in range(5):
        workshop.builder.step()
    workshop.builder.commit()
    before = workshop.reader.symbols("any.py")
    assert before is not None
    assert [symbol.name for symbol in before.symbols] == ["from_any"]
    workshop.finish()
    after = workshop.reader.symbols("any.py")
    assert after is not None
    assert [symbol.name for symbol in after.symbols] == ["anything_else"]


def test_a_content_that_was_parsed_before_is_not_parsed_again(workshop: Workshop) -> None:
    workshop.builder.reconcile()
    workshop.finish()
    given = len(workshop.pool.parses)
    (workshop.root / "copy.py").write_text((workshop.root / "any.py").read_text())
    workshop.builder.changed(["copy.py"])
    workshop.finish()
    assert workshop.reader.symbols("copy.py") == workshop.reader.symbols("any.py") is not None
    assert len(workshop.pool.parses) == given


def test_a_file_that_cannot_be_parsed_is_known_by_its_words_and_not_tried_again(workshop: Workshop) -> None:
    (workshop.root / "hang.py").write_text("def endless(): pass\n")
    workshop.builder.reconcile()
    workshop.finish()
    assert workshop.reader.progress().quarantined == 1
    assert workshop.reader.symbols("hang.py") is None
    assert [chunk.path for chunk in workshop.reader.mentioning(["endless"], 5)] == ["hang.py"]
    given = len(workshop.pool.parses)
    workshop.builder.reconcile()
    workshop.finish()
    assert len(workshop.pool.parses) == given


def test_what_could_not_be_written_is_found_again(workshop: Workshop) -> None:
    workshop.builder.reconcile()
    for _ in range(3):
        workshop.builder.step()
    workshop.builder.forget_plans()
    assert workshop.builder.is_ready
    workshop.builder.reconcile()
    workshop.finish()
    assert workshop.reader.symbols("any.py") is not None
    assert len(list(workshop.reader.files())) == 6


def test_nothing_is_done_over_and_over_while_workers_do_what_nobody_waits_for(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "any.py").write_text("def any_name(): pass\n")
    for number in range(5):
        (root / f"data{number}.json").write_text(f'{{"key": {number}}}\n')
    # The clock goes on when it is looked at: a slice is over after one file.
    workshop = Workshop(root, tmp_path / "index", itertools.count(1000.0, 0.6 * SLICE_S).__next__)
    workshop.builder.reconcile()
    workshop.pool.may_begin = True
    for _ in range(100):
        workshop.builder.step()
        if workshop.reader.progress().stage is Stage.READY:
            break
        workshop.pool.work()
    told = workshop.reader.progress()
    assert told.to_parse, "late work that has not been counted is not forgotten"
    workshop.builder.step()
    workshop.builder.step()
    assert [file.path for file in workshop.pool.given[-1:]] == [b"any.py"]
    assert not workshop.builder.has_work, "a worker has something to do, this process has to wait"
    workshop.pool.work()
    assert workshop.builder.has_work
    for _ in range(10):
        workshop.builder.step()
    assert not workshop.builder.has_work
    assert workshop.reader.progress().wordless == 0


def test_a_data_file_that_is_new_can_be_found_at_once(workshop: Workshop) -> None:
    workshop.builder.reconcile()
    workshop.finish()
    (workshop.root / "new.json").write_text('{"rhubarb": 1}\n')
    workshop.pool.may_begin = False
    workshop.builder.changed(["new.json"])
    workshop.builder.step()
    workshop.builder.commit()
    assert [chunk.path for chunk in workshop.reader.mentioning(["rhubarb"], 5)] == ["new.json"]
