"""`fimble bench server`: what the language server adds to a suggestion, with an engine that answers at once."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from fimble.cli.interruptible import interruptible
from fimble.cli.output import told_errors, write_json


def server(
    workspace: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="A tree of source files, in which nothing is changed; made up otherwise.",
            file_okay=False,
            exists=True,
        ),
    ] = None,
    *,
    files: Annotated[int, typer.Option(help="How many files are made up.", min=3)] = 10_000,
    keys: Annotated[int, typer.Option(help="How many keys are typed in each phase.", min=1)] = 500,
    gap: Annotated[int, typer.Option(help="Milliseconds between two keys, at least.", min=0)] = 60,
    runs: Annotated[int, typer.Option(help="How often all of it is done; medians are told.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Decides what is in the files, and where is typed.")] = 1,
    building: Annotated[
        bool, typer.Option("--building/--no-building", help="Measure also while the index is built.")
    ] = True,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Keeps the files and their index here, for the next time; temporary otherwise.", file_okay=False
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Writes a report into this folder.", file_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Type in long files of a workspace with its index, and measure the time to the reply without a model."""
    from fimble.bench.server_latency import Wishes, measure  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.server_latency_report import result_of, table, write_report  # noqa: PLC0415

    wishes = Wishes(
        files=files, keys=keys, gap_s=gap / 1000, seed=seed, runs=runs, is_building_measured=building, folder=folder
    )
    root = None if workspace is None else workspace.resolve()

    def tell(step: str) -> None:
        typer.echo(step, err=True)

    started = time.time()
    with told_errors(json=as_json), interruptible():
        result = result_of(asyncio.run(measure(root, wishes, on_step=tell)), wishes, root, started=started)
        if out is not None:
            write_report(out, result)
    if as_json:
        write_json(result)
        return
    for line in table(result):
        typer.echo(line)
