"""The one thread that writes statistics.

Nobody waits for it, and whatever is wrong with the database costs nothing but the statistics: a broken file is moved
aside, and what cannot be stored is dropped. The log hears of trouble once.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fimble.errors import FimbleError
from fimble.features.acceptance.store import Store, is_broken, move_aside

logger = logging.getLogger(__name__)

Job = Callable[[Store], None]
"""Does something with the database, in the writing thread."""

QUEUE_MAX: Final = 1_024
_BATCH_MAX: Final = 256
_PRUNE_JOBS: Final = 2_000
_CLOSE_TIMEOUT_S: Final = 1.0


class Writer:
    """Does jobs one after the other, in batches of one transaction each; the thread begins with the first job.

    An asyncio program calls `put` from its event loop, and `close` from anywhere else: it waits.
    """

    def __init__(
        self,
        path: Path,
        *,
        open_store: Callable[[Path], Store] = Store.open,
        time_s: Callable[[], float] = time.time,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._path = path
        self._open_store = open_store
        self._time_s = time_s
        self._jobs: queue.Queue[Job | None] = queue.Queue(queue_max)
        self._thread: threading.Thread | None = None
        self._store: Store | None = None
        self._until_prune = 0
        self._has_warned = False

    def put(self, job: Job) -> None:
        """Has a job done later, or drops it where too many wait already; never blocks."""
        if self._thread is None:
            # A daemon, so that a disk that hangs does not keep the process alive.
            self._thread = threading.Thread(target=self._run, name="statistics", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._warn("some statistics are not kept: too much waits to be written")

    def close(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Lets what waits be written, for so long at most, and ends the thread; blocks."""
        thread, end_s = self._thread, time.monotonic() + timeout_s
        if thread is None:
            return
        try:
            self._jobs.put(None, timeout=timeout_s)
        except queue.Full:
            return
        thread.join(max(0.0, end_s - time.monotonic()))
        self._thread = None

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch = [self._jobs.get()]
            while len(batch) < _BATCH_MAX and batch[-1] is not None:
                try:
                    batch.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            is_open = batch[-1] is not None
            self._do([job for job in batch if job is not None])
        if self._store is not None:
            self._store.close()
            self._store = None

    def _do(self, jobs: list[Job]) -> None:
        """Does the jobs, with a new database the second time if the first time shows that this one is broken."""
        for _ in range(2):
            try:
                self._do_all(jobs)
            except sqlite3.Error as error:
                if not is_broken(error):
                    self._warn(f"statistics are not kept: {_reason(error)}")
                    return
                if not self._replace(error):
                    return
            except (OSError, FimbleError) as error:
                self._warn(f"statistics are not kept: {error}")
                return
            else:
                return

    def _do_all(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        if self._store is None:
            self._store = self._open_store(self._path)
            self._until_prune = 0
        with self._store.transaction():
            if self._until_prune <= 0:
                self._store.prune(self._time_s())
                self._until_prune = _PRUNE_JOBS
            for job in jobs:
                job(self._store)
        self._until_prune -= len(jobs)

    def _replace(self, error: sqlite3.Error) -> bool:
        """Puts a broken database out of the way; tells whether a new one can be made."""
        if self._store is not None:
            self._store.close()
            self._store = None
        try:
            move_aside(self._path)
        except FileNotFoundError:
            pass  # Another window was quicker.
        except OSError as failure:
            self._warn(f"statistics are not kept: {failure}")
            return False
        self._warn(f"the statistics begin anew, beside the broken ones in {self._path.parent}: {_reason(error)}")
        return True

    def _warn(self, reason: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning("%s. Everything else goes on.", reason[0].upper() + reason[1:].rstrip("."))


def _reason(error: sqlite3.Error) -> str:
    # What SQLite says is about the file and our statements, never about what is stored.
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"
