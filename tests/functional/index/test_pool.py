"""Who of the parse workers gets something to do; with real workers."""

import os
import select
from pathlib import Path

import pytest

from fimble.index.process.messages import Parse, Parsed
from fimble.index.process.pool import Pool

PATIENCE_S = 30.0


class Workers:
    """A pool and what came back from it."""

    def __init__(self, root: Path, size: int) -> None:
        self.parsed: list[Parsed] = []
        self.given_up: list[Parse] = []
        self.descriptors: list[int] = []
        self.pool = Pool(
            root,
            size,
            self.parsed.append,
            self.given_up.append,
            on_opened=self.descriptors.append,
            on_closing=self.descriptors.remove,
        )

    def wait(self) -> None:
        while not self.pool.is_idle:
            ready, _, _ = select.select(self.descriptors, [], [], PATIENCE_S)
            assert ready, "no worker says anything"
            for descriptor in ready:
                self.pool.read(descriptor)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(6):
        (tmp_path / f"file{number}.py").write_text(f"def function{number}(): pass\n")
    return tmp_path


@pytest.mark.parametrize(("processors", "spared", "busy"), [(2, 0, 2), (2, 1, 1), (2, 5, 1), (1, 0, 1), (16, 1, 2)])
def test_no_more_workers_get_tasks_than_processors_are_left(
    root: Path, monkeypatch: pytest.MonkeyPatch, processors: int, spared: int, busy: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    workers = Workers(root, 2)
    try:
        workers.pool.spare(spared)
        given = 0
        while workers.pool.wants_work():
            workers.pool.give([Parse(b"file%d.py" % given)])
            given += 1
        assert len(workers.descriptors) == busy
        assert given == 2 * busy, "each has one task and another one waiting"
        workers.wait()
        assert sorted(parsed.path for parsed in workers.parsed) == [b"file%d.py" % number for number in range(given)]
        assert not workers.given_up
    finally:
        workers.pool.stop()


def test_a_text_comes_in_chunks_and_without_symbols(root: Path) -> None:
    (root / "long.py").write_text("".join(f"line{number} = {number}\n" for number in range(100)))
    workers = Workers(root, 1)
    try:
        workers.pool.give([Parse(b"long.py", is_text_wanted=True), Parse(b"gone.py", is_text_wanted=True)])
        workers.wait()
    finally:
        workers.pool.stop()
    long, gone = workers.parsed
    assert [chunk.count("line") for chunk in long.chunks] == [40, 40, 20]
    assert (long.language, long.symbols, len(long.hash)) == ("python", b"", 20)
    assert gone.stat is None
    assert gone.chunks == []
