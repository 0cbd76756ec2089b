"""A private place for an engine, and the engine in it, started by its first client as in real life."""

import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from fimble import folders
from fimble.engine.client.engine import Engine


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


MakeEngine = Callable[..., Engine]


@pytest.fixture
async def make_engine(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeEngine]:
    """Makes clients of the scripted engine; `script` is what the engine writes, see the scripted backend."""
    engines: list[Engine] = []

    def make(script: dict[str, object] | None = None, *options: str) -> Engine:
        if script is not None:
            file = tmp_path / "script.json"
            file.write_bytes(msgspec.json.encode(script))
            monkeypatch.setenv("FIMBLE_SCRIPT", str(file))
        command = [sys.executable, "-m", "fimble", "engine", "run", "--model", "scripted", *options]
        engine = Engine(place, model="scripted", client="test", command=command)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        await engine.close()
