"""`fimble complete FILE:LINE:COL`: one completion, through the real language server, as an editor would ask for it."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from fimble.cli.settings import read_settings
from fimble.errors import EngineRefused, PlaceInvalid

_INDEX_TIMEOUT_S = 10.0
_INDEX_POLL_S = 0.1

LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".jsx": "javascriptreact", ".ts": "typescript",
    ".tsx": "typescriptreact", ".rs": "rust", ".go": "go", ".java": "java", ".c": "c", ".h": "c", ".cc": "cpp",
    ".cpp": "cpp", ".hpp": "cpp", ".cs": "csharp", ".rb": "ruby", ".php": "php", ".kt": "kotlin", ".swift": "swift",
    ".scala": "scala", ".lua": "lua", ".sh": "shellscript", ".html": "html", ".css": "css", ".json": "json",
    ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".md": "markdown", ".sql": "sql", ".ex": "elixir",
    ".hs": "haskell", ".zig": "zig",
}  # fmt: skip


def run(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE:COL", help="Where the cursor is; both count from 1.")],
    workspace: Annotated[
        Path | None,
        typer.Option(help="The workspace folder; by default the folder of the file.", file_okay=False, exists=True),
    ] = None,
    model: Annotated[str, typer.Option(help="Another model than the configured one.")] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Also tell how the suggestion came about.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Complete the code at one place, and tell what it cost."""
    # Keeps `fimble --help` fast.
    from fimble.cli.stand_in import runnable  # noqa: PLC0415
    from fimble.lsp.client import LanguageServerClient  # noqa: PLC0415
    from fimble.workspace.text import Text  # noqa: PLC0415

    file, line, column = parse_place(place)
    if not file.is_file():
        raise PlaceInvalid(f"There is no file {file}.")
    text = file.read_bytes().decode("utf-8", "replace")
    if line > Text.from_string(text).line_count:
        raise PlaceInvalid(f"{file} has no line {line}.")

    card, notice = runnable(model or read_settings().model)
    if notice:
        typer.echo(f"fimble: {notice}", err=True)
    # A model that sees the file alone needs no index.
    has_context = card.context is not None

    async def ask() -> dict[str, Any]:
        folder = (workspace or file.parent).absolute()
        async with LanguageServerClient(
            folder, model=model, on_message=_tell_progress, is_index_on=has_context
        ) as client:
            client.open(file.absolute(), LANGUAGES.get(file.suffix.lower(), "plaintext"), text)
            if has_context:
                await _wait_for_index(folder)
            return await client.suggestion(file.absolute(), line - 1, column - 1)

    answer = asyncio.run(ask())
    wanted = card.name
    if answer["model"] not in ("", wanted):
        raise EngineRefused(
            f"Other programs use the engine with {answer['model']}; to use {wanted}, run: fimble engine stop"
        )
    if as_json:
        typer.echo(msgspec.json.encode(_counted_from_one(answer)).decode())
        return
    if answer["suppressed_by"]:
        typer.echo(f"No suggestion here ({answer['suppressed_by']}).")
    else:
        typer.echo(answer["text"])
    typer.echo(
        f"{answer['latency_ms']:.0f} ms, {answer['prompt_tokens']} prompt tokens "
        f"({answer['cached_tokens']} cached), {answer['generated_tokens']} written, ended by {answer['stop_reason']}",
        err=True,
    )
    if explain:
        from fimble.features.completion.why import why_to_markdown  # noqa: PLC0415
        from fimble.lsp.suggestions import suggestion_from_lsp  # noqa: PLC0415

        _print_markdown(why_to_markdown(suggestion_from_lsp(answer), place=place, trigger="asked for by a command"))


async def _wait_for_index(folder: Path) -> None:
    """Waits until the workspace's index is up to date, or long enough; the suggestion comes with what is known then."""
    from fimble.index.store.progress import Stage  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.index.store.reader import Reader  # noqa: PLC0415
    from fimble.index.store.schema import index_folder  # noqa: PLC0415

    ready = (Stage.READY, Stage.WITHOUT_STORE)
    reader = Reader(index_folder(folder))
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_INDEX_TIMEOUT_S):
                if reader.progress().stage not in ready:
                    _tell_progress(f"Indexing {folder.name}")
                # Another process writes the database; it can only be looked at.
                while reader.progress().stage not in ready:  # noqa: ASYNC110
                    await asyncio.sleep(_INDEX_POLL_S)
    finally:
        reader.close()


def parse_place(place: str) -> tuple[Path, int, int]:
    """Returns file, line and column of `FILE:LINE:COL`, both from 1.

    Raises:
        PlaceInvalid: it does not have that form.
    """
    file, line, column = ["", "", *place.rsplit(":", 2)][-3:]
    if not file or not line.isdecimal() or not column.isdecimal() or int(line) < 1 or int(column) < 1:
        raise PlaceInvalid(f"{place!r} is not FILE:LINE:COL with LINE and COL from 1, for example main.py:12:5")
    return Path(file), int(line), int(column)


def _counted_from_one(answer: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer with lines as people count them; LSP counts from 0."""
    explanation = answer["explanation"]
    return {
        **answer,
        "context": [_range_from_one(item) for item in answer["context"]],
        "explanation": {**explanation, "sections": [_range_from_one(section) for section in explanation["sections"]]},
    }


def _range_from_one(item: dict[str, Any]) -> dict[str, Any]:
    return item if item["range"] is None else {**item, "range": [line + 1 for line in item["range"]]}


def _print_markdown(markdown: str) -> None:
    typer.echo()
    if not sys.stdout.isatty():
        typer.echo(markdown, nl=False)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.markdown import Markdown  # noqa: PLC0415

    Console().print(Markdown(markdown))


def _tell_progress(message: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\x1b[2m{message}\x1b[0m", err=True)
