"""What commands print besides their text: JSON, and errors as sentences."""

import contextlib
import sys
from collections.abc import Iterator

import msgspec
import typer

from fimble.errors import FimbleError


@contextlib.contextmanager
def told_errors(json: bool = False, progress_json: bool = False) -> Iterator[None]:
    """Turns an error into a sentence on standard error, JSON where that was asked for, and status 1."""
    try:
        yield
    except (FimbleError, OSError) as error:
        message = str(error)
        if progress_json:
            write_json({"result": "failed", "message": message})
        elif json:
            write_json({"error": message})
        typer.echo(f"fimble: {message}", err=True)
        raise typer.Exit(1) from error


def write_json(words: object) -> None:
    """Prints one JSON object on a line of its own."""
    sys.stdout.write(msgspec.json.encode(words).decode() + "\n")
    sys.stdout.flush()
