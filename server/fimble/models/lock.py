"""One download or removal of a model at a time, across processes."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fimble.errors import DownloadCancelled, ModelRefused

_POLL_S = 0.1


@contextmanager
def lock_model(
    folder: Path, waiting: Callable[[], None] | None = None, cancelled: threading.Event | None = None
) -> Iterator[None]:
    """Holds the lock of the model whose files lie in `folder`.

    The lock is a file beside the folder that is never removed: were it removed, one process could hold the
    old file while another one holds a new file of the same name. The kernel drops the lock when its holder
    dies.

    Args:
        folder: The model's folder, which need not exist; its parent does.
        waiting: Called once when another process holds the lock; without it nobody waits.
        cancelled: Ends the wait.

    Raises:
        ModelRefused: another process holds the lock and nobody waits.
        DownloadCancelled: the wait was ended.
    """
    locks = folder.parent / ".locks"
    locks.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(locks / folder.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _try_lock(descriptor):
            if waiting is None:
                raise ModelRefused(f"The model {folder.name} is being downloaded; wait for that to end, or stop it.")
            waiting()
            while not _try_lock(descriptor):
                if cancelled is not None and cancelled.is_set():
                    raise DownloadCancelled("The wait for the other download was stopped.")
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
