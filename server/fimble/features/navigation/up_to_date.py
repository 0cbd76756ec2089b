"""Waits until the index of a workspace is up to date, for commands and benchmarks; editors need not wait.

The index process does the work, the same one that a language server runs; if one runs already, it is waited for.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from fimble.errors import IndexUnavailable
from fimble.index.client import IndexClient
from fimble.index.store.progress import Progress, Stage
from fimble.index.store.reader import Reader

_POLL_S: Final = 0.05
# Without any news for so long, something is wrong.
_SILENCE_S: Final = 120.0

OnProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Does nothing with how far an index is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An index that is up to date. `is_others` says that another process, an editor's, made it so."""

    progress: Progress
    seconds: float
    is_others: bool


async def bring_up_to_date(
    root: Path, on_progress: OnProgress, *, folder: Path | None = None, poll_s: float = _POLL_S
) -> Built:
    """Starts the index process, waits until all symbols are known and all words can be searched, and ends it.

    Raises:
        IndexUnavailable: the index cannot be written, or does not get on.
    """
    began_s = time.monotonic()
    trouble: list[str] = []
    client = IndexClient(root, folder=folder, on_trouble=trouble.append)
    reader = Reader(client.folder)
    await client.start()
    try:
        progress, is_others = await wait_until_ready(client, reader, on_progress, trouble=trouble, poll_s=poll_s)
        return Built(progress=progress, seconds=time.monotonic() - began_s, is_others=is_others)
    finally:
        reader.close()
        await client.stop()


async def wait_until_ready(
    client: IndexClient,
    reader: Reader,
    on_progress: OnProgress = ignore_progress,
    *,
    trouble: Sequence[str] = (),
    poll_s: float = _POLL_S,
) -> tuple[Progress, bool]:
    """Waits for a process to say that all is known; returns its words, and whether it is another window's.

    Raises:
        IndexUnavailable: there is a message in `trouble`, or nothing has happened for long.
    """
    last, heard_s = Progress(), time.monotonic()
    is_others = False
    while True:
        # Reading takes less than a millisecond, and nothing else happens in this process.
        progress = reader.progress()
        # What a process wrote that has ended says nothing about the files as they are now.
        is_alive = progress.pid > 0 and psutil.pid_exists(progress.pid)
        is_others = is_others or (is_alive and not client.is_owner)
        if is_alive and progress != last:
            last, heard_s = progress, time.monotonic()
            on_progress(progress)
        is_all = not (progress.wordless or progress.to_parse or progress.to_read)
        if is_alive and progress.stage is Stage.READY and is_all:
            return progress, is_others
        if trouble and trouble[-1]:
            raise IndexUnavailable(trouble[-1])
        if time.monotonic() - heard_s > _SILENCE_S:
            raise IndexUnavailable("The index does not get on; try: fimble index build --rebuild")
        await asyncio.sleep(poll_s)
