"""Notices changes by listing again and again, for where no events come or not all of them."""

import threading
import time
from collections.abc import Callable
from typing import Final

from fimble.index.files.changes import Batch
from fimble.index.files.ignoring import Rules
from fimble.index.files.listing import list_files

INTERVAL_MIN_S: Final = 2.0
INTERVAL_MAX_S: Final = 60.0
# Listing may take this part of the time at most.
_DUTY: Final = 1 / 20


class Poller:
    """Lists a workspace in a thread of its own and tells what has changed since the last time."""

    def __init__(
        self,
        rules: Rules,
        on_batch: Callable[[Batch], None],
        *,
        interval_min_s: float = INTERVAL_MIN_S,
    ) -> None:
        self._rules = rules
        self._on_batch = on_batch
        self._interval_min_s = interval_min_s
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fimble-poller", daemon=True)

    def start(self) -> None:
        """Starts to watch; what changes after `wait_ready` is told."""
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits until the first listing is done, and returns whether it is."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """Ends the thread, which may take as long as a listing."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=INTERVAL_MAX_S)

    def _run(self) -> None:
        before: dict[str, tuple[int, int, int]] | None = None
        while not self._stopping.is_set():
            start_s = time.monotonic()
            self._rules.reload()
            now = {entry.path: (entry.size, entry.mtime_ns, entry.inode) for entry in list_files(self._rules).files}
            if before is not None and now != before:
                changed = before.items() ^ now.items()
                self._on_batch(Batch(paths=frozenset(path for path, _ in changed)))
            before = now
            self._ready.set()
            cost_s = time.monotonic() - start_s
            self._stopping.wait(min(max(self._interval_min_s, cost_s / _DUTY), INTERVAL_MAX_S))
