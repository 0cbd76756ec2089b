"""The `fimble` command: its subcommands, and how errors reach a terminal."""

import sys
from typing import Annotated

import typer

import fimble
from fimble.cli import bench, complete, doctor, engine, index, lsp, models, stats
from fimble.errors import FimbleError

app = typer.Typer(
    name="fimble",
    help="Writes code with you, on your own machine: ghost text from a local model, in any LSP editor.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("lsp")(lsp.run)
app.command("complete")(complete.run)
app.command("doctor")(doctor.run)
app.command("stats")(stats.run)
app.add_typer(engine.app, name="engine")
app.add_typer(models.app, name="models")
app.add_typer(index.app, name="index")
app.add_typer(bench.app, name="bench")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fimble {fimble.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Documented by the app's own help."""


def main() -> None:
    """Runs the command line; an error made on purpose is one sentence on stderr and exit status 1."""
    try:
        app()
    except FimbleError as error:
        typer.echo(f"fimble: {error}", err=True)
        sys.exit(1)
