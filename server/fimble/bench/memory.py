"""How much memory the processes that this one started have together, looked at every few milliseconds."""

import threading
import time
from types import TracebackType
from typing import Final, Self

import psutil

_INTERVAL_S: Final = 0.05
# Looking for new processes reads all of /proc, so it is done less often.
_LOOKS_PER_SEARCH: Final = 4


class MemoryWatch:
    """Watches for the length of a `with` block; `peak_bytes` counts pages that processes share once for each."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        processes: list[psutil.Process] = []
        look = 0
        while not self._is_over.is_set():
            began_s = time.monotonic()
            if look % _LOOKS_PER_SEARCH == 0:
                processes = own.children(recursive=True)
            look += 1
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, processes)))
            self._is_over.wait(max(_INTERVAL_S - (time.monotonic() - began_s), 0.001))


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
