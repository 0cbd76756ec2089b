"""How the progress of work with bytes is shown: a bar, lines of text, or lines of JSON."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator

import typer

from fimble.cli.output import write_json
from fimble.models.memory import human
from fimble.models.progress import Progress, silent

# How often a line of progress is printed: for people without a terminal, and for a program that reads it.
_LINE_INTERVAL_S = 5.0
_JSON_INTERVAL_S = 0.2


@contextlib.contextmanager
def shown(quiet: bool) -> Iterator[Progress]:
    """Shows progress on standard error: a bar on a terminal, a line every few seconds elsewhere."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield progress
    else:
        yield _lines()


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)

        def progress(done_bytes: int, total_bytes: int, what: str) -> None:
            bar.update(task, completed=done_bytes, total=total_bytes, description=what)

        yield progress


def _lines() -> Progress:
    last_s = time.monotonic()

    def progress(done_bytes: int, total_bytes: int, what: str) -> None:
        nonlocal last_s
        now = time.monotonic()
        if now - last_s >= _LINE_INTERVAL_S:
            last_s = now
            typer.echo(f"{what}: {human(done_bytes)} of {human(total_bytes)}", err=True)

    return progress


@contextlib.contextmanager
def json_lines() -> Iterator[Progress]:
    """Prints a line of JSON now and then, for the program that started this one; ends with it."""
    last_s = 0.0
    last_what = ""
    parent = os.getppid()

    def progress(done_bytes: int, total_bytes: int, what: str) -> None:
        nonlocal last_s, last_what
        now = time.monotonic()
        if what == last_what and now - last_s < _JSON_INTERVAL_S:
            return
        last_s, last_what = now, what
        if os.getppid() != parent:
            # The language server that started this is gone, and nobody reads any more.
            signal.raise_signal(signal.SIGTERM)
            return
        write_json({"done": done_bytes, "total": total_bytes, "what": what})

    yield progress
