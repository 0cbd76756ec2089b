"""Real files as sessions: some statements are taken out of a file, and typed again where they were."""

import ast
import hashlib
import random
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from itertools import accumulate, combinations_with_replacement, pairwise
from pathlib import Path
from typing import Final

from fimble.bench.replay.keys import Buffer, Key, Segment, Session

SPOTS: Final = 2
# How often places are drawn from one file.
_DRAWS: Final = 40
_SPOT_CHARACTERS: Final = (60, 120)
# The spots of a file do not stand close together, or one would tell the other.
_SPOT_DISTANCE: Final = 400
LINES_MIN: Final = 60
LINES_MAX: Final = 700

Gaps = Callable[[random.Random], Iterator[float]]


def typed_files(root: Path, gaps: Gaps, *, seed: int, left_out: Container[str] = ()) -> Iterator[Session]:
    """Yields a session for each Python file below `root` that has spots to type; the order is drawn by `seed`.

    Folders right below `root` whose names are in `left_out` are not looked into.
    """
    files = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in left_out]
    # Each file draws for itself, so that a new file changes nothing at the others.
    files.sort(key=lambda path: _draw(seed, path.relative_to(root)))
    for file in files:
        name = file.relative_to(root).as_posix()
        source = random.Random(f"{seed} {name}")  # noqa: S311 - a simulated typist.
        session = typed_file(f"{root.name}/{name}", file.read_text(encoding="utf-8"), gaps(source), source)
        if session is not None:
            yield session


def typed_again(file: Path, gaps: Gaps, *, seed: int) -> Iterator[Session]:
    """Yields sessions in one file, each with other spots as far as it has them; none where it has no spots."""
    text = file.read_text(encoding="utf-8")
    seen: set[str] = set()
    for number in range(_DRAWS):
        source = random.Random(f"{seed} {file.name} {number}")  # noqa: S311 - a simulated typist.
        session = typed_file(f"{file.parent.name}/{file.name}", text, gaps(source), source)
        if session is not None and seen.isdisjoint(segment.gold for segment in session.segments):
            seen.update(segment.gold for segment in session.segments)
            yield replace(session, name=f"{file.name} {number + 1}", source=file.name)


def typed_file(path: str, text: str, gaps: Iterator[float], source: random.Random) -> Session | None:
    """Returns the session of one file, or None where it is too short or long, or has no spots.

    The spots are taken out at once and typed from the top to the bottom. An editor indents a new line by itself, so
    that a line's end with the indentation after it is one key.
    """
    if not LINES_MIN <= text.count("\n") <= LINES_MAX:
        return None
    spots = _spots(text, source)
    if not spots:
        return None
    segments = []
    for number, (start, end) in enumerate(spots):
        after, last = "", end
        for later_start, later_end in spots[number + 1 :]:
            after += text[last:later_start]
            last = later_end
        buffer = Buffer(path, text[:start], after + text[last:])
        keys = tuple(Key(part, next(gaps)) for part in _presses(text[start:end]))
        segments.append(Segment(buffer=buffer, keys=keys, is_end_known=True))
    return Session(name=path, source=path.partition("/")[0], segments=tuple(segments))


def _spots(text: str, source: random.Random) -> list[tuple[int, int]]:
    """Returns up to `SPOTS` places apart from each other, offsets from the first character to behind the last.

    A place is one statement or several that follow each other in a function, no docstring among them. Its first
    line's indentation is not part of it: an editor has put it there already.
    """
    candidates = list(_candidates(text))
    source.shuffle(candidates)
    chosen: list[tuple[int, int]] = []
    for spot in candidates:
        trial = sorted([*chosen, spot])
        if all(right[0] - left[1] >= _SPOT_DISTANCE for left, right in pairwise(trial)):
            chosen = trial
        if len(chosen) == SPOTS:
            break
    return chosen


def _candidates(text: str) -> Iterator[tuple[int, int]]:
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]

    def offset(line: int, column_bytes: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column_bytes].decode())

    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
        for first, last in combinations_with_replacement(range(len(statements)), 2):
            begin = offset(statements[first].lineno, statements[first].col_offset)
            end = offset(statements[last].end_lineno or 0, statements[last].end_col_offset or 0)
            # A comment behind the last statement would be to the right of the cursor.
            is_whole = text[end : end + 1] in ("", "\n")
            if is_whole and _SPOT_CHARACTERS[0] <= end - begin <= _SPOT_CHARACTERS[1]:
                yield begin, end


def _presses(text: str) -> Iterator[str]:
    """Yields what each press puts in."""
    number = 0
    while number < len(text):
        end = number + 1
        if text[number] == "\n":
            while end < len(text) and text[end] in " \t":
                end += 1
        yield text[number:end]
        number = end


def _draw(seed: int, path: Path) -> str:
    return hashlib.sha256(f"{seed} {path.as_posix()}".encode()).hexdigest()
