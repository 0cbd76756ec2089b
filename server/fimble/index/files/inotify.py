"""The kernel's inotify (Linux only), without a thread and without recursion.

The standard library has no binding for it, and what packages there are do not tell when events were lost.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

# From linux/inotify.h.
CLOSE_WRITE: Final = 0x8
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
DELETE_SELF: Final = 0x400
MOVE_SELF: Final = 0x800
UNMOUNT: Final = 0x2000
OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
IS_FOLDER: Final = 0x40000000
_ONLY_FOLDERS: Final = 0x01000000
_NO_LINKS: Final = 0x02000000
_NO_UNLINKED: Final = 0x04000000

_WATCHED: Final = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | _ONLY_FOLDERS | _NO_LINKS | _NO_UNLINKED
_SELF: Final = DELETE_SELF | MOVE_SELF
_HEADER: Final = struct.Struct("iIII")
# A full queue of 16,384 events fits.
_READ_BYTES: Final = 1024 * 1024
_LIMIT_FILE: Final = Path("/proc/sys/fs/inotify/max_user_watches")


class Event(NamedTuple):
    """An event: the number of the watch (-1: none), what happened, and to which name in the watched folder."""

    watch: int
    mask: int
    name: bytes


class Inotify:
    """An inotify instance; reading does not block."""

    def __init__(self) -> None:
        """Opens an instance.

        Raises:
            OSError: the kernel has no inotify, or the user has too many instances open.
        """
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            self.descriptor: Final = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        except AttributeError as error:
            raise OSError(errno.ENOSYS, "This system has no inotify.") from error

    def add(self, folder: str, *, is_root: bool = False) -> int:
        """Watches a folder, and of the root also whether it goes away; returns the number of the watch.

        Raises:
            OSError: there is no such folder, it is a link, or (ENOSPC) the user has no watches left.
        """
        mask = _WATCHED | (_SELF if is_root else 0)
        return self._checked(self._libc.inotify_add_watch(self.descriptor, os.fsencode(folder), mask))

    def remove(self, watch: int) -> None:
        """Stops a watch, if it is still there."""
        self._libc.inotify_rm_watch(self.descriptor, watch)

    def read(self) -> Iterator[Event]:
        """Returns the events that have happened, none if there are none."""
        try:
            data = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        at, size, header = 0, len(data), _HEADER.size
        unpack = _HEADER.unpack_from
        while at < size:
            watch, mask, _, length = unpack(data, at)
            at += header + length
            yield Event(watch, mask, data[at - length : at].rstrip(b"\0"))

    def close(self) -> None:
        """Ends all watches."""
        os.close(self.descriptor)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def watches_max() -> int:
    """Returns how many folders the user's programs may watch in all."""
    try:
        return int(_LIMIT_FILE.read_text("ascii"))
    except (OSError, ValueError):
        return 8192
