"""The command `fimble models convert`: makes a model folder for ExLlamaV2 from a GGUF file."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from fimble.cli.interruptible import interruptible
from fimble.cli.output import told_errors, write_json
from fimble.cli.progress import shown
from fimble.models.convert.architecture import Format
from fimble.models.memory import human

_GPTQ_WARNING = (
    "Rounded to nearest, for tests only; to write code, take a published GPTQ or EXL2 model, which is calibrated."
)


def convert(
    gguf: Annotated[Path, typer.Argument(help="A GGUF file of the architecture qwen2 or llama.")],
    out: Annotated[Path, typer.Argument(help="The folder to be made.")],
    weights: Annotated[
        str, typer.Option("--format", help="fp16, or gptq: 4 bits, rounded to nearest, for tests only.")
    ],
    group_size: Annotated[
        int, typer.Option(help="For gptq: how many weights have one scale; 32, 64, 128 and so on.")
    ] = 128,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Makes a model folder for ExLlamaV2 from a GGUF file; for tests, not for good completions."""
    # numpy is loaded here, which keeps other commands' start fast.
    from fimble.models.convert.convert import convert as run  # noqa: PLC0415

    if weights not in get_args(Format):
        raise typer.BadParameter(f"{weights!r} is no format; write {' or '.join(get_args(Format))}.")
    kind = cast("Format", weights)
    with told_errors(json), interruptible():
        with shown(quiet=json) as progress:
            converted = run(gguf, out, kind, group_size=group_size, progress=progress)
        warning = _GPTQ_WARNING if kind == "gptq" else ""
        if json:
            architecture = converted.architecture
            write_json(
                {
                    "path": str(out),
                    "format": kind,
                    "group_size": group_size if kind == "gptq" else 0,
                    "architecture": architecture.family,
                    "layers": architecture.layers,
                    "weights_bytes": converted.weights_bytes,
                    "warning": warning,
                }
            )
            return
        typer.echo(f"{out} is ready: {kind}, {human(converted.weights_bytes)}.")
        if warning:
            typer.echo(warning)
