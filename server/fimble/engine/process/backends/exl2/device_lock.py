"""One engine per graphics card on the whole machine, whoever's it is: two would take each other's memory.

A lock of the kernel's on a file in /tmp, which ends with the process that holds it, however that ends. The file stays:
were it removed, one process could hold the old file while another one holds a new one of the same name.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fimble.errors import ModelRefused

LOCK_FOLDER: Final = Path("/tmp")  # noqa: S108 - TMPDIR differs between users, and they must meet.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]")
_TRIES: Final = 20
_POLL_S: Final = 0.05


class DeviceLock:
    """The right to use one card, held from `lock_device` on until `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the card back; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_device(uuid: str, name: str = "", folder: Path = LOCK_FOLDER) -> DeviceLock:
    """Takes the card with this uuid for this process.

    Args:
        uuid: As `nvidia-smi` says it; index numbers differ from process to process.
        name: The card's name, for the message.
        folder: Where all users meet.

    Raises:
        ModelRefused: another engine uses the card, or the lock's file cannot be used.
    """
    path = folder / f"fimble-gpu-{_UNSAFE.sub('-', uuid) or 'unknown'}.lock"
    card = f"The card {name or uuid}"
    try:
        descriptor = _open(path)
    except OSError as error:
        raise ModelRefused(
            f"{card} cannot be reserved, since {path} cannot be opened ({error.strerror}); remove that file, or ask "
            "its owner to."
        ) from error
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ModelRefused(f"{card} cannot be reserved, since {path} is no file; remove it, or ask its owner to.")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(descriptor, status)
            by = f"process {holder}" if holder else "another process"
            raise ModelRefused(
                f"{card} is used by another engine of Fimble ({by}); stop that one (fimble engine stop), or choose "
                "another card with CUDA_VISIBLE_DEVICES."
            ) from error
        # Only its owner may write to the file; others rely on what the kernel tells of its locks.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        stack.pop_all()
    return DeviceLock(descriptor)


def _open(path: Path) -> int:
    # O_NONBLOCK, since somebody may have put a pipe there, which is waited for otherwise.
    flags = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    for attempt in range(_TRIES):
        try:
            return os.open(path, os.O_RDWR | flags)
        except FileNotFoundError:
            # Never O_CREAT on a file that may be there: in a sticky folder Linux forbids that for another user's
            # file (fs.protected_regular), even for root.
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, 0o644)
                os.fchmod(descriptor, 0o644)  # Whatever the umask says, others must be able to open it.
                return descriptor
        except PermissionError:
            try:
                return os.open(path, os.O_RDONLY | flags)
            except PermissionError:
                # Its owner has just made it and not opened it to others yet.
                if attempt == _TRIES - 1:
                    raise
                time.sleep(_POLL_S)
    raise OSError(errno.EAGAIN, "it comes and goes")


def _holder(descriptor: int, status: os.stat_result) -> int | None:
    """Returns the process that holds the lock, as the kernel or else the file says; None where neither does."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            # For example "3: FLOCK  ADVISORY  WRITE 4711 fd:01:1835039 0 EOF" (proc(5)).
            words = line.split()
            if words[1] == "FLOCK" and words[5] == device and int(words[4]) > 0:
                return int(words[4])
    with contextlib.suppress(OSError, ValueError):
        pid = int(os.pread(descriptor, 32, 0))
        if pid > 0:
            os.kill(pid, 0)
            return pid
    return None
