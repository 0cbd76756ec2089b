"""`fimble bench engine|windows`: figures that anybody can measure on their own machine."""

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fimble import folders
from fimble.cli.settings import read_settings

if TYPE_CHECKING:
    from fimble.engine.client.engine import Engine

app = typer.Typer(help="Measure Fimble on this machine.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("engine")
def engine(
    contexts: Annotated[str, typer.Option(help="Prompt lengths in tokens, separated by commas.")] = "256,1024",
    busy: Annotated[int, typer.Option(help="Measure also next to this many processes that use up a core each.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure reading, writing, the first token, and cancelling."""
    from fimble.bench.engine import measure  # noqa: PLC0415 - keeps `fimble --help` fast.

    if not all(length.strip().isdecimal() for length in contexts.split(",")):
        raise typer.BadParameter("Prompt lengths are whole numbers separated by commas, for example 256,1024.")
    lengths = [int(length) for length in contexts.split(",")]

    async def run() -> list[dict[str, object]]:
        client = _engine("fimble bench engine")
        try:
            rows = await measure(client, contexts=lengths, busy=0)
            if busy:
                rows += await measure(client, contexts=lengths, busy=busy)
        finally:
            await client.close()
        return [asdict(row) for row in rows]

    rows = asyncio.run(run())
    if as_json:
        typer.echo(msgspec.json.encode({"rows": rows}).decode())
        return
    for row in rows:
        typer.echo(
            f"{row['model']} on {row['backend']}, {row['context']} prompt tokens, {row['busy']} busy: "
            f"read {row['prefill_tps']:.0f}/s, write {row['decode_tps']:.1f}/s, "
            f"first token {row['ttft_ms']:.0f} ms (cached {row['cached_ttft_ms']:.0f} ms), "
            f"cancelled in {row['cancel_decode_ms']:.0f} ms writing, {row['cancel_prefill_ms']:.0f} ms reading"
        )


@app.command("windows")
def windows(
    windows: Annotated[int, typer.Option(help="How many editor windows.")] = 8,
    seconds: Annotated[float, typer.Option(help="How long they type.")] = 120,
    as_json: Json = False,
) -> None:
    """Let several editor windows type at once; count that every request gets exactly one answer."""
    from fimble.bench.windows import storm  # noqa: PLC0415 - keeps `fimble --help` fast.

    async def run() -> dict[str, object]:
        client = _engine("fimble bench windows")
        with tempfile.TemporaryDirectory() as folder:
            try:
                return asdict(await storm(client, Path(folder), windows=windows, seconds=seconds))
            finally:
                await client.close()

    result = asyncio.run(run())
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
        return
    for name, value in result.items():
        typer.echo(f"{name:16} {value:.0f}" if isinstance(value, float) else f"{name:16} {value}")


def _engine(client: str) -> "Engine":
    from fimble.engine.client.engine import Engine  # noqa: PLC0415 - keeps `fimble --help` fast.

    return Engine(folders.runtime_folder(), model=read_settings().model, client=client)
