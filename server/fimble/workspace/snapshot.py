"""One version of one document, immutable: what a feature answers from."""

from dataclasses import dataclass

from fimble.workspace.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A document as it was at one moment.

    `path` is what a person would call the file: relative to its workspace folder where it is inside one, with
    forward slashes. `language` is the LSP language id. `preceding_cells` holds the sources of the notebook's
    code cells before this one; it is empty for ordinary files.
    """

    uri: str
    path: str
    language: str
    version: int
    text: Text
    preceding_cells: tuple[str, ...] = ()
