"""`fimble lsp`: the language server over stdio, wired to the local engine."""


def run() -> None:
    """Run the language server over stdio; editors start this."""
    # The wiring imports pygls and the engine's client; the other commands start faster without them.
    from fimble.cli.wiring import serve_lsp  # noqa: PLC0415

    raise SystemExit(serve_lsp())
