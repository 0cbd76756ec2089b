"""Notices that the editor is gone although it never said so, so that no server outlives its window."""

import asyncio
from collections.abc import Callable
from typing import Final

import psutil

_INTERVAL_S: Final = 2.0

IsAlive = Callable[[], bool]


def watch_process(process_id: int) -> IsAlive | None:
    """Returns a test whether the process still runs, or None where it cannot be seen from here.

    An editor in another container sends an id that means nothing on this side; its end shows as the end of
    our input instead.
    """
    try:
        process = psutil.Process(process_id)
    except (psutil.Error, ValueError, OverflowError):
        return None

    def is_alive() -> bool:
        try:
            # A new process with the same number has another start time, which is_running() compares.
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    return is_alive


async def wait_for_end(is_alive: IsAlive, interval_s: float = _INTERVAL_S) -> None:
    """Returns once the process is gone."""
    while is_alive():  # noqa: ASYNC110 - no event tells about a process that is not our child.
        await asyncio.sleep(interval_s)
