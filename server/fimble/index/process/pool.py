"""The parse workers as the index process sees them: started when there is work, killed when they hang.

A worker that does not get on with one file for `DEADLINE_S` of its own CPU time, or that dies, is replaced. The file
it was at is tried once more, alone; after the second time it is given up (the caller quarantines it by its content).
Everything else of its tasks is done again.
"""

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from fimble.index.process.messages import POSITION, Frames, Parse, Parsed, Task, decode_report, encode

DEADLINE_S: Final = 2.0
"""CPU time for one file; the slowest of 44,000 real files took 0.5 s (notes of 2026)."""
_WALL_DEADLINE_S: Final = 30.0
"""Time for one file on a machine that gives the worker next to no CPU, or on a file system that hangs."""
_TASKS_AHEAD: Final = 2
_READ_BYTES: Final = 1 << 20
_DEATHS_MAX: Final = 2
_WORKER_RSS_BYTES_MAX: Final = 160 * 1024 * 1024

OnParsed = Callable[[Parsed], None]
OnGivenUp = Callable[[Parse], None]


@dataclass(slots=True, eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    shared: IO[bytes]
    position: mmap.mmap
    frames: Frames = field(default_factory=Frames)
    tasks: deque[Task] = field(default_factory=deque)
    unsent: bytearray = field(default_factory=bytearray)
    reported: int = -1
    seen: tuple[int, int] = (0, 0)
    seen_s: float = 0.0
    seen_cpu_s: float = 0.0
    rss_bytes: int = 0


class Pool:
    """Up to `size` workers. The index process's selector calls `read` when `descriptors` have something."""

    def __init__(
        self,
        root: Path,
        size: int,
        on_parsed: OnParsed,
        on_given_up: OnGivenUp,
        *,
        on_opened: Callable[[int], None],
        on_closing: Callable[[int], None],
        monotonic_s: Callable[[], float] = time.monotonic,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._root = root
        self._size = size
        self._on_parsed = on_parsed
        self._on_given_up = on_given_up
        self._on_opened = on_opened
        self._on_closing = on_closing
        self._monotonic_s = monotonic_s
        self._deadline_s = deadline_s
        self._workers: dict[int, _Worker] = {}
        self._numbers = 0
        self._deaths: dict[Parse, int] = {}
        self._again: deque[Parse] = deque()
        self._retired_rss_bytes = 0
        self._busy_max = size

    @property
    def is_idle(self) -> bool:
        """Whether no worker has anything to do."""
        return not self._again and not any(worker.tasks for worker in self._workers.values())

    @property
    def files_given(self) -> int:
        """How many files the workers have yet to do, at most."""
        return sum(len(task.files) for worker in self._workers.values() for task in worker.tasks)

    @property
    def rss_bytes(self) -> int:
        """The peak memory of the workers together."""
        return max(sum(worker.rss_bytes for worker in self._workers.values()), self._retired_rss_bytes)

    def start(self, count: int) -> None:
        """Makes sure that `count` workers run, so that they have started up when there is work."""
        while len(self._workers) < min(count, self._size):
            self._spawn()

    def shrink(self, count: int) -> None:
        """Ends idle workers beyond `count`."""
        idle = [descriptor for descriptor, worker in self._workers.items() if not worker.tasks]
        for descriptor in idle[: max(0, len(self._workers) - count)]:
            self._end(descriptor)

    def spare(self, processors: int) -> None:
        """Leaves some processors to others: gives no more than the rest of them something to do at a time."""
        self._busy_max = max(1, min(self._size, (os.cpu_count() or 1) - processors))

    def wants_work(self) -> bool:
        """Tells whether a worker has less to do than it may have waiting."""
        busy = [worker for worker in self._workers.values() if worker.tasks]
        return len(busy) < self._busy_max or any(len(worker.tasks) < _TASKS_AHEAD for worker in busy)

    def give(self, files: Sequence[Parse]) -> None:
        """Gives files to the worker that has least to do."""
        busy = [worker for worker in self._workers.values() if worker.tasks]
        if len(busy) < self._busy_max:
            if len(busy) == len(self._workers):
                self.start(len(busy) + 1)
            busy = list(self._workers.values())
        self._send(min(busy, key=lambda worker: len(worker.tasks)), files)

    def read(self, descriptor: int) -> None:
        """Takes what a worker has written; its end is noticed here too."""
        worker = self._workers[descriptor]
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._lost(descriptor)
            return
        for body in worker.frames.feed(data):
            report = decode_report(body)
            worker.rss_bytes = max(worker.rss_bytes, report.rss_bytes)
            for parsed in report.results:
                worker.reported = parsed.position
                self._on_parsed(parsed)
            if report.is_last:
                worker.tasks.popleft()
                worker.reported = -1
        if not worker.tasks and worker.rss_bytes > _WORKER_RSS_BYTES_MAX:
            self._end(descriptor)
        while self._again and self.wants_work():
            self.give([self._again.popleft()])

    def write(self) -> None:
        """Sends what did not fit into the pipes before."""
        for worker in list(self._workers.values()):
            self._flush(worker)

    def check(self) -> None:
        """Kills workers that hang; to be called a few times a second while there is work."""
        for descriptor, worker in list(self._workers.items()):
            if worker.tasks and self._hangs(worker):
                worker.process.kill()
                self._lost(descriptor)
        while self._again and self.wants_work():
            self.give([self._again.popleft()])

    def stop(self) -> None:
        """Ends all workers."""
        for descriptor in list(self._workers):
            self._end(descriptor)

    def _spawn(self) -> None:
        shared = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker.
        shared.truncate(POSITION.size)
        descriptor = shared.fileno()
        command = [sys.executable, "-P", "-m", "fimble.index.process", "worker", os.fspath(self._root), str(descriptor)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(descriptor,), bufsize=0
        )
        assert process.stdin is not None  # noqa: S101 - both were asked for.
        assert process.stdout is not None  # noqa: S101
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        output = process.stdout.fileno()
        self._workers[output] = _Worker(
            process, shared, mmap.mmap(descriptor, POSITION.size), seen_s=self._monotonic_s()
        )
        self._on_opened(output)

    def _send(self, worker: _Worker, files: Sequence[Parse]) -> None:
        self._numbers += 1
        task = Task(self._numbers, list(files))
        worker.tasks.append(task)
        worker.unsent += encode(task)
        self._flush(worker)

    def _flush(self, worker: _Worker) -> None:
        if not worker.unsent or worker.process.stdin is None:
            return
        # A worker that has just died is noticed where its output ends.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            written = os.write(worker.process.stdin.fileno(), worker.unsent)
            del worker.unsent[:written]

    def _hangs(self, worker: _Worker) -> bool:
        seen = POSITION.unpack_from(worker.position)
        now_s = self._monotonic_s()
        import psutil  # noqa: PLC0415 - nothing hangs so early that a first build should wait for it.

        try:
            times = psutil.Process(worker.process.pid).cpu_times()
            cpu_s = times.user + times.system
        except psutil.Error:
            return False
        if seen != worker.seen or worker.tasks[0].number != seen[0]:
            # It may also still be starting up, which takes its time on a busy machine.
            worker.seen, worker.seen_cpu_s = seen, cpu_s
            worker.seen_s = now_s if seen[0] or worker.seen_s == 0 else worker.seen_s
        return cpu_s - worker.seen_cpu_s > self._deadline_s or now_s - worker.seen_s > _WALL_DEADLINE_S

    def _lost(self, descriptor: int) -> None:
        worker = self._workers[descriptor]
        number, position = POSITION.unpack_from(worker.position)
        tasks, reported = list(worker.tasks), worker.reported
        self._end(descriptor)
        for task in tasks:
            rest = task.files[reported + 1 :]
            if task.number == number and reported < position < len(task.files):
                culprit = task.files[position]
                rest = [file for file in rest if file is not culprit]
                self._blame(culprit)
            reported = -1
            if rest:
                self.give(rest)

    def _blame(self, file: Parse) -> None:
        deaths = self._deaths[file] = self._deaths.get(file, 0) + 1
        if deaths >= _DEATHS_MAX:
            del self._deaths[file]
            self._on_given_up(file)
        else:
            self._again.append(file)

    def _end(self, descriptor: int) -> None:
        self._retired_rss_bytes = max(self._retired_rss_bytes, self.rss_bytes)
        worker = self._workers.pop(descriptor)
        self._on_closing(descriptor)
        worker.process.send_signal(signal.SIGKILL)
        for pipe in (worker.process.stdin, worker.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        worker.process.wait()
        worker.position.close()
        worker.shared.close()
