"""`fimble bench engine|windows|index`: figures that anybody can measure on their own machine."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fimble import folders
from fimble.cli.bench_crossfile import crossfile
from fimble.cli.bench_infill import infill
from fimble.cli.bench_replay import replay
from fimble.cli.bench_server import server
from fimble.cli.interruptible import interruptible
from fimble.cli.output import told_errors, write_json
from fimble.cli.quantities import cache_kind
from fimble.cli.settings import read_settings
from fimble.models.catalogue import is_path

if TYPE_CHECKING:
    from fimble.engine.client.engine import Engine

app = typer.Typer(help="Measure Fimble on this machine.", no_args_is_help=True)
app.command("crossfile")(crossfile)
app.command("infill")(infill)
app.command("replay")(replay)
app.command("server")(server)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("engine")
def engine(
    *,
    contexts: Annotated[str, typer.Option(help="Prompt lengths in tokens, separated by commas.")] = "256,1024",
    busy: Annotated[int, typer.Option(help="Measure also next to this many processes that use up a core each.")] = 0,
    models: Annotated[str, typer.Option(help="Models side by side, separated by commas; each in its own engine.")] = "",
    synthetic: Annotated[
        str, typer.Option(help="Shapes with random weights, such as qwen2.5-coder-7b; needs a GPU.")
    ] = "",
    bits: Annotated[float, typer.Option(help="Bits per weight of synthetic EXL2 models, 2 to 6.")] = 4.25,
    weights: Annotated[str, typer.Option("--format", help="Of synthetic models: exl2, or gptq with 4 bits.")] = "exl2",
    folder: Annotated[
        Path | None, typer.Option(help="Keeps synthetic models here, and takes those that are; temporary otherwise.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(help="How often each of several models has its turn; 0 is 3, or 1.", min=0)
    ] = 0,
    seconds: Annotated[float, typer.Option(help="How long several editors type; 0 is 10, or 3.", min=0)] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Measure each thing once, and shortly.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also writes the figures to this file, as JSON.")] = None,
    as_json: Json = False,
) -> None:
    """Measure reading, writing, typing alone and together, cancelling, and how near that is to what memory allows."""
    from fimble.bench import engine as bench  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.engine_table import engine_table  # noqa: PLC0415
    from fimble.engine.client.engine import model_name  # noqa: PLC0415

    names = [name.strip() for name in models.split(",") if name.strip()]
    shapes = [name.strip() for name in synthetic.split(",") if name.strip()]
    if weights not in ("exl2", "gptq"):
        raise typer.BadParameter("The format of a synthetic model is exl2 or gptq.")
    effort = bench.Effort(
        contexts=_lengths(contexts), busy=busy, rounds=rounds or (3 if len(names + shapes) > 1 else 1)
    )
    if quick:
        effort = replace(effort, rounds=rounds or 1, repeats=1, keystrokes=20, editor_seconds=3.0, typing_context=512)
    if seconds:
        effort = replace(effort, editor_seconds=seconds)

    def tell(step: str) -> None:
        typer.echo(step, err=True)

    async def measure_running() -> dict[str, object]:
        client = _engine("fimble bench engine")
        try:
            return await bench.measure(client, _engine, effort=effort, on_step=tell)
        finally:
            await client.close()

    with told_errors(json=as_json), interruptible(), contextlib.ExitStack() as stack:
        if names or shapes:
            place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fimble-synthetic-")))
            made = [_synthetic(place, shape, weights, bits, tell) for shape in shapes]
            chosen = [*map(_absolute, names), *map(str, made)]
            if len({model_name(name) for name in chosen}) < len(chosen):
                raise typer.BadParameter("Two of the models have the same name, by which the figures are told apart.")
            result = asyncio.run(bench.measure_models(chosen, effort=effort, on_step=tell))
        else:
            result = asyncio.run(measure_running())
    if out is not None:
        out.write_bytes(msgspec.json.encode(result))
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
    else:
        for line in engine_table(result):
            typer.echo(line)
    if any(model["error"] for model in result["models"]):
        raise typer.Exit(1)


@app.command("raw-generator", hidden=True)
def raw_generator(
    model: Annotated[str, typer.Option()],
    context: Annotated[int, typer.Option()],
    cache: Annotated[str, typer.Option()],
    device: Annotated[int, typer.Option()],
) -> None:
    """Continue the prompts on standard input by ExLlamaV2's own generator; a part of `fimble bench engine`."""
    from fimble.bench.bandwidth import COPIED_BYTES  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.engine_raw import RawAnswer, RawQuestion, RawRun  # noqa: PLC0415
    from fimble.cli import backends  # noqa: PLC0415 - loads the model in this process.

    question = msgspec.json.decode(sys.stdin.buffer.read(), type=RawQuestion)
    found = backends.find_model(model)
    wishes = backends.Wishes(context_tokens=context, cache=cache_kind(cache), device=device)
    with tempfile.TemporaryDirectory(prefix="fimble-raw-") as name:
        if found.path is None or found.asked:
            raise typer.BadParameter(found.notice or f"{found.card.name} does not run by ExLlamaV2.")
        opened = backends.open_on_gpu(found.card, found.path, Path(name), wishes, lambda _: None)
        try:
            from fimble.engine.process.backends.exl2 import raw_generator as raw  # noqa: PLC0415 - imports exllamav2.

            runs = raw.continue_raw(opened, question.prompts, question.tokens)
            answer = RawAnswer([RawRun(*run) for run in runs], raw.copy_bandwidth(COPIED_BYTES))
        finally:
            opened.close()
    write_json(answer)


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


def _lengths(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) for word in words):
        raise typer.BadParameter("Prompt lengths are whole numbers separated by commas, for example 256,1024.")
    return tuple(map(int, words))


def _absolute(name: str) -> str:
    """Returns a model's name, and of a path one that means the same to a process that runs elsewhere."""
    return str(Path(name).expanduser().absolute()) if is_path(name) else name


def _synthetic(place: Path, shape: str, weights: str, bits: float, tell: Callable[[str], None]) -> Path:
    """Makes a model with random weights, unless it is there already."""
    from fimble.bench.synthetic import GPTQ_BITS, synthetic_architecture, write_synthetic  # noqa: PLC0415 - as above.

    size = GPTQ_BITS if weights == "gptq" else bits
    folder = (place / f"{shape}-{weights}-{size:g}-synthetic").absolute()
    if not (folder / "config.json").is_file():
        tell(f"making {folder.name}")
        write_synthetic(folder, synthetic_architecture(shape), kind=weights, bits=bits)
    return folder
