"""What navigation answers with, in the editor's own positions but without any protocol type.

A point is a line and a character, counted from 0 as the editor counts; it is exact wherever the file's text could be
looked at, and otherwise takes the line for ASCII.
"""

from dataclasses import dataclass

from fimble.index.symbols import Kind
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between two points."""

    start: Point
    end: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Asks about the word at `offset` (code points from the start) of `snapshot`.

    `encoding` is how the editor counts; answers use it.
    """

    snapshot: Snapshot
    offset: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Place:
    """A definition: all of it, and its name."""

    uri: str
    whole: Span
    name: Span


@dataclass(frozen=True, slots=True)
class Definitions:
    """Where the word at the cursor is defined; `word` is that word's own place."""

    word: Span
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """A place where a name is used."""

    uri: str
    span: Span


@dataclass(frozen=True, slots=True)
class Description:
    """What a person wants to know of a definition; `line` counts from 1, `path` is for showing."""

    language: str
    signature: str
    documentation: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What is known of the word at the cursor, the likeliest meaning first."""

    word: Span
    found: tuple[Description, ...]


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A symbol of a document; `parent` is the number of the entry around it, or -1."""

    name: str
    detail: str
    kind: Kind
    whole: Span
    selection: Span
    parent: int


@dataclass(frozen=True, slots=True)
class FoundSymbol:
    """A symbol of the workspace that matches what the user typed."""

    name: str
    kind: Kind
    container: str
    uri: str
    span: Span
