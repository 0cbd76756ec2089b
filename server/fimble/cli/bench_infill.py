"""`fimble bench infill`: how many holes are filled with code that passes its tests, raw and as it is shown."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from fimble.cli.interruptible import interruptible
from fimble.cli.output import told_errors, write_json
from fimble.cli.settings import read_settings
from fimble.models.catalogue import is_path

_SPLITS = ("single-line", "multi-line", "random-span", "light")
_PARTS = ("dev", "test", "all")


def infill(
    *,
    data: Annotated[
        Path | None, typer.Option(help="The folder with HumanEval-Infilling's files; FIMBLE_BENCH_DATA otherwise.")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="single-line, multi-line, random-span or light; may be repeated.")
    ] = None,
    part: Annotated[str, typer.Option(help="The half of the problems: test, dev (for tuning rules), or all.")] = "test",
    limit: Annotated[
        int, typer.Option(help="At most this many tasks per split, chosen by the seed; 0 is all.", min=0)
    ] = 0,
    seed: Annotated[int, typer.Option(help="Chooses the tasks where there is a limit.")] = 1,
    tokens: Annotated[int, typer.Option(help="The longest raw text, in tokens.", min=1, max=2048)] = 128,
    by_hand: Annotated[
        bool,
        typer.Option("--by-hand", help="Grade what is shown when the user asks for it, not what is shown unasked."),
    ] = False,
    model: Annotated[str, typer.Option(help="Another model than the configured one.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Keeps log and report in this folder; a stopped run goes on there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fill holes in functions, and run the functions' tests on what was written and on what would be shown."""
    from fimble.bench.infill.report import table  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.infill.run import Wishes, measure  # noqa: PLC0415
    from fimble.bench.infill.tasks import Part, Split  # noqa: PLC0415

    names = list(dict.fromkeys(split or ["single-line"]))
    if unknown := [name for name in names if name not in _SPLITS]:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(_SPLITS)}.")
    if part not in _PARTS:
        raise typer.BadParameter(f"{part!r} is not one of {', '.join(_PARTS)}.")
    wishes = Wishes(
        splits=tuple(map(Split, names)), part=Part(part), limit=limit, seed=seed, tokens_max=tokens, by_hand=by_hand
    )

    def tell(step: str) -> None:
        typer.echo(step, err=True)

    with told_errors(json=as_json), interruptible():
        chosen = model or read_settings().model
        # The engine does not run in the folder in which somebody wrote `models/x.gguf`.
        chosen = str(Path(chosen).expanduser().absolute()) if is_path(chosen) else chosen
        result = asyncio.run(measure(chosen, wishes, data=data, out=out, on_step=tell))
    if as_json:
        write_json(result)
        return
    for line in table(result):
        typer.echo(line)
