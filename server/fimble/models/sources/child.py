"""A child process that downloads: it is watched through what it writes, and ends when we say so.

Downloads run in children because the libraries that do them can be neither cancelled nor held to a deadline:
a name lookup or a connect may block for minutes. A child can always be killed.
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fimble.models.disk import files_below

_LOG_BYTES_MAX = 1 << 20
_WAIT_S = 5.0
_PREFIX = "child-"


class Child:
    """One running download.

    All that the child prints goes to a log file in a folder of its own; its temporary files go there too,
    which makes their growth visible and keeps them on the disk that was asked for space. `{folder}` in the
    command stands for that folder.
    """

    def __init__(self, command: Sequence[str], parent: Path, environment: Mapping[str, str]) -> None:
        """Starts `command` in a new folder below `parent`."""
        # Always a new one: a child that outlived a killed parent may still be writing into its own.
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        temporary = self.folder / "temporary"
        temporary.mkdir(mode=0o700)
        self._log = self.folder / "log"
        self._log_size = 0
        self._size = -1
        self.started_s = time.monotonic()
        self.grew_s = self.started_s
        self.first_word_s: float | None = None
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches us alone, a kill reaches grandchildren too.
            self._process = subprocess.Popen(
                [word.replace("{folder}", str(self.folder)) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # The working folder of a language server is someone's workspace; a safe path keeps a `pip.py`
                # in it from being run as pip.
                env={**environment, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"},
                start_new_session=True,
                umask=0o077,
            )

    def look(self, extra: Path | None = None) -> int:
        """Notes growth, and returns how many bytes the child has written in its folder and to `extra`."""
        now = time.monotonic()
        log_size = _size(self._log)
        size = sum(size for path, size in files_below(self.folder) if path != self._log)
        if extra is not None:
            size += _size(extra)
        if log_size and self.first_word_s is None:
            self.first_word_s = now
        if size != self._size or log_size != self._log_size:
            self.grew_s = now
        self._size, self._log_size = size, log_size
        return size

    def log(self) -> str:
        """Returns what the child has printed, at most a megabyte of it from the end."""
        with self._log.open("rb") as log:
            log.seek(max(0, _size(self._log) - _LOG_BYTES_MAX))
            return log.read().decode("utf-8", "replace")

    def status(self) -> int | None:
        """Returns the exit status, or None while the child runs."""
        return self._process.poll()

    def kill(self) -> None:
        """Ends the child and all it has started, and removes its folder; harmless when it has ended."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=_WAIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def clear_leftovers(parent: Path) -> None:
    """Removes the folders of children whose parent was killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _size(path: Path) -> int:
    """Returns a file's size; folders, links and files that vanish meanwhile count nothing."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
