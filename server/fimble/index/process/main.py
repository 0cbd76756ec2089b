"""The index process's loop: listens to its editor, its workers and the watcher, and lets the builder work in between.

It lives as long as its stdin is open. Lines of JSON come in (`Command`); lines that say what is wrong go out
(`Trouble`). How far the index is stands in the database, for everybody.
"""

import contextlib
import fcntl
import gc
import itertools
import logging
import os
import queue
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fimble.errors import FolderUnusable, StoreUnusable
from fimble.index.files.changes import Batch
from fimble.index.files.ignoring import Rules
from fimble.index.files.listing import list_files
from fimble.index.index_messages import EXIT_ALREADY_RUNNING, EXIT_STORE_GONE, EXIT_WITHOUT_STORE, Command, Trouble
from fimble.index.process.agenda import Urgency
from fimble.index.process.builder import Builder
from fimble.index.process.extractor import extractor_version
from fimble.index.process.pool import Pool
from fimble.index.store.reader import Reader
from fimble.index.store.schema import LOCK_NAME
from fimble.index.store.writer import Writer

if TYPE_CHECKING:
    from fimble.index.files.watching import Watcher

logger = logging.getLogger(__name__)

WORKERS: Final = 2
_NICENESS: Final = 5
_CHECK_S: Final = 0.25
_LOOK_S: Final = 2.0
_WATCH_AFTER_S: Final = 20.0
_TIDY_AFTER_S: Final = 2.0
_RETRY_STORE_S: Final = 10.0
_RECENT_FILES: Final = 500
_OPEN_FILES_MAX: Final = 100
# After a burst of events the files are compared with the database: watching loses events when many come at once.
_AFTER_BURST_S: Final = (1.0, 5.0)
_BURST_PATHS: Final = 100
_RECONCILE_EVERY_S: Final = 600.0
_COMMAND_BYTES_MAX: Final = 4 * 1024 * 1024
_BATCHES_MAX: Final = 10_000
_WAKE_BYTES: Final = 4096


def main(root: Path, folder: Path) -> int:
    """Keeps the index of `root` in `folder` up to date until stdin ends; returns the exit status."""
    started_s = time.monotonic()
    # A first build makes a million objects and no cycles; what makes some is looked for when there is nothing to do.
    gc.disable()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The one who started us decides when we end.
    try:
        lock = _lock(folder)
    except OSError as error:
        _say(Trouble(f"The index cannot be written ({error.strerror}); free some space, or set FIMBLE_CACHE."))
        return EXIT_WITHOUT_STORE
    if lock is None:
        return EXIT_ALREADY_RUNNING
    try:
        writer = Writer(folder, root)
        writer.forget_extractions_of_others(extractor_version())
    except (StoreUnusable, FolderUnusable) as error:
        _say(Trouble(str(error)))
        return EXIT_WITHOUT_STORE
    return IndexProcess(root, folder, writer, lock, started_s).run()


class IndexProcess:
    """One loop over everything that can happen."""

    def __init__(self, root: Path, folder: Path, writer: Writer, lock: int, started_s: float) -> None:
        self._selector = selectors.DefaultSelector()
        self._batches: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._rules = Rules(root)
        self._root = root
        self._folder = folder
        self._lock = lock
        self._started_s = started_s
        self._input = bytearray()
        self._is_over = False
        self._exit_status = 0
        self._watcher: Watcher | None = None
        self._is_watching = False
        self._is_git_busy = False
        self._has_asked_git = False
        self._is_troubled = False
        self._reader = Reader(folder)
        # Open files whose imports have not been looked at yet.
        self._importing: set[str] = set()
        self._reconcile_at_s: list[float] = []
        self._idle_since_s = 0.0
        self._checked_s = 0.0

        def pool_of(on_parsed: Callable[..., None], on_given_up: Callable[..., None]) -> Pool:
            return Pool(
                root,
                WORKERS,
                on_parsed,
                on_given_up,
                on_opened=self._watch_worker,
                on_closing=self._forget_worker,
            )

        self._builder = Builder(root, writer, pool_of, lambda: list_files(self._rules).files, started_s=started_s)
        self._writer = writer

    def run(self) -> int:
        """Runs until stdin ends; returns the exit status."""
        if self._writer.counts()[0] == 0:
            # They start up while the files are being listed.
            self._builder.pool.start(WORKERS)
        os.set_blocking(0, False)
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._selector.register(0, selectors.EVENT_READ, self._read_commands)
        self._selector.register(self._woken, selectors.EVENT_READ, self._take_batches)
        self._attempt(self._reconcile)
        try:
            while not self._is_over:
                self._attempt(self._turn)
                if self._watcher is None and self._may_watch():
                    self._start_watching()
        finally:
            if self._watcher is not None:
                self._watcher.stop()
            self._builder.pool.stop()
            self._attempt(self._builder.commit)
            self._writer.close()
        return self._exit_status

    def _may_watch(self) -> bool:
        """Tells whether it is time to watch: thousands of folders take a while, for which a short build does not wait.

        What happened before is found by comparing again.
        """
        builder = self._builder
        return builder.is_ready or (builder.are_words_ready and time.monotonic() - self._started_s > _WATCH_AFTER_S)

    def _start_watching(self) -> None:
        from fimble.index.files.watching import Watcher  # noqa: PLC0415 - word search does not wait for it.

        self._watcher = Watcher(self._rules, self._on_batch)
        self._watcher.start()

    def _hurry(self) -> None:
        """Lets files that are likely to be wanted go before others, as long as there are others."""
        if self._builder.is_ready or not self._builder.are_words_ready:
            return
        # These take a while to load, and word search does not need them.
        from fimble.index.files.history import recently_committed  # noqa: PLC0415
        from fimble.index.queries.imports import resolve_all  # noqa: PLC0415
        from fimble.index.queries.view import View  # noqa: PLC0415

        if not self._has_asked_git:
            self._has_asked_git = True
            self._builder.prioritise(recently_committed(self._root, _RECENT_FILES), Urgency.RECENT)
        view = View(self._root, self._reader)
        for path in list(self._importing):
            if (symbols := self._reader.symbols(path)) is not None:
                self._importing.discard(path)
                imported = itertools.chain.from_iterable(resolve_all(view, path, symbols.imports))
                self._builder.prioritise(imported, Urgency.IMPORTED)

    def _reconcile(self) -> None:
        self._builder.reconcile()
        if self._watcher is not None:
            self._watcher.refresh()

    def _turn(self) -> None:
        now_s = time.monotonic()
        for key, _ in self._selector.select(self._patience_s(now_s)):
            key.data()
        now_s = time.monotonic()
        if now_s - self._checked_s > _CHECK_S:
            self._checked_s = now_s
            self._builder.pool.check()
            self._hurry()
            if not self._is_store_in_place():
                logger.warning("the index was deleted; it is made anew")
                self._is_over, self._exit_status = True, EXIT_STORE_GONE
                return
        self._builder.pool.write()
        if self._reconcile_at_s and now_s >= self._reconcile_at_s[0] and not self._builder.has_work:
            self._reconcile_at_s.pop(0)
            self._reconcile()
        if self._watcher is not None and not self._is_watching and self._watcher.wait_ready(0.0):
            # Also the rules may have changed before anybody watched.
            self._is_watching = True
            self._rules.reload()
            self._plan_reconcile(0.0)
        self._builder.step()
        if self._is_troubled and self._builder.is_ready and not self._reconcile_at_s:
            self._is_troubled = False
            _say(Trouble(""))
        self._rest(now_s)

    def _rest(self, now_s: float) -> None:
        """Does what can wait, once nothing has happened for a while."""
        if not self._builder.is_ready or self._builder.has_work:
            self._idle_since_s = now_s
        elif now_s - self._idle_since_s > _TIDY_AFTER_S:
            self._builder.pool.shrink(1)
            if not self._builder.tidy():
                gc.collect()
                self._idle_since_s = now_s + _RECONCILE_EVERY_S
                if not self._reconcile_at_s:
                    self._plan_reconcile(_RECONCILE_EVERY_S)

    def _patience_s(self, now_s: float) -> float:
        if self._builder.has_work:
            return 0.0
        if not self._builder.pool.is_idle:
            return _CHECK_S
        waits = [
            _LOOK_S,
            self._idle_since_s + _TIDY_AFTER_S - now_s,
            *(at_s - now_s for at_s in self._reconcile_at_s[:1]),
        ]
        return max(0.0, min(waits))

    def _is_store_in_place(self) -> bool:
        """Tells whether database and lock are still those that lie in the folder: a user may delete all of it."""
        try:
            return self._writer.is_in_place() and os.path.samestat(
                os.fstat(self._lock), os.stat(self._folder / LOCK_NAME)
            )
        except OSError:
            return False

    def _plan_reconcile(self, *after_s: float) -> None:
        now_s = time.monotonic()
        # What was planned before stays: nobody knows what it was for. Close together, one does for both.
        planned = sorted({*self._reconcile_at_s, *(now_s + each for each in after_s)})
        self._reconcile_at_s = [
            at_s
            for at_s, next_s in itertools.zip_longest(planned, planned[1:])
            if next_s is None or next_s - at_s > _CHECK_S
        ]

    def _attempt(self, action: Callable[[], None]) -> None:
        """Does something that writes; when it cannot, says so and tries from the start later."""
        try:
            action()
        except StoreUnusable as error:
            logger.warning("%s", error)
            if not self._is_troubled:
                _say(Trouble(str(error)))
            self._is_troubled = True
            self._builder.forget_plans()
            self._plan_reconcile(_RETRY_STORE_S)

    def _watch_worker(self, descriptor: int) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, lambda: self._builder.pool.read(descriptor))

    def _forget_worker(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def _on_batch(self, batch: Batch) -> None:
        """Takes what the watcher saw; called in its thread."""
        self._batches.put(batch if self._batches.qsize() < _BATCHES_MAX else Batch(is_unknown=True))
        with contextlib.suppress(BlockingIOError):  # A full pipe wakes as well.
            self._wake.send(b"\0")

    def _take_batches(self) -> None:
        self._woken.recv(_WAKE_BYTES)
        while not self._batches.empty():
            batch = self._batches.get()
            was_git_busy, self._is_git_busy = self._is_git_busy, batch.is_git_busy
            if (
                batch.is_unknown
                or batch.are_rules_changed
                or batch.is_head_moved
                or (was_git_busy and not batch.is_git_busy)
            ):
                self._plan_reconcile(0.0, *_AFTER_BURST_S)
            elif len(batch.paths) > _BURST_PATHS:
                self._plan_reconcile(*_AFTER_BURST_S)
            # The last are taken first: what a folder held is forgotten before what is there now is read.
            self._builder.changed(batch.paths)
            self._builder.changed(batch.folders)

    def _read_commands(self) -> None:
        data = os.read(0, 1 << 16)
        self._is_over = not data or len(self._input) > _COMMAND_BYTES_MAX
        self._input += data
        *lines, rest = self._input.split(b"\n")
        self._input = bytearray(rest)
        for line in lines:
            command = msgspec.json.decode(line, type=Command)
            if command.opened is not None:
                self._builder.opened(command.opened)
                self._importing = set(command.opened[:_OPEN_FILES_MAX])
            self._builder.prioritise(command.soon, Urgency.RECENT)
            self._builder.changed(command.changed)


def _lock(folder: Path) -> int | None:
    """Takes the writer's lock for as long as this process lives; None where another process has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _say(trouble: Trouble) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(trouble) + b"\n")
    sys.stdout.buffer.flush()
