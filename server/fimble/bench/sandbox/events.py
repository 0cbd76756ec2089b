"""Ends the process when the interpreter is about to do what an answer to an exercise has no use for.

The interpreter's audit events catch what is done by ordinary means, on every system, and say what it was. They are no
wall against code that is written to get around them; that is what the kernel's layers are for.
"""

import os
import sys
from collections.abc import Callable
from typing import Final

FORBIDDEN_STATUS: Final = 77
_FORBIDDEN: Final = ("socket.", "subprocess.", "ctypes.", "pty.", "os.exec", "os.spawn", "os.posix_spawn", "os.fork")
_FORBIDDEN_NAMES: Final = frozenset(
    {"os.system", "os.kill", "os.killpg", "os.startfile", "_thread.start_new_thread", "signal.pthread_kill"}
)
# Events whose first argument is a path that would be changed.
_CHANGES: Final = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"}
)
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def guard_events(folder: str) -> None:
    """Ends this process with `FORBIDDEN_STATUS` at the first forbidden event, for good; `folder` may be written to."""
    sys.addaudithook(_hook(os.path.realpath(folder), os.path.realpath, os._exit))


def _hook(
    folder: str, real_path: Callable[[str], str], leave: Callable[[int], object]
) -> Callable[[str, tuple[object, ...]], None]:
    # Bound here, so that an answer that replaces functions of `os` changes nothing.
    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _FORBIDDEN_NAMES or event.startswith(_FORBIDDEN):
            leave(FORBIDDEN_STATUS)
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and not is_inside(path):
                leave(FORBIDDEN_STATUS)
        elif event in _CHANGES and not is_inside(arguments[0]):
            leave(FORBIDDEN_STATUS)

    def is_inside(path: object) -> bool:
        if isinstance(path, int):
            return True
        if isinstance(path, bytes):
            path = path.decode("utf-8", "surrogateescape")
        return isinstance(path, str) and (real_path(path) + "/").startswith(folder + "/")

    return hook
