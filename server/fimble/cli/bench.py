"""`fimble bench engine|windows|index`: figures that anybody can measure on their own machine."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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


@app.command("index")
def index(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A tree of source files.", file_okay=False, exists=True)
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what takes long.")] = False,
    as_json: Json = False,
) -> None:
    """Measure building, saving, typing and asking, next to parsing alone; nothing in the tree is changed."""
    from fimble.bench.index import measure  # noqa: PLC0415 - keeps `fimble --help` fast.

    def tell(step: str) -> None:
        typer.echo(step, err=True)

    result = asyncio.run(measure(folder.resolve(), is_quick=quick, on_step=tell))
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
        return
    for label, text in _index_rows(result):
        typer.echo(f"{label:30} {text}")


def _index_rows(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the lines of a table, a label and what belongs to it."""
    yield "files", f"{result['files']:,}, {result['parsed_files']:,} parsed ({result['parsed_bytes'] / 1e6:.1f} MB)"
    runs = ", ".join(f"{seconds:.2f}" for seconds in result["cold_runs"])
    yield "from nothing", f"{result['cold_seconds']:.2f} s ({runs})"
    runs = ", ".join(f"{seconds:.2f}" for seconds in result["raw_runs"])
    yield (
        "parsing alone, 2 processes",
        f"{result['raw_parse_seconds']:.2f} s ({runs}), ratio {result['cold_to_raw']:.2f}",
    )
    share = result["word_search_seconds"] / result["cold_seconds"]
    yield "words can be searched after", f"{result['word_search_seconds']:.2f} s ({share:.0%})"
    yield "start on an unchanged tree", f"{result['warm_seconds']:.2f} s"
    yield "memory of all processes", f"{result['peak_rss_bytes'] / 2**20:.0f} MiB"
    yield "database", f"{result['db_bytes'] / 2**20:.1f} MiB"
    if result["left_out"]:
        yield "left out", f"{result['left_out']} files"
    save = result["save_ms"]
    yield "seen after a save", f"p50 {save['p50']:.0f} ms, p95 {save['p95']:.0f} ms; {save['lost']} of {save['n']} lost"
    if burst := result["burst"]:
        yield f"{burst['files']:,} files at once", f"seen {burst['seconds']:.1f} s after the last; {burst['lost']} lost"
    for row in (result["keystroke_ms"] or {}).get("by_length", ()):
        times = f"p50 {row['wall_ms_p50']:.1f} ms, p95 {row['wall_ms_p95']:.1f} ms, max {row['wall_ms_max']:.1f} ms"
        yield f"keystroke, {row['lines']:,} lines", times
    for kind, row in result["queries_ms"].items():
        yield f"question: {kind}", f"p50 {row['p50']:.1f} ms, p99 {row['p99']:.1f} ms ({row['n']})"
    for tool, row in result["others"].items():
        yield tool, f"{row['seconds']:.2f} s; the index takes {row['cold_to_it']:.2f} times that"


def _engine(client: str) -> "Engine":
    from fimble.engine.client.engine import Engine  # noqa: PLC0415 - keeps `fimble --help` fast.

    return Engine(folders.runtime_folder(), model=read_settings().model, client=client)
