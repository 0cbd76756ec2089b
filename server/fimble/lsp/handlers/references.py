"""Answers textDocument/references."""

from collections.abc import Awaitable
from typing import Final

from lsprotocol import types

from fimble.features.navigation.feature import Navigation
from fimble.features.navigation.places import Query
from fimble.lsp.navigation import document_asked, query_from_lsp, uses_to_lsp
from fimble.lsp.server import FimbleServer

Result = list[types.Location] | None


def references(server: FimbleServer, params: types.ReferenceParams) -> Awaitable[Result] | None:
    """Returns where the word at the cursor is used, with its definitions if the editor wants them."""
    asked = document_asked(server, params.text_document.uri)
    if asked is None:
        return None
    navigation, snapshot = asked
    query = query_from_lsp(server, snapshot, params.position)
    return _answer(navigation, query, is_with_definitions=params.context.include_declaration)


async def _answer(navigation: Navigation, query: Query, *, is_with_definitions: bool) -> Result:
    return uses_to_lsp(await navigation.references(query, is_with_definitions=is_with_definitions)) or None


HANDLERS: Final = {types.TEXT_DOCUMENT_REFERENCES: references}
