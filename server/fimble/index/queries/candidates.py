"""Definitions that a search may return, before their symbols are read: what the store's short form of them says."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from fimble.index.queries.view import Definition, View
from fimble.index.symbols import FileSymbols, Kind

Pick: TypeAlias = Callable[[str], list[tuple[int, str]]]
"""Says which of a content's names are meant, given `Names.text`: their numbers and the names themselves."""

_PICKS_MAX: Final = 100


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
    wanted = f"\n{name}\n"

    def pick(text: str) -> list[tuple[int, str]]:
        return [(number, name) for number, _ in _places(text, wanted)]

    return pick


def containing(literal: str, is_wanted: Callable[[str], object]) -> Pick:
    """Returns what picks the places of names that hold `literal`, in whatever case, and are wanted.

    A line end in front of `literal` stands for the beginning of a name, one behind it for the end. Of very many names
    that fit, the first ones are picked.
    """
    wanted = literal.lower()

    def pick(text: str) -> list[tuple[int, str]]:
        low = text.lower()
        # A few letters are two in lower case, so that places in the one text are not those in the other.
        every = None if len(low) == len(text) else text[1:-1].split("\n")
        found: list[tuple[int, str]] = []
        for number, at in _places(low, wanted):
            if every is not None:
                name = every[number]
            else:
                start = text.rfind("\n", 0, at + 1) + 1
                name = text[start : text.find("\n", start)]
            if is_wanted(name):
                found.append((number, name))
                if len(found) == _PICKS_MAX:
                    break
        return found

    return pick


def _places(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    """Yields the number of each line that `wanted` is in or begins before, and where in the text it is."""
    number, counted = 0, 1
    at = text.find(wanted)
    while at >= 0:
        end = text.find("\n", at + 1)
        if end < 0:
            return
        number += text.count("\n", counted, at + 1)
        yield number, at
        counted = end
        at = text.find(wanted, end)


def stored_candidates(
    view: View, contents: Iterable[int], pick: Pick, paths: Mapping[int, Sequence[str]]
) -> Iterator[Candidate]:
    """Yields the picked definitions of contents, for each of `paths` that is not open."""
    for content, names in view.reader.names_of(contents).items():
        picked = pick(names.text)
        if not picked:
            continue
        parents = {number: parent for number, _ in picked if (parent := names.parent(number)) is not None}
        every = names.all() if parents else []
        for path in paths.get(content, ()):
            if path in view.open_files:
                continue
            for number, name in picked:
                parent = parents.get(number)
                yield Candidate(
                    path,
                    number,
                    name,
                    Kind(names.kinds[number]),
                    names.line(number),
                    None if parent is None else Kind(names.kinds[parent]),
                    "" if parent is None else every[parent],
                )


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
    scored = list(scored)
    numbers: dict[str, list[int]] = {}
    for candidate, _ in scored:
        numbers.setdefault(candidate.path, []).append(candidate.number)
    stored = view.reader.symbols_at({path: some for path, some in numbers.items() if path not in view.open_files})
    found: list[Definition] = []
    for candidate, score in scored:
        if (opened := view.open_files.get(candidate.path)) is not None:
            symbol = next(iter(opened.symbols.symbols[candidate.number : candidate.number + 1]), None)
        else:
            symbol = stored.get(candidate.path, {}).get(candidate.number)
        if symbol is not None and symbol.name == candidate.name:
            found.append(Definition(candidate.path, symbol, candidate.container, score))
    return found
