"""Answers textDocument/documentSymbol: the outline of an open document."""

import asyncio
from collections.abc import Awaitable
from typing import Final

from lsprotocol import types

from fimble.features.navigation.feature import Navigation
from fimble.lsp.navigation import document_asked, flat_outline_to_lsp, outline_to_lsp
from fimble.lsp.server import FimbleServer
from fimble.workspace.snapshot import Snapshot

Result = list[types.DocumentSymbol] | list[types.SymbolInformation] | None


def document_symbol(server: FimbleServer, params: types.DocumentSymbolParams) -> Awaitable[Result] | None:
    """Returns the symbols of a document, nested where the editor can show that."""
    asked = document_asked(server, params.text_document.uri)
    return None if asked is None else _answer(server, *asked)


async def _answer(server: FimbleServer, navigation: Navigation, snapshot: Snapshot) -> Result:
    entries = await navigation.outline(snapshot, server.documents.encoding)
    # Thousands of symbols take a tenth of a second, in which the editor may want something else.
    if server.editor.has_nested_symbols:
        return await asyncio.to_thread(outline_to_lsp, server, entries)
    return await asyncio.to_thread(flat_outline_to_lsp, server, snapshot.uri, entries)


HANDLERS: Final = {types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: document_symbol}
