"""Definitions that a search may return, before their symbols are read: what the store's short form of them says."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from fimble.index.queries.view import Definition, View
from fimble.index.store.contents import Names
from fimble.index.symbols import FileSymbols, Kind

Pick: TypeAlias = Callable[[list[str]], list[int]]
"""Says which of a content's names are meant, by their places in the list."""

_PICKS_MAX: Final = 200


class Candidate(NamedTuple):
    """A definition: symbol `number` of a file. `container` is the name of the symbol around it, or empty."""

    path: str
    number: int
    name: str
    kind: Kind
    line: int
    parent_kind: Kind | None
    container: str


def exactly(name: str) -> Pick:
    """Returns what picks the places of exactly `name`."""

    def pick(names: list[str]) -> list[int]:
        found: list[int] = []
        at = -1
        # Most lists have it once or never, and some are very long.
        with contextlib.suppress(ValueError):
            while True:
                at = names.index(name, at + 1)
                found.append(at)
        return found

    return pick


def containing(literal: str, is_wanted: Callable[[str], object], *, is_prefix: bool = False) -> Pick:
    """Returns what picks the places of names that hold `literal`, in whatever case, and are wanted.

    Long lists are searched as one text, which is ten times faster than asking for each name; of very many names that
    fit, the first ones are picked.
    """
    low = ("\n" if is_prefix else "") + literal.lower()

    def pick(names: list[str]) -> list[int]:
        text = "\n" + "\n".join(names).lower()
        found: list[int] = []
        number, counted = -1, 0
        at = text.find(low)
        while at >= 0:
            number += text.count("\n", counted, at + 1)
            if number < len(names) and is_wanted(names[number]):
                found.append(number)
                if len(found) == _PICKS_MAX:
                    break
            counted = text.find("\n", at + 1)
            if counted < 0:
                break
            at = text.find(low, counted)
        return found

    return pick


def stored_candidates(
    view: View, contents: Iterable[int], pick: Pick, paths: Mapping[int, Sequence[str]]
) -> Iterator[Candidate]:
    """Yields the picked definitions of contents, for each of `paths` that is not open."""
    for content, names in view.reader.names_of(contents).items():
        numbers = pick(names.names)
        if not numbers:
            continue
        for path in paths.get(content, ()):
            if path not in view.open_files:
                for number in numbers:
                    yield _stored(path, number, names)


def open_candidates(view: View, is_wanted: Callable[[str], object]) -> Iterator[Candidate]:
    """Yields the definitions in open files whose names are wanted."""
    for path, opened in view.open_files.items():
        yield from candidates_in(path, opened.symbols, is_wanted)


def candidates_in(path: str, symbols: FileSymbols, is_wanted: Callable[[str], object]) -> Iterator[Candidate]:
    """Yields the definitions of one file whose names are wanted."""
    every = symbols.symbols
    for number, symbol in enumerate(every):
        if is_wanted(symbol.name):
            parent = every[symbol.parent] if 0 <= symbol.parent < len(every) else None
            yield Candidate(
                path,
                number,
                symbol.name,
                symbol.kind,
                symbol.line,
                parent.kind if parent else None,
                parent.name if parent else "",
            )


def read_definitions(view: View, scored: Iterable[tuple[Candidate, float]]) -> list[Definition]:
    """Reads the symbols of candidates, each file once; those of files that have changed meanwhile are left out."""
    known: dict[str, FileSymbols | None] = {}
    found: list[Definition] = []
    for candidate, score in scored:
        if candidate.path not in known:
            known[candidate.path] = view.symbols(candidate.path)
        symbols = known[candidate.path]
        if symbols is None or candidate.number >= len(symbols.symbols):
            continue
        symbol = symbols.symbols[candidate.number]
        if symbol.name == candidate.name:
            found.append(Definition(candidate.path, symbol, candidate.container, score))
    return found


def _stored(path: str, number: int, names: Names) -> Candidate:
    parent = names.parents[number]
    has_parent = 0 <= parent < len(names.names)
    return Candidate(
        path,
        number,
        names.names[number],
        Kind(names.kinds[number]),
        names.lines[number],
        Kind(names.kinds[parent]) if has_parent else None,
        names.names[parent] if has_parent else "",
    )
