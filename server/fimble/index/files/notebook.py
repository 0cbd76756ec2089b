"""Takes a Jupyter notebook apart into its code cells, each of which is a small document with a path of its own."""

import re
from typing import Final, NamedTuple

import msgspec

from fimble.index.languages import language_named, language_of_path

NOTEBOOK_SUFFIX: Final = ".ipynb"
NOTEBOOK_BYTES_MAX: Final = 8 * 1024 * 1024
"""Most of a notebook are pictures in its outputs, so that it may be larger than other files."""

_VIRTUAL: Final = re.compile(r"(.+\.ipynb)#cell-(\d{1,9})", re.DOTALL)
_CELL_MAGIC: Final = re.compile(r"\s*%%([A-Za-z]\w*!?)([^\n]*)")
# What IPython would not pass on to Python: a line magic, a shell command, a question for help.
_LINE_MAGIC: Final = re.compile(r"^([ \t]*)(%[A-Za-z][^\n]*|!(?!=)[^\n]*|\?[^\n]*|[\w.]+\?\??[ \t]*)$", re.MULTILINE)
_ASSIGNED_MAGIC: Final = re.compile(r"^([ \t]*[\w., \t\[\]]+=[ \t]*)(%[A-Za-z][^\n]*|!(?!=)[^\n]*)$", re.MULTILINE)
_SAME_LANGUAGE_MAGICS: Final = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "pypy", "memit"})
_MAGIC_LANGUAGES: Final = {"js": "javascript", "sh": "bash", "bigquery": "sql", "typescript": "typescript"}
_KERNEL_LANGUAGES: Final = {"c++": "cpp", "c++17": "cpp", "ipython": "python", "python3": "python", "c#": "csharp"}


class Cell(NamedTuple):
    """A code cell; `number` counts all cells of the notebook from 0, `language` is a name from `languages`."""

    number: int
    language: str
    source: str


class _NamedLanguage(msgspec.Struct):
    name: str = ""
    language: str = ""


class _Metadata(msgspec.Struct):
    kernelspec: _NamedLanguage | None = None
    language_info: _NamedLanguage | None = None


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: str | list[str] = ""
    input: str | list[str] = ""


class _Worksheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Notebook(msgspec.Struct):
    cells: list[_Cell] = []
    worksheets: list[_Worksheet] = []
    """Where version 3 of the format keeps its cells."""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


_DECODER: Final = msgspec.json.Decoder(_Notebook, strict=False)


def cells_of(content: bytes) -> tuple[Cell, ...]:
    """Returns the code cells of a notebook, none if it is broken; what is no code has become spaces."""
    if len(content) > NOTEBOOK_BYTES_MAX:
        return ()
    try:
        notebook = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    kernel = _kernel_language(notebook.metadata)
    cells = notebook.cells or [cell for worksheet in notebook.worksheets for cell in worksheet.cells]
    found: list[Cell] = []
    for number, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        source = cell.source or cell.input
        language, text = _without_magic(source if isinstance(source, str) else "".join(source), kernel)
        if language and text.strip():
            found.append(Cell(number, language, text))
    return tuple(found)


def virtual_path(path: str, number: int) -> str:
    """Returns the path of a notebook's cell."""
    return f"{path}#cell-{number}"


def split_virtual(path: str) -> tuple[str, int] | None:
    """Returns the notebook's path and the cell's number, or None for the path of an ordinary file."""
    match = _VIRTUAL.fullmatch(path)
    return (match[1], int(match[2])) if match else None


def _kernel_language(metadata: _Metadata) -> str:
    for named in (metadata.kernelspec, metadata.language_info):
        if named is not None:
            # `language` of a kernel is a language; its `name` is one only in `language_info`.
            name = (named.language or (named.name if named is metadata.language_info else "")).lower()
            if name:
                return _known(_KERNEL_LANGUAGES.get(name, name))
    return "python"


def _without_magic(source: str, kernel: str) -> tuple[str, str]:
    """Returns the language of a cell, empty for an unknown one, and its source with spaces for all magic."""
    language = kernel
    if match := _CELL_MAGIC.match(source):
        magic, rest = match[1].rstrip("!"), match[2].split()
        if magic in ("writefile", "file"):
            written = language_of_path(rest[-1]) if rest else None
            language = written.name if written else ""
        elif magic not in _SAME_LANGUAGE_MAGICS:
            language = _known(_MAGIC_LANGUAGES.get(magic.lower(), magic.lower()))
        source = " " * match.end() + source[match.end() :]
    if language == "python":
        source = _ASSIGNED_MAGIC.sub(lambda match: match[1] + "0" + " " * (len(match[2]) - 1), source)
        source = _LINE_MAGIC.sub(lambda match: " " * len(match[0]), source)
    return language, source


def _known(name: str) -> str:
    return name if language_named(name) else ""
