"""What is typed to measure the server's own share: statements in long files, at one place after the other."""

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Final

from fimble.bench.server_latency_workspace import LongFile

# The typist goes elsewhere after so many keys, so that the rarer, dearer first key at a place is among the slowest 2 %.
KEYS_PER_PLACE: Final = 50
# And stops once to think, long enough for the work that the server leaves for pauses; some keys come in the middle of
# that.
KEYS_BEFORE_PAUSE: Final = 25
PAUSE_S: Final = (1.5, 2.0)


def keys_at_places(long: LongFile, source: random.Random) -> Iterator[list[tuple[int, int, str]]]:
    """Yields the keys of one place after the other without end: line and character, from 0, and what is put in there.

    Each place begins with a new line, which an editor indents, above one that returns. That the lines of earlier
    places are in the file is not counted on: whoever types takes them out before going on.
    """
    lines = long.text.split("\n")
    places = _places_in(lines)
    statements = itertools.cycle(long.statements)
    while places:
        above = source.choice(places) - 1
        indentation = lines[above + 1][: len(lines[above + 1]) - len(lines[above + 1].lstrip())]
        line, character = above, len(lines[above])
        keys: list[tuple[int, int, str]] = []
        while len(keys) < KEYS_PER_PLACE:
            for text in ["\n" + indentation, *next(statements)]:
                keys.append((line, character, text))
                line, character = (line + 1, len(indentation)) if text[0] == "\n" else (line, character + 1)
        yield keys[:KEYS_PER_PLACE]


def has_places(long: LongFile) -> bool:
    """Tells whether there is a place to type at."""
    return bool(_places_in(long.text.split("\n")))


def _places_in(lines: Sequence[str]) -> list[int]:
    """Returns the numbers of lines that return something; there is one above each."""
    return [number for number, line in enumerate(lines) if number and line.lstrip().startswith("return ")]
