"""Answers workspace/symbol: symbols of all folders by a part of their names."""

from collections.abc import Awaitable
from typing import Final

from lsprotocol import types

from fimble.features.navigation.feature import Navigation
from fimble.lsp.navigation import symbols_to_lsp
from fimble.lsp.server import FimbleServer

Result = list[types.WorkspaceSymbol] | None


def workspace_symbol(server: FimbleServer, params: types.WorkspaceSymbolParams) -> Awaitable[Result] | None:
    """Returns the symbols that match the query, in files of languages that are served."""
    navigation = server.services.navigation
    if navigation is None or not server.served.is_anything:
        return None
    return _answer(server, navigation, params.query)


async def _answer(server: FimbleServer, navigation: Navigation, query: str) -> Result:
    served = server.served
    found = await navigation.find_symbols(query, server.documents.encoding, is_served=served.has_path)
    return symbols_to_lsp(server, found)


HANDLERS: Final = {types.WORKSPACE_SYMBOL: workspace_symbol}
