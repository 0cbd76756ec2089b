"""Answers textDocument/hover: what the word at the cursor means, as far as the index knows."""

from collections.abc import Awaitable
from typing import Final

from lsprotocol import types

from fimble.features.navigation.feature import Navigation
from fimble.features.navigation.places import Query
from fimble.lsp.navigation import document_asked, hover_to_lsp, query_from_lsp
from fimble.lsp.server import FimbleServer


def hover(server: FimbleServer, params: types.HoverParams) -> Awaitable[types.Hover | None] | None:
    """Returns signature, documentation and place of what the word at the cursor means."""
    asked = document_asked(server, params.text_document.uri)
    if asked is None:
        return None
    navigation, snapshot = asked
    return _answer(server, navigation, query_from_lsp(server, snapshot, params.position))


async def _answer(server: FimbleServer, navigation: Navigation, query: Query) -> types.Hover | None:
    found = await navigation.describe(query)
    return None if found is None else hover_to_lsp(found, is_markdown=server.editor.has_markdown_hover)


HANDLERS: Final = {types.TEXT_DOCUMENT_HOVER: hover}
