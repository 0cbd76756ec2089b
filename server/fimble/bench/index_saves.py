"""How soon a saved file's new definition is found, one by one and thousands at once, in a copy of the tree."""

import asyncio
import os
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fimble.features.navigation.up_to_date import wait_until_ready
from fimble.index.client import IndexClient
from fimble.index.store.reader import Reader

FILES_MAX: Final = 8_000
BYTES_MAX: Final = 200 * 1024 * 1024
_POLL_S: Final = 0.001
_SAVE_TIMEOUT_S: Final = 10.0
_BURST_TIMEOUT_S: Final = 300.0
_BURST_PREFIX: Final = "fimble_burst_"
# Definitions in languages in which one line at the end of a file is one.
_DEFINITIONS: Final = {
    "python": "\ndef {}(): pass\n",
    "javascript": "\nfunction {}() {{}}\n",
    "typescript": "\nfunction {}() {{}}\n",
    "tsx": "\nfunction {}() {{}}\n",
    "go": "\nfunc {}() {{}}\n",
    "rust": "\nfn {}() {{}}\n",
    "c": "\nint {}(void) {{ return 0; }}\n",
    "cpp": "\nint {}() {{ return 0; }}\n",
    "ruby": "\ndef {}\nend\n",
    "lua": "\nfunction {}() end\n",
    "bash": "\n{}() {{ :; }}\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saves:
    """Times from the end of a write until a query sees what was written; `lost` were not seen in ten seconds."""

    n: int
    p50: float
    p95: float
    max: float
    lost: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """`files` were changed within `write_seconds`; `seconds` after the last write all but `lost` were seen."""

    files: int
    write_seconds: float
    seconds: float
    lost: int


def copy_files(root: Path, files: Sequence[tuple[str, str, int]], place: Path) -> list[tuple[Path, str]]:
    """Copies those files to which a definition can be added, up to a limit; returns where they are now."""
    copied: list[tuple[Path, str]] = []
    size = 0
    # A fixed seed, so that the same files are taken each time.
    mixed = [file for file in files if file[1] in _DEFINITIONS]
    random.Random(0).shuffle(mixed)  # noqa: S311 - nothing depends on it being hard to guess.
    for path, language, bytes_ in mixed[:FILES_MAX]:
        size += bytes_
        if size > BYTES_MAX:
            break
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
        copied.append((target, language))
    return copied


async def measure_saves(
    place: Path, folder: Path, files: Sequence[tuple[Path, str]], *, saves: int, burst: int
) -> tuple[Saves, Burst | None]:
    """Changes `files` in the copy at `place`, whose index is made in `folder` first."""
    client = IndexClient(place, folder=folder)
    reader = Reader(folder)
    await client.start()
    try:
        await wait_until_ready(client, reader)
        # The watcher begins to watch after the first build.
        await asyncio.sleep(2.0)
        times = [await _save(reader, files[number % len(files)], number) for number in range(saves if files else 0)]
        seen = sorted(time_s * 1000 for time_s in times if time_s is not None)
        if not seen:
            seen = [_SAVE_TIMEOUT_S * 1000]
        saved = Saves(
            n=saves,
            p50=seen[len(seen) // 2],
            p95=seen[min(int(len(seen) * 0.95), len(seen) - 1)],
            max=seen[-1],
            lost=times.count(None),
            files=len(files),
        )
        bursted = await _burst(reader, files[:burst]) if burst else None
    finally:
        reader.close()
        await client.stop()
    return saved, bursted


async def _save(reader: Reader, file: tuple[Path, str], number: int) -> float | None:
    path, language = file
    name = f"fimble_saved_{number}"
    content = path.read_bytes() + _DEFINITIONS[language].format(name).encode()
    # Editors do both: write over the file, or put another one in its place.
    _write(path, content, is_atomic=number % 2 == 0)
    began_s = time.perf_counter()
    while time.perf_counter() - began_s < _SAVE_TIMEOUT_S:
        if reader.paths_of(reader.defining(name, 1)):
            return time.perf_counter() - began_s
        await asyncio.sleep(_POLL_S)
    return None


async def _burst(reader: Reader, files: Sequence[tuple[Path, str]]) -> Burst:
    began_s = time.perf_counter()
    for number, (path, language) in enumerate(files):
        _write(path, path.read_bytes() + _DEFINITIONS[language].format(_BURST_PREFIX + str(number)).encode())
    written_s = time.perf_counter()
    seen, last_s = 0, written_s
    while seen < len(files) and time.perf_counter() - written_s < _BURST_TIMEOUT_S:
        await asyncio.sleep(0.05)
        now = len(reader.names_starting(_BURST_PREFIX, len(files) + 1))
        if now > seen:
            seen, last_s = now, time.perf_counter()
    return Burst(
        files=len(files), write_seconds=written_s - began_s, seconds=last_s - written_s, lost=len(files) - seen
    )


def _write(path: Path, content: bytes, *, is_atomic: bool = False) -> None:
    if is_atomic:
        new = path.with_name(path.name + ".tmp")
        new.write_bytes(content)
        os.replace(new, path)
    else:
        path.write_bytes(content)
