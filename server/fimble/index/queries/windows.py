"""Code that resembles a piece of code in files that were open or edited lately.

Windows of 60 lines are compared by the identifiers that they share (Jaccard), as GitHub Copilot is known to have
done; a stride of 20 lines and a list of windows for each identifier make that a matter of a millisecond.
"""

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

WINDOW_LINES: Final = 60
STRIDE_LINES: Final = 20
FILES_MAX: Final = 60
_LINES_MAX: Final = 10_000
_LINE_CHARACTERS_MAX: Final = 500
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Window:
    """Lines `first_line` up to but without `end_line` of a file; `score` is between 0 and 1."""

    path: str
    first_line: int
    end_line: int
    text: str
    score: float


class RecentWindows:
    """Windows over the files that were used last; the least recently updated one goes first when there are many."""

    def __init__(self, files_max: int = FILES_MAX) -> None:
        self._files_max = files_max
        self._files: OrderedDict[str, _File] = OrderedDict()

    def update(self, path: str, text: str) -> None:
        """Takes a file's text, new or changed."""
        known = self._files.get(path)
        if known is None or known.text != text:
            self._files[path] = _File(text)
        self._files.move_to_end(path)
        while len(self._files) > self._files_max:
            self._files.popitem(last=False)

    def forget(self, path: str) -> None:
        """Drops a file."""
        self._files.pop(path, None)

    def similar(self, text: str, limit: int, *, path: str = "") -> list[Window]:
        """Returns the best window of each file but `path`, best first, where they share anything with `text`."""
        wanted = set(_IDENTIFIER.findall(text))
        if not wanted or limit <= 0:
            return []
        best: list[tuple[float, str, int]] = []
        for file_path, file in self._files.items():
            if file_path != path and (found := file.best(wanted)) is not None:
                best.append((found[0], file_path, found[1]))
        best.sort(key=lambda entry: (-entry[0], entry[1]))
        return [self._files[where].window(where, number, score) for score, where, number in best[:limit]]


class _File:
    """A text, and for each of its identifiers the numbers of the windows that hold it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.split("\n")[:_LINES_MAX]
        identifiers = [set(_IDENTIFIER.findall(line[:_LINE_CHARACTERS_MAX])) for line in self._lines]
        self._windows_of: dict[str, list[int]] = {}
        self._sizes: list[int] = []
        for first in range(0, max(1, len(self._lines) - WINDOW_LINES + STRIDE_LINES), STRIDE_LINES):
            inside: set[str] = set().union(*identifiers[first : first + WINDOW_LINES])
            for identifier in inside:
                self._windows_of.setdefault(identifier, []).append(len(self._sizes))
            self._sizes.append(len(inside))

    def best(self, wanted: set[str]) -> tuple[float, int] | None:
        """Returns score and number of the window that shares most."""
        shared: Counter[int] = Counter()
        for identifier in wanted:
            shared.update(self._windows_of.get(identifier, ()))
        if not shared:
            return None
        score, number = max(
            (count / (len(wanted) + self._sizes[number] - count), -number) for number, count in shared.items()
        )
        return score, -number

    def window(self, path: str, number: int, score: float) -> Window:
        """Returns a window with its text."""
        first = number * STRIDE_LINES
        lines = self._lines[first : first + WINDOW_LINES]
        return Window(path, first, first + len(lines), "\n".join(line.rstrip("\r") for line in lines), score)
