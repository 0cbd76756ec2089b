"""What is typed: keys with the pauses before them, segments at one place, sessions in one document."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

# A pause in which somebody thinks says nothing about completion, and would only make the measurement longer.
GAP_MAX_S: Final = 3.0

_LANGUAGES: Final = {
    ".c": "c",
    ".cpp": "cpp",
    ".css": "css",
    ".go": "go",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".json": "json",
    ".lua": "lua",
    ".md": "markdown",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "shellscript",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
}


@dataclass(frozen=True, slots=True)
class Key:
    """What one press puts in: a character, or what an editor adds to it, such as a line end with its indentation.

    `gap_s` is the pause before the press.
    """

    text: str
    gap_s: float


@dataclass(frozen=True, slots=True)
class Buffer:
    """A document as it is on the screen, cut at the cursor; `path` is relative and has forward slashes."""

    path: str
    before: str
    after: str

    def typed(self, text: str) -> "Buffer":
        """Returns the document after `text` was put in at the cursor."""
        return replace(self, before=self.before + text)

    @property
    def text(self) -> str:
        """The whole document."""
        return self.before + self.after

    @property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def line_after(self) -> str:
        """The cursor's line from the cursor on, without its end."""
        return self.after.partition("\n")[0].removesuffix("\r")

    @property
    def position(self) -> tuple[int, int]:
        """The cursor's line and its character there in code points, both from 0."""
        return self.before.count("\n"), len(self.line_before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Keys that are typed one after the other at one place.

    `is_end_known` tells that nothing belongs between the last key and the text after it. Of a recording one knows
    only what was typed until the typist did something else.
    """

    buffer: Buffer
    keys: tuple[Key, ...]
    is_end_known: bool = False

    @property
    def gold(self) -> str:
        """What the keys type."""
        return "".join(key.text for key in self.keys)

    @property
    def seconds(self) -> float:
        """How long typing takes without suggestions."""
        return sum(key.gap_s for key in self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Segments that follow each other in one document; `source` says where they come from."""

    name: str
    source: str
    segments: tuple[Segment, ...]

    @property
    def keys(self) -> int:
        """How many presses it takes without suggestions."""
        return sum(len(segment.keys) for segment in self.segments)

    @property
    def seconds(self) -> float:
        """How long typing takes without suggestions."""
        return sum(segment.seconds for segment in self.segments)


def capped(gaps_s: Iterable[float]) -> list[float]:
    """Returns pauses in whole milliseconds, of which none is longer than `GAP_MAX_S`, or negative."""
    return [round(min(max(gap_s, 0.0), GAP_MAX_S), 3) for gap_s in gaps_s]


def language_of(path: str) -> str:
    """Returns the LSP language id that an editor gives to a file."""
    return _LANGUAGES.get(PurePosixPath(path).suffix, "plaintext")
