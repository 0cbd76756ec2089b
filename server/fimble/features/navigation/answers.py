"""Makes answers in the editor's positions out of what the index finds; runs in the thread of the index."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from fimble.features.navigation.places import Description, FoundSymbol, OutlineEntry, Place, Span, Use
from fimble.features.navigation.positions import Positions, assumed_name, span_in_line
from fimble.features.navigation.query_thread import IsCancelled
from fimble.index.queries.definitions import definitions
from fimble.index.queries.references import references
from fimble.index.queries.search import find_symbols
from fimble.index.queries.sources import source_of
from fimble.index.queries.view import Definition, OpenFile, View
from fimble.index.symbols import Kind, Symbol
from fimble.workspace.text import Encoding

PLACES_MAX: Final = 20
DESCRIPTIONS_MAX: Final = 3
USES_MAX: Final = 500
OUTLINE_MAX: Final = 5_000
# Files that are read for exact positions; in further ones lines count as ASCII.
_FILES_MAX: Final = 64
# `definitions` gives places in reach 800 and more, and what merely has the same name 500 and less. What is this much
# less likely than the best of the former is not what was meant.
_SURE_SCORE: Final = 700.0
_SURE_MARGIN: Final = 60.0

UriOf = Callable[[str], str]
"""Returns the URI of a path in the view."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A name and the place where somebody asks about it; both may say what is meant."""

    name: str
    path: str
    line: int


@dataclass(slots=True)
class Answers:
    """Answers from one view. Each file that positions are counted in is read once."""

    view: View
    uri_of: UriOf
    encoding: Encoding
    _texts: dict[str, Positions | None] = field(default_factory=dict)

    def places(self, asked: Asked) -> tuple[Place, ...]:
        """Returns where a name is defined: one place if it is clear which one is meant, else the likeliest ones."""
        found = []
        for definition in likely(self.view, asked, PLACES_MAX):
            positions, symbol = self._positions(definition), definition.symbol
            name = assumed_name(symbol) if positions is None else positions.name(symbol)
            whole = name if positions is None else positions.whole(symbol)
            found.append(Place(self.uri_of(definition.path), whole, name))
        return tuple(dict.fromkeys(found))

    def uses(self, asked: Asked, is_cancelled: IsCancelled, *, is_with_definitions: bool) -> tuple[Use, ...]:
        """Returns where a name is used."""
        found = references(self.view, asked.name, path=asked.path, limit=USES_MAX, is_cancelled=is_cancelled).found
        length = len(asked.name)
        return tuple(
            Use(self.uri_of(use.path), span_in_line(use.line, use.line_text, use.column, length, self.encoding))
            for use in found
            if is_with_definitions or not use.is_definition
        )

    def symbols(self, text: str, limit: int, is_served: Callable[[str], bool]) -> list[tuple[float, FoundSymbol]]:
        """Returns the symbols that match what was typed, with their scores, best first."""
        # Some may be in files of languages that others serve.
        served = (found for found in find_symbols(self.view, text, 3 * limit) if is_served(found.path))
        return [(definition.score, self._found(definition)) for definition in islice(served, limit)]

    def _found(self, definition: Definition) -> FoundSymbol:
        symbol = definition.symbol
        return FoundSymbol(
            symbol.name, symbol.kind, definition.container, self.uri_of(definition.path), self._name(definition)
        )

    def _name(self, definition: Definition) -> Span:
        positions = self._positions(definition)
        return assumed_name(definition.symbol) if positions is None else positions.name(definition.symbol)

    def _positions(self, definition: Definition) -> Positions | None:
        """Returns how to count in the definition's file, None where its text cannot be had or is another one now."""
        path = definition.path
        if path not in self._texts:
            is_wanted = len(self._texts) < _FILES_MAX or path in self.view.open_files
            source = source_of(self.view, path) if is_wanted else None
            self._texts[path] = None if source is None else Positions(source, self.encoding)
        positions = self._texts[path]
        return positions if positions is not None and positions.fits(definition.symbol) else None


def likely(view: View, asked: Asked, limit: int) -> list[Definition]:
    """Returns the definitions that a person would want to see, best first."""
    found = definitions(view, asked.name, path=asked.path, line=asked.line, limit=limit)
    if not found or found[0].score < _SURE_SCORE:
        return found
    least = found[0].score - _SURE_MARGIN
    return [definition for definition in found if definition.score >= least]


def descriptions(view: View, asked: Asked) -> tuple[Description, ...]:
    """Returns what a hover says of a name."""
    return tuple(dict.fromkeys(_description(view, found) for found in likely(view, asked, DESCRIPTIONS_MAX)))


def outline(opened: OpenFile, encoding: Encoding) -> tuple[OutlineEntry, ...]:
    """Returns the symbols of an open document."""
    positions = Positions(opened.source, encoding)
    return tuple(
        OutlineEntry(
            symbol.name, _detail(symbol), symbol.kind, positions.whole(symbol), positions.name(symbol), symbol.parent
        )
        for symbol in opened.symbols.symbols[:OUTLINE_MAX]
    )


def _description(view: View, definition: Definition) -> Description:
    symbol = definition.symbol
    of_file = view.symbols(definition.path)
    language = of_file.language if of_file is not None else ""
    shown = definition.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return Description(language, symbol.signature or symbol.name, symbol.doc, shown, symbol.line + 1)


def _detail(symbol: Symbol) -> str:
    """Returns the rest of a signature after the name, as far as it tells something: parameters, a type."""
    if symbol.kind in (Kind.SECTION, Kind.KEY, Kind.SELECTOR):
        return ""
    _, found, rest = symbol.signature.partition(symbol.name)
    return rest.strip() if found else ""
