"""`fimble stats`: what became of the suggestions on this machine."""

import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fimble.errors import FolderUnusable

if TYPE_CHECKING:
    from fimble.features.acceptance.summary import Summary

_NOTHING = "There are no statistics yet: they begin with the first suggestion in an editor, and stay on this machine."


def run(
    days: Annotated[int, typer.Option(min=1, max=180, help="How many days to look back.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all statistics, and what was learnt.")] = False,
) -> None:
    """Tell how many suggestions were shown, accepted and kept. All of it stays on this machine."""
    # Keeps `fimble --help` fast.
    from fimble.cli import stats_report  # noqa: PLC0415
    from fimble.features.acceptance.store import statistics_file  # noqa: PLC0415

    path = statistics_file()
    if reset:
        _reset(path)
        if as_json:
            _print_json({"reset": True, "database": os.fspath(path)})
        else:
            typer.echo("The statistics are empty, and nothing is learnt.")
        return
    summary = _read(path, days)
    if as_json:
        _print_json(stats_report.to_json(summary, path))
    elif not path.exists():
        typer.echo(_NOTHING)
    else:
        page = stats_report.Page(is_plain=not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR")))
        typer.echo("\n".join(page.lines(summary, path)))


def _read(path: Path, days: int) -> "Summary":
    from fimble.features.acceptance.store import Store, is_broken  # noqa: PLC0415
    from fimble.features.acceptance.summary import summarise  # noqa: PLC0415

    try:
        # Looking makes no file.
        store = Store.open(path) if path.exists() else Store.in_memory()
        try:
            return summarise(store, days, time.time())
        finally:
            store.close()
    except sqlite3.Error as error:
        advice = "to begin anew, run: fimble stats --reset" if is_broken(error) else "try again later"
        raise FolderUnusable(f"The statistics in {path} cannot be read ({error}); {advice}") from error
    except OSError as error:
        raise FolderUnusable(f"The statistics in {path} cannot be read ({error.strerror}).") from error


def _reset(path: Path) -> None:
    """Empties the database, which open windows go on using; one that is broken is deleted."""
    from fimble.features.acceptance.store import Store, is_broken, remove  # noqa: PLC0415

    if not path.exists():
        return
    try:
        try:
            store = Store.open(path)
        except sqlite3.Error as error:
            if not is_broken(error):
                raise
            remove(path)
            return
        try:
            store.reset()
        finally:
            store.close()
    except (sqlite3.Error, OSError) as error:
        raise FolderUnusable(f"The statistics in {path} cannot be emptied ({error}); remove that file.") from error


def _print_json(result: dict[str, Any]) -> None:
    typer.echo(msgspec.json.encode(result).decode())
