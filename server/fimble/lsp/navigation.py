"""Turns questions about the code from LSP into the workspace's words, and the answers back."""

import re
from collections.abc import Sequence
from typing import Final

from lsprotocol import types

from fimble.features.navigation.feature import Navigation
from fimble.features.navigation.places import (
    Definitions,
    Description,
    Descriptions,
    FoundSymbol,
    OutlineEntry,
    Point,
    Query,
    Span,
    Use,
)
from fimble.index.symbols import Kind
from fimble.lsp.server import FimbleServer
from fimble.workspace.snapshot import Snapshot

# Editors and JSON libraries recurse over an outline.
_OUTLINE_DEPTH_MAX: Final = 64
_BACKTICKS: Final = re.compile("`+")
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")

_KINDS: Final = {
    Kind.MODULE: types.SymbolKind.Module,
    Kind.NAMESPACE: types.SymbolKind.Namespace,
    Kind.CLASS: types.SymbolKind.Class,
    Kind.INTERFACE: types.SymbolKind.Interface,
    Kind.STRUCT: types.SymbolKind.Struct,
    Kind.ENUM: types.SymbolKind.Enum,
    Kind.ENUM_MEMBER: types.SymbolKind.EnumMember,
    Kind.TYPE: types.SymbolKind.Class,
    Kind.FUNCTION: types.SymbolKind.Function,
    Kind.METHOD: types.SymbolKind.Method,
    Kind.CONSTRUCTOR: types.SymbolKind.Constructor,
    Kind.FIELD: types.SymbolKind.Field,
    Kind.CONSTANT: types.SymbolKind.Constant,
    Kind.VARIABLE: types.SymbolKind.Variable,
    Kind.MACRO: types.SymbolKind.Function,
    Kind.IMPLEMENTATION: types.SymbolKind.Object,
    Kind.SECTION: types.SymbolKind.String,
    Kind.KEY: types.SymbolKind.Key,
    Kind.SELECTOR: types.SymbolKind.Class,
    Kind.TABLE: types.SymbolKind.Struct,
}
# What LSP 2 called the kinds that an older editor does not know.
_OLDER_KINDS: Final = {
    types.SymbolKind.Struct: types.SymbolKind.Class,
    types.SymbolKind.EnumMember: types.SymbolKind.Constant,
    types.SymbolKind.Key: types.SymbolKind.Property,
    types.SymbolKind.Object: types.SymbolKind.Module,
}
# What editors call the languages that the index names otherwise, for colours.
_FENCES: Final = {"tsx": "typescriptreact", "bash": "shellscript", "hcl": "terraform", "make": "makefile"}


def document_asked(server: FimbleServer, uri: str) -> tuple[Navigation, Snapshot] | None:
    """Returns what answers questions about a document, and the document; None where there are no answers."""
    navigation, snapshot = server.services.navigation, server.documents.snapshot(uri)
    if navigation is None or snapshot is None or server.documents.is_too_large(uri):
        return None
    return (navigation, snapshot) if server.served.has_language(snapshot.language) else None


def query_from_lsp(server: FimbleServer, snapshot: Snapshot, position: types.Position) -> Query:
    """Returns the question about the word at a position."""
    encoding = server.documents.encoding
    offset = snapshot.text.offset(position.line, position.character, encoding)
    return Query(snapshot=snapshot, offset=offset, encoding=encoding)


def range_to_lsp(span: Span) -> types.Range:
    """Returns the range of a span."""
    return types.Range(start=_position(span.start), end=_position(span.end))


def locations_to_lsp(found: Definitions) -> list[types.Location]:
    """Returns places for editors that know nothing but places."""
    return [types.Location(uri=place.uri, range=range_to_lsp(place.name)) for place in found.places]


def links_to_lsp(found: Definitions) -> list[types.LocationLink]:
    """Returns places with the extent of each definition, so that an editor can show all of it."""
    return [
        types.LocationLink(
            target_uri=place.uri,
            target_range=range_to_lsp(place.whole),
            target_selection_range=range_to_lsp(place.name),
            origin_selection_range=range_to_lsp(found.word),
        )
        for place in found.places
    ]


def uses_to_lsp(uses: Sequence[Use]) -> list[types.Location]:
    """Returns the places where a name is used."""
    return [types.Location(uri=use.uri, range=range_to_lsp(use.span)) for use in uses]


def hover_to_lsp(found: Descriptions, *, is_markdown: bool) -> types.Hover:
    """Returns signature, documentation and place of what the word at the cursor means."""
    if is_markdown:
        kind, text = types.MarkupKind.Markdown, "\n\n---\n\n".join(map(_markdown, found.found))
    else:
        kind, text = types.MarkupKind.PlainText, "\n\n".join(map(_plain_text, found.found))
    return types.Hover(contents=types.MarkupContent(kind=kind, value=text), range=range_to_lsp(found.word))


def symbols_to_lsp(server: FimbleServer, symbols: Sequence[FoundSymbol]) -> list[types.WorkspaceSymbol]:
    """Returns symbols of the workspace."""
    return [
        types.WorkspaceSymbol(
            name=symbol.name,
            kind=kind_to_lsp(server, symbol.kind),
            location=types.Location(uri=symbol.uri, range=range_to_lsp(symbol.span)),
            container_name=symbol.container or None,
        )
        for symbol in symbols
    ]


def outline_to_lsp(server: FimbleServer, entries: Sequence[OutlineEntry]) -> list[types.DocumentSymbol]:
    """Returns a document's symbols, each with those that are inside of it."""
    top: list[types.DocumentSymbol] = []
    # For each entry where those inside of it go, and how deep that is; None is the top.
    made: list[tuple[list[types.DocumentSymbol], int] | None] = []
    for entry in entries:
        around = made[entry.parent] if 0 <= entry.parent < len(made) else None
        # VS Code refuses an outline with an empty name in it.
        if not entry.name.strip():
            made.append(around)
            continue
        children: list[types.DocumentSymbol] = []
        symbol = types.DocumentSymbol(
            name=entry.name,
            kind=kind_to_lsp(server, entry.kind),
            range=range_to_lsp(entry.whole),
            selection_range=range_to_lsp(entry.selection),
            detail=entry.detail or None,
            children=children,
        )
        siblings, depth = (top, 0) if around is None else around
        siblings.append(symbol)
        made.append((children, depth + 1) if depth + 1 < _OUTLINE_DEPTH_MAX else around)
    return top


def flat_outline_to_lsp(
    server: FimbleServer, uri: str, entries: Sequence[OutlineEntry]
) -> list[types.SymbolInformation]:
    """Returns a document's symbols for editors that have no nested ones."""
    return [
        types.SymbolInformation(
            name=entry.name,
            kind=kind_to_lsp(server, entry.kind),
            location=types.Location(uri=uri, range=range_to_lsp(entry.whole)),
            container_name=entries[entry.parent].name if 0 <= entry.parent < len(entries) else None,
        )
        for entry in entries
        if entry.name.strip()
    ]


def kind_to_lsp(server: FimbleServer, kind: Kind) -> types.SymbolKind:
    """Returns what the editor calls a kind of symbol."""
    found = _KINDS[kind]
    return found if server.editor.has_all_symbol_kinds else _OLDER_KINDS.get(found, found)


def _position(point: Point) -> types.Position:
    return types.Position(line=point[0], character=point[1])


def _markdown(description: Description) -> str:
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(description.signature)), default=0))
    language = _FENCES.get(description.language, description.language)
    parts = [f"{fence}{language}\n{description.signature}\n{fence}"]
    if description.documentation:
        # Somebody else's text: a picture in it would be fetched from wherever it says.
        parts.append(_MARKUP.sub(r"\\\1", description.documentation))
    parts.append(f"`{description.path.replace('`', chr(39))}:{description.line}`")
    return "\n\n".join(parts)


def _plain_text(description: Description) -> str:
    parts = [description.signature, description.documentation, f"{description.path}:{description.line}"]
    return "\n".join(part for part in parts if part)
