"""Answers textDocument/definition."""

from collections.abc import Awaitable
from typing import Final

from lsprotocol import types

from fimble.features.navigation.feature import Navigation
from fimble.features.navigation.places import Query
from fimble.lsp.navigation import document_asked, links_to_lsp, locations_to_lsp, query_from_lsp
from fimble.lsp.server import FimbleServer

Result = list[types.Location] | list[types.LocationLink] | None


def definition(server: FimbleServer, params: types.DefinitionParams) -> Awaitable[Result] | None:
    """Returns where the word at the cursor is defined."""
    asked = document_asked(server, params.text_document.uri)
    if asked is None:
        return None
    navigation, snapshot = asked
    return _answer(server, navigation, query_from_lsp(server, snapshot, params.position))


async def _answer(server: FimbleServer, navigation: Navigation, query: Query) -> Result:
    found = await navigation.definitions(query)
    if found is None or not found.places:
        return None
    return links_to_lsp(found) if server.editor.has_definition_links else locations_to_lsp(found)


HANDLERS: Final = {types.TEXT_DOCUMENT_DEFINITION: definition}
