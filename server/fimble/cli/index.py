"""`fimble index …`: builds the index of a workspace, and asks it what an editor would ask.

Lines and columns count from 1 here, in text and in JSON.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from fimble.errors import PlaceInvalid

if TYPE_CHECKING:
    from fimble.features.navigation.up_to_date import Built, OnProgress
    from fimble.index.queries.view import Definition, View
    from fimble.index.store.progress import Progress

app = typer.Typer(help="Build the index of a workspace, and ask it.", no_args_is_help=True)

_LINE_INTERVAL_S: Final = 5.0
_INTERRUPTED: Final = 130

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]",
        help="The workspace; by default the git repository around the current folder.",
        file_okay=False,
        exists=True,
    ),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        help="The workspace; by default the git repository around the current folder.", file_okay=False, exists=True
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("build")
def build(
    folder: Folder = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Forget what is indexed and begin anew.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the index of a workspace up to date."""
    from fimble.cli import indexing  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.index.store.schema import index_folder  # noqa: PLC0415

    root = indexing.workspace_around(folder)
    if rebuild:
        indexing.remove(root)
    built = _built(root, is_quiet=as_json)
    with indexing.opened(root) as view:
        symbols = indexing.count_symbols(view.reader)
    size = indexing.database_bytes(index_folder(root))
    progress = built.progress
    result = {
        "files": progress.files,
        "symbols": symbols,
        "seconds": round(built.seconds, 3),
        "seconds_to_word_search": round(min(progress.seconds_to_word_search, built.seconds), 3),
        "peak_rss_bytes": progress.peak_rss_bytes,
        "db_bytes": size,
        "left_out": progress.quarantined,
        "workspace": os.fspath(root),
    }
    if as_json:
        _print_json(result)
        return
    typer.echo(
        f"{progress.files:,} files, {symbols:,} symbols in {built.seconds:.1f} s "
        f"(words after {result['seconds_to_word_search']:.1f} s); index {size / 2**20:.1f} MiB, "
        f"memory {progress.peak_rss_bytes / 2**20:.0f} MiB"
    )
    if progress.quarantined:
        typer.echo(f"{progress.quarantined} files could not be parsed; their words can be searched.", err=True)


@app.command("status")
def status(folder: Folder = None, as_json: Json = False) -> None:
    """Tell how far the index of a workspace is, without doing anything about it."""
    import psutil  # noqa: PLC0415

    from fimble.cli import indexing  # noqa: PLC0415
    from fimble.index.store.schema import index_folder  # noqa: PLC0415

    root = indexing.workspace_around(folder)
    with indexing.opened(root) as view:
        progress = view.reader.progress()
    place = index_folder(root)
    is_running = progress.pid > 0 and psutil.pid_exists(progress.pid)
    result = {
        "workspace": os.fspath(root),
        "stage": progress.stage.value,
        "is_running": is_running,
        "pid": progress.pid if is_running else None,
        "files": progress.files,
        "to_read": progress.to_read,
        "to_parse": progress.to_parse,
        "left_out": progress.quarantined,
        "updated": progress.updated_s,
        "db_bytes": indexing.database_bytes(place),
        "db_folder": os.fspath(place),
    }
    if as_json:
        _print_json(result)
        return
    if not progress.updated_s:
        typer.echo(f"There is no index of {root} yet; to make one, run: fimble index build")
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(progress.updated_s))
    typer.echo(f"{root}: {_described(progress)}, last written {when}")
    typer.echo(f"process {progress.pid} keeps it up to date" if is_running else "no process keeps it up to date now")
    typer.echo(f"{indexing.database_bytes(place) / 2**20:.1f} MiB in {place}")


@app.command("symbol")
def symbol(
    name: Annotated[str, typer.Argument(help="A name, or a part of one.")],
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """Find definitions by their name, or by a part of it."""
    from fimble.index.queries.definitions import definitions  # noqa: PLC0415
    from fimble.index.queries.search import find_symbols  # noqa: PLC0415

    with _asked(workspace, is_quiet=as_json) as view:
        found = definitions(view, name, limit=limit)
        exact = {(each.path, each.symbol.name_start) for each in found}
        others = find_symbols(view, name, limit) if len(found) < limit else []
        found += [each for each in others if (each.path, each.symbol.name_start) not in exact]
    if as_json:
        _print_json({"symbols": [_symbol_json(each) for each in found[:limit]]})
        return
    for each in found[:limit]:
        place = f"{_shown(each.path)}:{each.symbol.line + 1}:{each.symbol.column + 1}"
        typer.echo(f"{place}: {each.symbol.signature or each.symbol.name}")
    _fail_if_nothing(found, f"Nothing is called {name}.")


@app.command("references")
def references(
    name: Annotated[str, typer.Argument(help="The whole name.")],
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)] = 500,
    as_json: Json = False,
) -> None:
    """Find the places where a name is used or defined."""
    from fimble.index.queries.references import references as find  # noqa: PLC0415

    with _asked(workspace, is_quiet=as_json) as view:
        result = find(view, name, limit=limit, budget_s=60.0)
    if as_json:
        places = [
            {
                "path": _shown(use.path),
                "line": use.line + 1,
                "column": use.column + 1,
                "text": use.line_text,
                "is_definition": use.is_definition,
                "inside": use.enclosing.name if use.enclosing is not None else None,
            }
            for use in result.found
        ]
        _print_json({"references": places, "is_complete": result.is_complete})
        return
    for use in result.found:
        typer.echo(f"{_shown(use.path)}:{use.line + 1}:{use.column + 1}: {use.line_text.strip()}")
    _fail_if_nothing(result.found, f"Nothing uses {name}.")
    if not result.is_complete:
        typer.echo("There are more.", err=True)


@app.command("map")
def show_map(
    tokens: Annotated[int, typer.Option(help="How long, in tokens of about four characters.", min=16)] = 1024,
    focus: Annotated[list[Path] | None, typer.Option(help="A file that matters now; may be given again.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Print the signatures that matter most, as a model would see them."""
    from fimble.index.queries.repository_map import repository_map  # noqa: PLC0415

    with _asked(workspace, is_quiet=as_json) as view:
        paths = [_inside(view.root, file) for file in focus or ()]
        result = repository_map(view, tokens_max=tokens, focus_paths=paths)
    if as_json:
        files = [
            {"path": _shown(file.path), "rank": file.rank, "symbols": [each.name for each in file.symbols]}
            for file in result.files
        ]
        _print_json({"text": result.text, "tokens": result.tokens, "files": files})
        return
    typer.echo(result.text)


@app.command("search")
def search(
    text: Annotated[str, typer.Argument(help="One or more words; all of them have to be near each other.")],
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(help="How many lines at most.", min=1, max=100_000)] = 200,
    as_json: Json = False,
) -> None:
    """Find lines by whole words; case is not regarded."""
    from fimble.cli.word_search import matching_lines  # noqa: PLC0415

    with _asked(workspace, is_quiet=as_json) as view:
        found = matching_lines(view, text, limit)
    if as_json:
        _print_json({"lines": [{"path": _shown(path), "line": line + 1, "text": row} for path, line, row in found]})
        return
    for path, line, row in found:
        typer.echo(f"{_shown(path)}:{line + 1}: {row}")
    _fail_if_nothing(found, "No line has these words.")


@contextlib.contextmanager
def _asked(workspace: Path | None, *, is_quiet: bool) -> "Iterator[View]":
    """Opens the index of a workspace after bringing it up to date."""
    from fimble.cli import indexing  # noqa: PLC0415

    root = indexing.workspace_around(workspace)
    _built(root, is_quiet=is_quiet)
    with indexing.opened(root) as view:
        yield view


def _built(root: Path, *, is_quiet: bool) -> "Built":
    from fimble.features.navigation.up_to_date import bring_up_to_date  # noqa: PLC0415

    try:
        with _progress_shown(is_quiet=is_quiet) as on_progress:
            built = asyncio.run(bring_up_to_date(root, on_progress))
    except KeyboardInterrupt:
        typer.echo("Stopped. What is indexed so far is kept, and the next build goes on from there.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if built.is_others and not is_quiet:
        typer.echo("An editor's language server keeps this index up to date.", err=True)
    return built


@contextlib.contextmanager
def _progress_shown(*, is_quiet: bool) -> "Iterator[OnProgress]":
    """Shows progress on standard error: a bar on a terminal, a line every few seconds elsewhere."""
    if is_quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _lines()


@contextlib.contextmanager
def _bar() -> "Iterator[OnProgress]":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking for files", total=None)

        def show(progress: "Progress") -> None:
            done = progress.files - max(progress.to_read, progress.to_parse)
            bar.update(task, description=_described(progress), completed=max(done, 0), total=progress.files or None)

        yield show


def _lines() -> "OnProgress":
    last_s = time.monotonic()

    def show(progress: "Progress") -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= _LINE_INTERVAL_S:
            last_s = time.monotonic()
            typer.echo(_described(progress), err=True)

    return show


def _described(progress: "Progress") -> str:
    from fimble.index.store.progress import Stage  # noqa: PLC0415

    match progress.stage:
        case Stage.WORDS:
            return f"words of {progress.files - progress.to_read:,} of {progress.files:,} files"
        case Stage.SYMBOLS:
            return f"symbols of {max(progress.files - progress.to_parse, 0):,} of {progress.files:,} files"
        case Stage.READY:
            return f"{progress.files:,} files, all indexed"
        case _:
            return "looking for files"


def _symbol_json(definition: "Definition") -> dict[str, Any]:
    symbol = definition.symbol
    return {
        "name": symbol.name,
        "kind": symbol.kind.name.lower(),
        "path": _shown(definition.path),
        "range": [symbol.start_line + 1, symbol.end_line + 1],
        "line": symbol.line + 1,
        "column": symbol.column + 1,
        "signature": symbol.signature,
        "documentation": symbol.doc,
        "container": definition.container,
    }


def _inside(root: Path, file: Path) -> str:
    try:
        return file.resolve().relative_to(root).as_posix()
    except ValueError:
        raise PlaceInvalid(f"{file} is not in {root}.") from None


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _fail_if_nothing(found: object, message: str) -> None:
    if not found:
        typer.echo(message, err=True)
        raise typer.Exit(1)


def _print_json(result: object) -> None:
    typer.echo(msgspec.json.encode(result).decode())
