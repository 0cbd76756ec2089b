"""How long questions to an index take, asked about names and places taken from the index itself."""

import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from fimble.index.queries.definitions import definitions
from fimble.index.queries.name_graph import NameGraph
from fimble.index.queries.references import references
from fimble.index.queries.repository_map import repository_map
from fimble.index.queries.search import find_symbols
from fimble.index.queries.similar import similar_chunks
from fimble.index.queries.sources import source_of
from fimble.index.queries.view import View
from fimble.index.store.reader import Reader

_NAMES: Final = 300
_MAPS: Final = 20
_TEXTS: Final = 100
_REFERENCES: Final = 40
_LINES: Final = 40
_MAP_TOKENS: Final = 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    n: int
    p50: float
    p99: float
    max: float


def measure_queries(root: Path, folder: Path) -> dict[str, Times]:
    """Asks the index in `folder`."""
    reader = Reader(folder)
    view = View(root, reader)
    choice = random.Random(0)  # noqa: S311 - nothing depends on it being hard to guess.
    try:
        places = _places(reader, choice)
        if not places:
            return {}
        graph = NameGraph()
        texts = [text for path, _, line in places[:_TEXTS] if (text := _lines(view, path, line))]
        return {
            "definition": _timed(places, lambda place: definitions(view, place[1], path=place[0], line=place[2])),
            "prefix": _timed(places, lambda place: find_symbols(view, place[1][:4])),
            "first_map": _timed(places[:1], lambda place: repository_map(view, tokens_max=_MAP_TOKENS, graph=graph)),
            "map": _timed(
                places[:_MAPS],
                lambda place: repository_map(view, tokens_max=_MAP_TOKENS, focus_paths=[place[0]], graph=graph),
            ),
            "similar": _timed(texts, lambda text: similar_chunks(view, text)),
            "references": _timed(
                places[:_REFERENCES], lambda place: references(view, place[1], path=place[0], limit=500)
            ),
        }
    finally:
        reader.close()


def _places(reader: Reader, choice: random.Random) -> list[tuple[str, str, int]]:
    """Returns path, name and line of definitions, chosen by chance."""
    entries = [entry for entry in reader.files() if entry.content is not None]
    choice.shuffle(entries)
    names = reader.names_of([entry.content for entry in entries[: 4 * _NAMES] if entry.content is not None])
    places = []
    for entry in entries[: 4 * _NAMES]:
        known = names.get(entry.content) if entry.content is not None else None
        if known is not None and len(known):
            number = choice.randrange(len(known))
            places.append((entry.path, known.all()[number], known.line(number)))
    return places[:_NAMES]


def _lines(view: View, path: str, line: int) -> str:
    source = source_of(view, path) or b""
    return b"\n".join(source.split(b"\n")[max(line - _LINES // 2, 0) : line + _LINES // 2]).decode("utf-8", "replace")


def _timed(questions: Iterable[T], ask: Callable[[T], object]) -> Times:
    times = []
    for question in questions:
        began_s = time.perf_counter()
        ask(question)
        times.append((time.perf_counter() - began_s) * 1000)
    times.sort()
    if not times:
        return Times(0, 0.0, 0.0, 0.0)
    return Times(len(times), statistics.median(times), times[min(int(len(times) * 0.99), len(times) - 1)], times[-1])
