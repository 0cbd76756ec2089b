"""Where a name is used: the word table says which files to read, each is judged as it is now."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from fimble.index.languages import language_of_path
from fimble.index.queries.name_match import words_of
from fimble.index.queries.nearness import Nearness
from fimble.index.queries.occurrences import line_text, occurrences
from fimble.index.queries.sources import source_of
from fimble.index.queries.view import Reference, View
from fimble.index.symbols import FUNCTIONS, FileSymbols, Symbol

BUDGET_S: Final = 2.0
_POSTINGS_MAX: Final = 20_000
_FILES_MAX: Final = 3_000
_LINE_CHARACTERS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class References:
    """Uses of a name; not `is_complete` where time, the limit or the caller's patience ended before the files."""

    found: tuple[Reference, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """A function that calls something, and where; `symbol` is None for the top of a file."""

    path: str
    symbol: Symbol | None
    calls: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Callers:
    """Functions that call a name; `is_complete` as in `References`."""

    found: tuple[Caller, ...]
    is_complete: bool


class _Use(NamedTuple):
    reference: Reference
    is_call: bool
    around: tuple[Symbol, ...]


def references(
    view: View,
    name: str,
    *,
    path: str = "",
    limit: int = 500,
    is_cancelled: Callable[[], bool] = lambda: False,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
) -> References:
    """Returns where `name` is used or defined, in files near `path` first; comments and strings do not count."""
    search = _Search(view, name, path, is_cancelled=is_cancelled, clock=clock, budget_s=budget_s)
    found: list[Reference] = []
    for use in search.uses():
        if len(found) >= limit:
            return References(tuple(found), is_complete=False)
        found.append(use.reference)
    return References(tuple(found), search.is_complete)


def callers(
    view: View,
    name: str,
    *,
    path: str = "",
    limit: int = 200,
    is_cancelled: Callable[[], bool] = lambda: False,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
) -> Callers:
    """Returns the functions that call `name`, in files near `path` first; `limit` counts functions."""
    search = _Search(view, name, path, is_cancelled=is_cancelled, clock=clock, budget_s=budget_s)
    calls: dict[tuple[str, Symbol | None], list[Reference]] = {}
    is_complete = True
    for use in search.uses():
        if not use.is_call or use.reference.is_definition:
            continue
        function = next((symbol for symbol in reversed(use.around) if symbol.kind in FUNCTIONS), None)
        key = (use.reference.path, function)
        if key not in calls and len(calls) >= limit:
            is_complete = False
            break
        calls.setdefault(key, []).append(use.reference)
    found = tuple(Caller(where, symbol, tuple(some)) for (where, symbol), some in calls.items())
    return Callers(found, is_complete and search.is_complete)


class _Search:
    """One walk over the files that may use a name."""

    def __init__(
        self,
        view: View,
        name: str,
        path: str,
        *,
        is_cancelled: Callable[[], bool],
        clock: Callable[[], float],
        budget_s: float,
    ) -> None:
        self._view = view
        self._name = name
        self._path = path
        self._is_cancelled = is_cancelled
        self._clock = clock
        self._until_s = clock() + budget_s
        self.is_complete = True

    def uses(self) -> Iterator[_Use]:
        paths = self._paths()
        for path in paths:
            if self._is_cancelled() or self._clock() > self._until_s:
                self.is_complete = False
                return
            source = source_of(self._view, path)
            if source is not None:
                yield from self._uses_in(path, source)

    def _paths(self) -> list[str]:
        """Returns the files that may hold the name, nearest first."""
        words = words_of(self._name)
        if not words:
            return []
        with self._view.reader.reading():
            chunks = self._view.reader.mentioning(words, _POSTINGS_MAX)
        self.is_complete = len(chunks) < _POSTINGS_MAX
        nearness = Nearness(self._path)
        raw = self._name.encode("utf-8", "surrogateescape")
        paths = {chunk.path for chunk in chunks if chunk.path not in self._view.open_files}
        paths.update(path for path, opened in self._view.open_files.items() if raw in opened.source)
        if len(paths) > _FILES_MAX:
            self.is_complete = False
        return sorted(paths, key=lambda path: (path != self._path, -nearness.of(path), path))[:_FILES_MAX]

    def _uses_in(self, path: str, source: bytes) -> Iterator[_Use]:
        opened = self._view.open_files.get(path)
        language = language_of_path(path)
        found = occurrences(source, language, self._name, clock=self._clock)
        symbols = opened.symbols if opened is not None else found.symbols
        for place in found.places:
            around = _around(symbols, place.start)
            is_definition = any(symbol.name_start == place.start for symbol in around)
            outer = tuple(symbol for symbol in around if symbol.name_start != place.start)
            text = line_text(source, place.start, _LINE_CHARACTERS_MAX)
            enclosing = outer[-1] if outer else None
            reference = Reference(path, place.line, place.column, text, enclosing, is_definition)
            yield _Use(reference, place.is_call, outer)


def _around(symbols: FileSymbols | None, offset: int) -> tuple[Symbol, ...]:
    if symbols is None:
        return ()
    return tuple(symbol for symbol in symbols.symbols if symbol.start <= offset < symbol.end)
