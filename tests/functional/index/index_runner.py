"""Runs a real index process on a folder, as its client would, and reads what it writes."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from fimble.index.index_messages import Command, Trouble
from fimble.index.store.progress import Progress, Stage
from fimble.index.store.reader import Reader

PATIENCE_S = 30.0
T = TypeVar("T")


class IndexRunner:
    """An index process and a reader of its database."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.reader = Reader(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fimble.index.process", "run", os.fspath(root), os.fspath(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def tell(self, command: Command) -> None:
        """Sends a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(command) + b"\n")
        self.process.stdin.flush()

    def wait_ready(self) -> Progress:
        """Waits until the index is complete, words of data files included."""
        return wait_until(self._complete)

    def paths_defining(self, name: str) -> list[str]:
        """Returns the files that define `name` now."""
        with self.reader.reading():
            found = self.reader.paths_of(self.reader.defining(name, 100))
            names = self.reader.names_of(found)
        return sorted(path for content, paths in found.items() if name in names[content].all() for path in paths)

    def wait_defined(self, name: str, paths: list[str]) -> None:
        """Waits until exactly these files define `name`."""

        def look() -> bool | None:
            assert self.process.poll() is None, "the index process ended"
            return self.paths_defining(name) == sorted(paths) or None

        wait_until(look, lambda: self.paths_defining(name))

    def heard(self) -> Trouble:
        """Waits until the process says what is wrong, or that all is well again."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert ready, "the index process says nothing"
        return msgspec.json.decode(self.process.stdout.readline(), type=Trouble)

    def stop(self) -> int:
        """Ends the process as its editor would, and returns the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Ends the process as a user would who has lost patience."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def _complete(self) -> Progress | None:
        assert self.process.poll() is None, "the index process ended"
        progress = self.reader.progress()
        is_ours = progress.pid == self.process.pid
        is_complete = progress.stage is Stage.READY and not (progress.to_parse or progress.to_read or progress.wordless)
        return progress if is_ours and is_complete else None


@contextmanager
def running_index(root: Path, folder: Path) -> Iterator[IndexRunner]:
    """Runs an index process, complete at the start, until the end of the block."""
    runner = IndexRunner(root, folder)
    try:
        runner.wait_ready()
        yield runner
    finally:
        if runner.process.poll() is None:
            runner.kill()
        for pipe in (runner.process.stdin, runner.process.stdout):
            if pipe is not None:
                pipe.close()
        runner.reader.close()


def wait_until(look: Callable[[], T | None], seen: Callable[[], object] = lambda: "nothing") -> T:
    """Returns what `look` returns as soon as it is not None."""
    until = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < until, f"waited in vain; last seen: {seen()}"
        time.sleep(0.005)
    return found
