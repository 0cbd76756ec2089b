"""llama.cpp in a process of its own, for what Fimble's engine is compared with: same library, same threads."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

import psutil

from fimble.errors import EngineUnavailable

_LOAD_TIMEOUT_S: Final = 300.0
_END_TIMEOUT_S: Final = 10.0
_READY: Final = b"ready"
# Threads that wait sleep, as in Fimble's own engine.
_ENVIRONMENT: Final = {"GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


@contextlib.asynccontextmanager
async def llama_process(
    module: str, arguments: Sequence[str], settings: bytes, *, log: Path, what: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs a Python module with llama.cpp in it for the length of a block.

    The module gets `settings` as the first line of its input, says `ready` in a line, and ends with its input. `what`
    is what the process is for, in errors.

    Raises:
        EngineUnavailable: it does not start.
    """
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", module, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
            env=_environment(),
            # A Ctrl-C is for us, who end the process in order.
            start_new_session=True,
        )
    try:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they were asked for.
        process.stdin.write(settings + b"\n")
        try:
            async with asyncio.timeout(_LOAD_TIMEOUT_S):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if line.strip() != _READY:
            raise EngineUnavailable(f"llama.cpp does not start for {what}: {_last_line(log)}")
        yield process
    finally:
        await _end(process)


def engine_threads() -> int:
    """Returns how many threads Fimble's own engine computes with: the physical cores this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed))


def _last_line(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the process, which ends itself with its input, unless it computes."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_TIMEOUT_S):
                await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    await process.wait()


def _environment() -> dict[str, str]:
    environment = {**os.environ, **_ENVIRONMENT}
    folder = None if find_library("gomp") else _bundled_openmp()
    if folder is not None:
        paths = [path for path in environment.get("LD_LIBRARY_PATH", "").split(os.pathsep) if path]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join([*paths, folder])
    return environment


def _bundled_openmp() -> str | None:
    """Returns the folder of the wheel that stands in for libgomp, as for Fimble's own engine (cli/openmp.py)."""
    with contextlib.suppress(PackageNotFoundError):
        for file in files("cmeel-libomp") or ():
            if file.name == "libgomp.so.1":
                return os.fspath(Path(str(file.locate())).parent)
    return None
