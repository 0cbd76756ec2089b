"""A private place for engines, so that no test meets the user's own engine, settings or logs."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from fimble import folders

# A shell that runs the suite in the background ignores Ctrl-C, and so would every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The suite tries the same examples each time, so that a red run is about the change at hand. With FIMBLE_TEST_RANDOM
# set it tries others: for an evening, and for whoever changes a parser.
settings.register_profile("fimble", derandomize="FIMBLE_TEST_RANDOM" not in os.environ)
settings.load_profile("fimble")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The runtime folder of a user of its own; engines that a test leaves behind are killed."""
    # Not below tmp_path, whose name may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="fimble-") as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("FIMBLE_CONFIG", str(tmp_path / "config.toml"))
        folder = folders.make_private(folders.runtime_folder())
        yield folder
        for pid in engines_in(folder):
            os.kill(pid, signal.SIGKILL)


def engines_in(folder: Path) -> list[int]:
    """Returns the pids of the engine processes whose runtime folder is `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        command, environment = process.info["cmdline"] or [], process.info["environ"] or {}
        if process.info["status"] == psutil.STATUS_ZOMBIE or "engine" not in command or "run" not in command:
            continue
        if environment.get("XDG_RUNTIME_DIR") == str(folder.parent):
            found.append(process.pid)
    return found
