"""What shuts a process in: namespaces, files that cannot be written, limits, and calls that end the process.

Each layer is used where the system has it; what is in force is told, so that a result can say so. Standard library
only: the process that runs this is started for code that nobody has read.
"""

import ctypes
import os
import platform
import resource
import sys
from dataclasses import dataclass
from typing import Any, Final

# linux/sched.h and linux/mount.h.
_NEW_MOUNTS: Final = 0x00020000
_NEW_NAMES: Final = 0x04000000
_NEW_IPC: Final = 0x08000000
_NEW_USER: Final = 0x10000000
_NEW_PIDS: Final = 0x20000000
_NEW_NETWORK: Final = 0x40000000
_MOUNT_PRIVATE_RECURSIVE: Final = 0x40000 | 0x4000
_MOUNT_NO_SETUID_NO_DEVICES: Final = 2 | 4
_MOUNT_SETATTR: Final = 442
_AT_FOLDER: Final = -100
_AT_RECURSIVE: Final = 0x8000
_ATTRIBUTE_READ_ONLY_NO_SETUID: Final = 1 | 2
# linux/prctl.h, linux/capability.h.
_SET_PARENT_DEATH_SIGNAL: Final = 1
_SET_DUMPABLE: Final = 4
_SET_SECCOMP: Final = 22
_SET_NO_NEW_PRIVILEGES: Final = 38
_SECCOMP_FILTER: Final = 2
_CAPABILITY_VERSION: Final = 0x20080522
# linux/seccomp.h, linux/filter.h: a program for the kernel that looks at a system call's number.
_KILL_PROCESS: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_LOAD_WORD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_GREATER_OR_EQUAL: Final = 0x35
_RETURN: Final = 0x06
_X32_CALLS: Final = 0x40000000
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# What an answer to a programming exercise has no use for: processes and threads, sockets, other processes' memory and
# lives, mounts and namespaces, and ways around this very list. Numbers of asm/unistd.h of each architecture.
_FORBIDDEN: Final = {
    "x86_64": (
        29, 30, 41, 42, 49, 53, 56, 57, 58, 59, 62, 64, 68, 101, 129, 155, 161, 165, 166, 200, 234, 248, 249, 250, 272,
        297, 298, 304, 308, 310, 311, 321, 322, 323, 424, 425, 428, 429, 430, 434, 435, 438, 442,
    ),
    "aarch64": (
        39, 40, 41, 51, 97, 117, 129, 130, 131, 138, 186, 190, 194, 196, 198, 199, 200, 203, 217, 218, 219, 220, 221,
        240, 241, 265, 268, 270, 271, 280, 281, 282, 424, 425, 428, 429, 430, 434, 435, 438, 442,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one answer may use up.

    `guards_calls` and `guards_events` are the two lists of forbidden things, the kernel's and the interpreter's; tests
    turn one off to see that the other holds.
    """

    wall_s: float = 20.0
    cpu_s: int = 6
    memory_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 1024 * 1024
    folder_bytes: int = 16 * 1024 * 1024
    guards_calls: bool = True
    guards_events: bool = True


def enter_namespaces() -> list[str]:
    """Moves this process, and in full its later children, to namespaces of its own; returns what is in force.

    The first child is the first process of its namespace: when it ends, all others in it end too.
    """
    library = _library()
    if library is None:
        return []
    user, group = os.getuid(), os.getgid()
    wanted = _NEW_USER | _NEW_MOUNTS | _NEW_NAMES | _NEW_IPC | _NEW_PIDS | _NEW_NETWORK
    if library.unshare(wanted) != 0:
        return []
    try:
        for name, words in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(words)
    except OSError:
        # Without names for its users the namespace still has no network and no other processes.
        return ["own-processes", "no-network"]
    in_force = ["own-processes", "no-network"]
    if library.mount(None, b"/", None, _MOUNT_PRIVATE_RECURSIVE, None) == 0:
        attributes = (ctypes.c_uint64 * 4)(_ATTRIBUTE_READ_ONLY_NO_SETUID, 0, 0, 0)
        arguments = (_AT_FOLDER, b"/", _AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes))
        if library.syscall(_MOUNT_SETATTR, *arguments) == 0:
            in_force.append("read-only-files")
    return in_force


def has_call_guard() -> bool:
    """Tells whether the kernel can be given a list of forbidden system calls here."""
    return _library() is not None and platform.machine() in _FORBIDDEN


def end_with_parent() -> None:
    """Has the kernel end this process when its parent ends."""
    if (library := _library()) is not None:
        library.prctl(_SET_PARENT_DEATH_SIGNAL, 9, 0, 0, 0)


def own_folder(folder: str, limits: Limits) -> None:
    """Puts an empty folder in memory over `folder`, for this process alone, and makes it the current one.

    Where the system does not allow that, `folder` itself is the current one.
    """
    library = _library()
    if library is not None and library.unshare(_NEW_MOUNTS) == 0:
        words = f"size={limits.folder_bytes},nr_inodes=1000,mode=700".encode()
        library.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _MOUNT_NO_SETUID_NO_DEVICES, words)
    os.chdir(folder)


def limit(limits: Limits) -> None:
    """Sets the kernel's limits for this process; they cannot be raised again."""
    processes = getattr(resource, "RLIMIT_NPROC", None)
    for kind, amount in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        # Counts all of the user's processes, so that one more is one too many; the superuser is exempt.
        (processes, 1),
    ):
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)  # noqa: PLW2901
        try:
            resource.setrlimit(kind, (amount, amount))
        except (OSError, ValueError):
            # macOS takes no limit on memory below what is mapped already.
            continue


def drop_rights(*, guards_calls: bool) -> None:
    """Gives up what the namespace allows, and the forbidden system calls, for good."""
    library = _library()
    if library is None:
        return
    library.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    library.capset(ctypes.byref(header), ctypes.byref(nothing))
    if guards_calls and has_call_guard():
        _forbid_calls(library)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def _forbid_calls(library: Any) -> None:
    machine = platform.machine()
    calls = _FORBIDDEN[machine]
    # The number is the first word of what the kernel shows, the architecture the second.
    rows = [(_LOAD_WORD, 0, 0, 4), (_JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]), (_RETURN, 0, 0, _KILL_PROCESS)]
    rows += [(_LOAD_WORD, 0, 0, 0), (_JUMP_IF_GREATER_OR_EQUAL, len(calls) + 1, 0, _X32_CALLS)]
    rows += [(_JUMP_IF_EQUAL, len(calls) - number, 0, call) for number, call in enumerate(calls)]
    rows += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _KILL_PROCESS)]
    instructions = (_Instruction * len(rows))(*(_Instruction(*row) for row in rows))
    program = _Program(len(rows), instructions)
    if library.prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0) != 0:
        # It was announced, so that going on without it would be a lie.
        os._exit(70)


def _library() -> Any:
    """Returns the C library, or None on a system whose calls are others."""
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
