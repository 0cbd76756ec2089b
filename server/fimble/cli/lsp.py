"""`fimble lsp`: the language server over stdio, wired to the local engine."""

from typing import Annotated

import typer


def run(
    model: Annotated[str, typer.Option(help="Another model than the configured one: a name, or a .gguf file.")] = "",
) -> None:
    """Run the language server over stdio; editors start this."""
    # The wiring imports pygls and the engine's client; the other commands start faster without them.
    from fimble.cli.wiring import serve_lsp  # noqa: PLC0415

    raise SystemExit(serve_lsp(model))
