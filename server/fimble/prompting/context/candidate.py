"""A piece of code that may help the model: where it comes from, and why it was looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where a candidate comes from."""

    MEMBERS = "members"
    """What can be named through the object, type or module before the dot at the cursor."""
    CALLEE = "callee"
    """The definition of what is being called at the cursor."""
    DEFINITION = "definition"
    """The definition of a name near the cursor."""
    IMPORTS = "imports"
    """The file's own imports, where they are not in sight."""
    IMPORT = "import"
    """The definition of a name that the file imports and the text around the cursor does not use."""
    USAGE = "usage"
    """A place elsewhere that calls what is being called at the cursor."""
    SIBLING = "sibling"
    """Another type with the same base, or its method of the same name."""
    OWN_FILE = "own-file"
    """A part of the same file that is out of sight and uses the same names."""
    EDIT = "edit"
    """A recent edit."""
    RECENT = "recent"
    """A part that resembles the text around the cursor, of a file that was open lately."""
    SIMILAR = "similar"
    """A part that resembles the text around the cursor, of any file of the workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Lines `first_line` to `last_line` (from 0, inclusive) of the file at `path`, relative to the workspace.

    `text` is the whole piece without common indentation; `signature` is its short form, or all of it where there is
    none. `owner` is the first line of the type around a member. `nearness` says how near the cursor is what it
    explains, `certainty` how sure it is that it is meant; both are between 0 and 1. `why` is a sentence for the user.
    """

    source: Source
    path: str
    first_line: int
    last_line: int
    text: str
    why: str
    signature: str = ""
    owner: str = ""
    name: str = ""
    nearness: float = 1.0
    certainty: float = 1.0

    @property
    def short(self) -> str:
        """The short form."""
        return self.signature or self.text

    def overlaps(self, other: "Candidate") -> bool:
        """Tells whether both show the same lines."""
        return self.path == other.path and self.first_line <= other.last_line and other.first_line <= self.last_line
