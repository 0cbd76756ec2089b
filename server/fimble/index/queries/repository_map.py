"""What a workspace offers to the files that somebody works on, as a short text for a model: its likeliest signatures.

The idea is that of Aider's repository map. Unlike there, a name links files through a node of its own, nothing is
ranked per pair of files, and the text never exceeds its budget.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from fimble.index.queries.name_graph import NameGraph, Snapshot
from fimble.index.queries.nearness import is_test
from fimble.index.queries.page_rank import Floats, SmallFloats
from fimble.index.queries.view import View
from fimble.index.symbols import CONTAINERS, FUNCTIONS, Kind, Symbol

_FILES_MAX: Final = 150
_TAGS_MAX: Final = 1_500
_SYMBOLS_MAX: Final = 10_000
_FOCUS_SHARE: Final = 0.9
_TEST_WEIGHT: Final = 0.02
_SIGNATURE_CHARACTERS_MAX: Final = 160
_SHOWN: Final = FUNCTIONS | CONTAINERS | {Kind.TYPE, Kind.MACRO, Kind.CONSTANT, Kind.TABLE}
_DEFINERS_OF_MENTIONED_MAX: Final = 50
# A definition that nobody names is shown after all of those that somebody does.
_UNNAMED: Final = 1e-6
_PRIVATE_WEIGHT: Final = 0.1
_PLAIN_WORD_WEIGHT: Final = 0.15
_CONSTANT_WEIGHT: Final = 0.4


@dataclass(frozen=True, slots=True)
class MappedFile:
    """A file of the map, with its share of the rank and the symbols that are shown."""

    path: str
    rank: float
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class RepositoryMap:
    """The map as text, best file first, and what it is made of."""

    text: str
    tokens: int
    files: tuple[MappedFile, ...]


class _Tag(NamedTuple):
    score: float
    file: int
    number: int


def repository_map(
    view: View,
    *,
    tokens_max: int,
    focus_paths: Collection[str] = (),
    mentioned_names: Collection[str] = (),
    count_tokens: Callable[[str], int] = lambda text: len(text) // 4,
    graph: NameGraph | None = None,
) -> RepositoryMap:
    """Returns the signatures that matter most to the files in focus, which are themselves left out.

    `mentioned_names` are names that the user wrote: files that define them are in focus, too, but are shown. Pass
    the same `graph` each time; it keeps what it has read.
    """
    snapshot = (graph or NameGraph()).snapshot(view)
    restart = _restart(view, snapshot, focus_paths, mentioned_names)
    ranks = snapshot.ranking.rank(restart)
    files = _best_files(snapshot, ranks.files, focus_paths)
    with view.reader.reading():
        symbols = {number: _symbols(view, snapshot.files[number].path) for number in files}
    weights = {number: float(ranks.files[number]) * _weight(snapshot, number, focus_paths) for number in files}
    mentioned = set(mentioned_names)
    tags = _tags(snapshot, ranks.names, symbols, weights, mentioned)
    ranking = sorted(files, key=lambda number: -weights[number])

    def rendered(count: int) -> tuple[str, list[MappedFile]]:
        chosen: dict[int, set[int]] = {}
        for tag in tags[:count]:
            chosen.setdefault(tag.file, set()).add(tag.number)
        text: list[str] = []
        mapped: list[MappedFile] = []
        for number in ranking:
            if number in chosen:
                path = snapshot.files[number].path
                shown = _with_parents(symbols[number], chosen[number])
                text.append(_rendered_file(path, symbols[number], shown))
                mapped.append(MappedFile(path, weights[number], tuple(symbols[number][one] for one in shown)))
        return "\n".join(text), mapped

    low, high = 0, len(tags)
    best, best_tokens = rendered(0), 0
    while low < high:
        middle = (low + high + 1) // 2
        candidate = rendered(middle)
        tokens = count_tokens(candidate[0])
        if tokens <= tokens_max:
            low, best, best_tokens = middle, candidate, tokens
        else:
            high = middle - 1
    return RepositoryMap(best[0], best_tokens, tuple(best[1]))


def _restart(view: View, snapshot: Snapshot, focus_paths: Collection[str], mentioned_names: Collection[str]) -> Floats:
    """Returns how often the walk begins at each file: mostly in the focus, sometimes anywhere."""
    restart = snapshot.weights.copy()
    focus = [snapshot.numbers[path] for path in focus_paths if path in snapshot.numbers]
    for name in mentioned_names:
        contents = view.reader.defining(name, _DEFINERS_OF_MENTIONED_MAX)
        names = view.reader.names_of(contents)
        paths = view.reader.paths_of(
            content for content in contents if content in names and f"\n{name}\n" in names[content].text
        )
        focus.extend(snapshot.numbers[path] for some in paths.values() for path in some if path in snapshot.numbers)
    if focus and restart.sum() > 0:
        restart *= (1.0 - _FOCUS_SHARE) / restart.sum()
        for number in focus:
            restart[number] += _FOCUS_SHARE / len(focus)
    return restart


def _best_files(snapshot: Snapshot, ranks: Floats, focus_paths: Collection[str]) -> list[int]:
    hidden = {snapshot.numbers[path] for path in focus_paths if path in snapshot.numbers}
    count = min(len(ranks), 2 * _FILES_MAX + len(hidden))
    if count == 0:
        return []
    likely = np.argpartition(-ranks, count - 1)[:count]
    found = [int(number) for number in likely if int(number) not in hidden]
    found.sort(
        key=lambda number: (-ranks[number] * _weight(snapshot, number, focus_paths), snapshot.files[number].path)
    )
    return found[:_FILES_MAX]


def _weight(snapshot: Snapshot, number: int, focus_paths: Collection[str]) -> float:
    weight = float(snapshot.weights[number])
    if is_test(snapshot.files[number].path) and not any(is_test(path) for path in focus_paths):
        weight *= _TEST_WEIGHT
    return weight


def _symbols(view: View, path: str) -> tuple[Symbol, ...]:
    found = view.symbols(path)
    return found.symbols if found is not None else ()


def _tags(
    snapshot: Snapshot,
    through_names: SmallFloats,
    symbols: dict[int, tuple[Symbol, ...]],
    weights: dict[int, float],
    mentioned: set[str],
) -> list[_Tag]:
    """Returns the definitions that may be shown, best first."""
    shown: list[tuple[int, int, Symbol]] = []
    # Files come best first, so that what is beyond the limit would hardly be shown anyway.
    for file, some in symbols.items():
        seen: set[tuple[int, str]] = set()
        for number, symbol in enumerate(some):
            # Of overloads, one says enough.
            if symbol.kind not in _SHOWN or (symbol.parent, symbol.name) in seen or _is_hidden(some, symbol):
                continue
            seen.add((symbol.parent, symbol.name))
            shown.append((file, number, symbol))
        if len(shown) > _SYMBOLS_MAX:
            break
    names = snapshot.name_numbers([(snapshot.files[file].path, symbol.name) for file, _, symbol in shown])
    tags: list[_Tag] = []
    for (file, number, symbol), name in zip(shown, names, strict=True):
        passed = float(through_names[name]) if name >= 0 else 0.0
        score = (passed + _UNNAMED) * weights[file] ** 0.5 * _telling(symbol)
        if symbol.name in mentioned:
            score += 1.0
        tags.append(_Tag(score, file, number))
    tags.sort(key=lambda tag: (-tag.score, tag.file, tag.number))
    return tags[:_TAGS_MAX]


def _telling(symbol: Symbol) -> float:
    """Returns how likely a mention of a symbol's name means this symbol, and how much its signature says."""
    weight = _CONSTANT_WEIGHT if symbol.kind is Kind.CONSTANT else 1.0
    if symbol.name.startswith("_"):
        return weight * _PRIVATE_WEIGHT
    # `list` and `values` are words of every text; `ensure_list` and `StateMachine` are names.
    return weight * (_PLAIN_WORD_WEIGHT if symbol.name.islower() and symbol.name.isalpha() else 1.0)


def _is_hidden(symbols: Sequence[Symbol], symbol: Symbol) -> bool:
    """Returns whether a symbol is inside of a function, where nobody else can use it."""
    parent = symbol.parent
    for _ in range(len(symbols)):
        if not 0 <= parent < len(symbols):
            return False
        if symbols[parent].kind in FUNCTIONS:
            return True
        parent = symbols[parent].parent
    return False


def _with_parents(symbols: Sequence[Symbol], chosen: set[int]) -> list[int]:
    """Returns the chosen symbols and those around them, in the order of the file."""
    shown = set(chosen)
    for number in chosen:
        parent = symbols[number].parent
        while 0 <= parent < len(symbols) and parent not in shown:
            shown.add(parent)
            parent = symbols[parent].parent
    return sorted(shown)


def _rendered_file(path: str, symbols: Sequence[Symbol], shown: Sequence[int]) -> str:
    lines = [f"{path}:"]
    for number in shown:
        depth = 1
        parent = symbols[number].parent
        while 0 <= parent < len(symbols) and depth < 10:
            depth += 1
            parent = symbols[parent].parent
        symbol = symbols[number]
        lines.append("  " * depth + (symbol.signature or symbol.name)[:_SIGNATURE_CHARACTERS_MAX])
    return "\n".join(lines) + "\n"
