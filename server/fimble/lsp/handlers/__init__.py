"""Handlers of LSP methods, one file per family.

A handler is an ordinary function of the server and the parameters. It takes what it needs of this moment and
returns the result, or a coroutine for what takes longer.
"""

from fimble.lsp.handlers import (
    commands,
    completion,
    configuration,
    costs,
    definition,
    document_symbol,
    feedback,
    hover,
    inline_completion,
    lifecycle,
    notebook_sync,
    references,
    suggestion,
    text_sync,
    workspace_symbol,
)
from fimble.lsp.server import FimbleServer

_FAMILIES = (
    lifecycle,
    text_sync,
    notebook_sync,
    inline_completion,
    completion,
    configuration,
    commands,
    feedback,
    suggestion,
    costs,
    definition,
    references,
    hover,
    document_symbol,
    workspace_symbol,
)


def register_handlers(server: FimbleServer) -> None:
    """Gives the server all of its methods."""
    for family in _FAMILIES:
        for method, handler in family.HANDLERS.items():
            server.feature(method)(handler)
