"""What a query looks at: the stored index, with the open documents laid over it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fimble.index.store.reader import Reader
from fimble.index.symbols import FileSymbols, Symbol


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A document that is open in the editor: its text in UTF-8 and its symbols, newer than what is on disk."""

    source: bytes
    symbols: FileSymbols


@dataclass(frozen=True, slots=True)
class View:
    """A workspace at one moment. `open_files` are keyed by path relative to `root` and win over the store."""

    root: Path
    reader: Reader
    open_files: Mapping[str, OpenFile] = field(default_factory=dict)
    memory: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What questions to this view have found out and later ones need again; a view lives as long as one answer."""

    def symbols(self, path: str) -> FileSymbols | None:
        """Returns the symbols of a file, as it is in the editor or else as it was indexed."""
        opened = self.open_files.get(path)
        return opened.symbols if opened is not None else self.reader.symbols(path)


@dataclass(frozen=True, slots=True)
class Definition:
    """A symbol and the file that defines it; `container` is the name of the symbol around it, or empty."""

    path: str
    symbol: Symbol
    container: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    """A place where a name is used. `line_text` is the line there, `enclosing` the innermost symbol around it."""

    path: str
    line: int
    column: int
    line_text: str
    enclosing: Symbol | None = None
    is_definition: bool = False
