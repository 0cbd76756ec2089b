"""Runs git so that the repository it looks at cannot run anything: no hooks, no file system monitor, no transport.

Commands that compare contents (`status`, `diff-files`, `ls-files --modified`) run the filters that a repository's
configuration names, and nothing can switch all of those off: they are not used here at all.
"""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

TIMEOUT_S: Final = 20.0
OUTPUT_BYTES_MAX: Final = 256 * 1024 * 1024
_READ_BYTES: Final = 1024 * 1024
_SETTINGS: Final = (
    "core.fsmonitor=false",  # Names a program that git asks what has changed.
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "log.showSignature=false",  # Runs gpg.program.
    "maintenance.auto=false",
)
# What an editor or a hook left in the environment would send git to another repository.
_KEPT_VARIABLES: Final = frozenset({"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH"})
_OWN_VARIABLES: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    # A partial clone fetches what it misses, from an address and with a program that its configuration names.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class GitOutput:
    """What git wrote; `is_complete` is False when it failed, took too long or wrote too much."""

    data: bytes
    is_complete: bool


def run_git(
    arguments: Sequence[str],
    folder: str,
    *,
    program: str | None = None,
    environment: Mapping[str, str] = os.environ,
    timeout_s: float = TIMEOUT_S,
    output_bytes_max: int = OUTPUT_BYTES_MAX,
) -> GitOutput:
    """Runs a git command in `folder` and returns what it wrote, in any case after `timeout_s`."""
    program = program or _find_git(folder, environment)
    if program is None:
        return GitOutput(b"", is_complete=False)
    command = [program, "--no-pager", *(part for setting in _SETTINGS for part in ("-c", setting)), *arguments]
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return GitOutput(b"", is_complete=False)
    deadline_s = time.monotonic() + timeout_s
    try:
        data, is_whole = _read(process, deadline_s, output_bytes_max)
        code = process.wait(max(deadline_s - time.monotonic(), 0.01)) if is_whole else None
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _end(process)
    return GitOutput(data, is_complete=code == 0)


def _read(process: subprocess.Popen[bytes], deadline_s: float, output_bytes_max: int) -> tuple[bytes, bool]:
    assert process.stdout is not None  # noqa: S101 - for the type checker; it was asked for.
    descriptor = process.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    pieces: list[bytes] = []
    size = 0
    while size <= output_bytes_max:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            break
        piece = os.read(descriptor, _READ_BYTES)
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        try:
            # The group, because git may have started programs of its own.
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _find_git(folder: str, environment: Mapping[str, str]) -> str | None:
    """Returns the path of git, but never of a program that lies in the folder it is to look at."""
    absolute = [entry for entry in environment.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(entry)]
    program = shutil.which("git", path=os.pathsep.join(absolute))
    if program is None or os.path.realpath(program).startswith(os.path.realpath(folder).rstrip("/") + "/"):
        return None
    return program


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or name in _KEPT_VARIABLES or name.startswith("GIT_CONFIG")
    }
    return kept | _OWN_VARIABLES
