"""A language server of stock pygls, against which tests show what our overrides are for."""

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("stock", "1")


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION)
async def inline_completion(params: types.InlineCompletionParams) -> None:
    return None


if __name__ == "__main__":
    server.start_io()
