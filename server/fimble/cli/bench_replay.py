"""`fimble bench replay`: somebody types the same text with Fimble and with llama.vim's policy."""

import asyncio
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fimble.cli.interruptible import interruptible
from fimble.cli.output import told_errors
from fimble.cli.settings import read_settings
from fimble.errors import SettingsInvalid


class Part(StrEnum):
    """A part of the data."""

    TEST = "test"
    """What results are reported on."""
    DEV = "dev"
    """What settings may be tuned on."""


def replay(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            help="A folder of recordings to replay too, or one with a subfolder edit-recordings; "
            "FIMBLE_BENCH_DATA by default.",
            file_okay=False,
            exists=True,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A Python file to type in, rather than Fimble's own modules.", dir_okay=False, exists=True),
    ] = None,
    split: Annotated[Part, typer.Option(help="Which part of the text is typed.")] = Part.TEST,
    speed: Annotated[float, typer.Option(help="Below 1 the typist is slower.", min=0.01, max=100)] = 1.0,
    seconds: Annotated[float, typer.Option(help="Seconds of typing per system and run, at normal speed.")] = 130,
    runs: Annotated[int, typer.Option(help="How often all of it is typed; medians are told.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Decides which places are typed.")] = 0,
    model: Annotated[str, typer.Option(help="Another model than the configured one: a name, or a .gguf file.")] = "",
    out: Annotated[Path | None, typer.Option(help="Writes a report into this folder.", file_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Type the same text with Fimble and with llama.vim's policy: what is on the screen in time, and at what cost."""
    from fimble.bench.replay.measure import measure  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.replay.plan import make_plan  # noqa: PLC0415
    from fimble.bench.replay.report import result_of, table, write_report  # noqa: PLC0415

    def tell(step: str) -> None:
        typer.echo(step, err=True)

    started, load = time.time(), os.getloadavg()
    with told_errors(json=as_json), interruptible():
        plan = make_plan(data, split=split.value, seed=seed, seconds=seconds, file=file)
        if not plan.sessions:
            raise SettingsInvalid("There is nothing to type; ask for more seconds, or give other recordings.")
        measured = asyncio.run(
            measure(plan, model=model or read_settings().model, speed=speed, runs=runs, on_step=tell)
        )
        result = result_of(measured, plan, speed=speed, started=started, load=load)
        if out is not None:
            write_report(out, result)
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
        return
    for line in table(result):
        typer.echo(line)
