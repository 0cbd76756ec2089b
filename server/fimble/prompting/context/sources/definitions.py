"""Definitions of the names near the cursor, of what is called there, and of what the file imports."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from fimble.index.queries.definitions import IMPORTED, IN_IMPORTED_FILE, definitions
from fimble.index.queries.view import Definition
from fimble.index.symbols import FUNCTIONS, TYPES, Kind
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.search import Search

_NAMES_MAX: Final = 24
_IMPORTS_MAX: Final = 12
# What is defined by its name alone somewhere in the workspace, no import leading there, may be anything.
_BY_NAME: Final = 0.25
# A file that this one imports defines it; it may be named through a variable.
_REACHED: Final = 0.6
_SURE_SCORE: Final = IMPORTED - 100
_REACHED_SCORE: Final = IN_IMPORTED_FILE - 50
_IMPORT_NEARNESS: Final = 0.25
_SHARED_WORDS: Final = 0.35
# Whoever has just imported a name is about to use it.
_NOT_USED_YET: Final = 0.3
_NAME: Final = re.compile(r"[^\W\d]\w*")
_IMPORT_LINES_MAX: Final = 60
_SPACES: Final = re.compile(r"\s+")
_CODE: Final = FUNCTIONS | TYPES | {Kind.TYPE, Kind.MACRO}
_VALUES: Final = frozenset({Kind.CONSTANT, Kind.VARIABLE})


def definition_called(search: Search) -> Iterator[Candidate]:
    """Yields the definition of what is being called at the cursor."""
    if search.cursor.callee and not search.is_cancelled():
        name = search.cursor.callee[-1]
        yield from _cut(search, name, Source.CALLEE, f"{name} is being called here", 1.0)


def definitions_near(search: Search) -> Iterator[Candidate]:
    """Yields the definitions of the names near the cursor."""
    for near in search.cursor.names[:_NAMES_MAX]:
        if search.is_cancelled():
            return
        yield from _cut(search, near.name, Source.DEFINITION, f"{near.name} is used near the cursor", near.nearness)


def definitions_imported(search: Search) -> Iterator[Candidate]:
    """Yields the definitions of names that the file imports and that do not stand near the cursor.

    Those come first that the file does not use yet, and those that share words with the names around the cursor.
    """
    for name, nearness, _ in names_imported(search)[:_IMPORTS_MAX]:
        if search.is_cancelled():
            return
        yield from _cut(search, name, Source.IMPORT, f"{name} is imported by this file", nearness)


def names_imported(search: Search) -> list[tuple[str, float, bool]]:
    """Returns the imported names that are not near the cursor, their nearness, and whether they are used yet."""
    symbols = search.view.symbols(search.path)
    near = {each.name for each in search.cursor.names}
    imported = dict.fromkeys(one.alias or one.name for one in (symbols.imports if symbols is not None else ()))
    used = Counter(_NAME.findall(search.cursor.text.content)) if imported else Counter()
    found = [
        (name, _import_nearness(search, name, is_used=used[name] > 1), used[name] > 1)
        for name in imported
        if name and name != "*" and name not in near
    ]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _import_nearness(search: Search, name: str, *, is_used: bool) -> float:
    shared = search.cursor.likeness(name)
    return min(1.0, _IMPORT_NEARNESS + _SHARED_WORDS * shared + (0 if is_used else _NOT_USED_YET))


def _cut(search: Search, name: str, source: Source, why: str, nearness: float) -> Iterator[Candidate]:
    """Yields the definition that is meant, if one is."""
    found = definitions(search.view, name, path=search.path, line=search.cursor.line, limit=1)
    if not found or not _is_telling(search, found[0]):
        return
    score = found[0].score
    certainty = 1.0 if score >= _SURE_SCORE else _REACHED if score >= _REACHED_SCORE else _BY_NAME
    if certainty == _BY_NAME and name in search.cursor.assigned:
        return
    candidate = search.cut.of(found[0], source, why, nearness=nearness, certainty=certainty)
    if candidate is not None:
        yield candidate


def _is_telling(search: Search, definition: Definition) -> bool:
    """Tells whether a definition is more than the name says: a local variable or somebody's field is not."""
    symbol = definition.symbol
    if symbol.kind in _VALUES:
        return symbol.parent < 0 and definition.score >= _SURE_SCORE
    symbols = search.view.symbols(search.path) if definition.path == search.path else None
    is_local = symbols is not None and 0 <= symbol.parent < len(symbols.symbols)
    if is_local and symbols is not None and symbols.symbols[symbol.parent].kind in FUNCTIONS:
        return False
    return symbol.kind in _CODE


def imports_shown(search: Search) -> Iterator[Candidate]:
    """Yields the file's own imports, each in one line: which names there are to use."""
    symbols = search.view.symbols(search.path)
    lines = search.cut.lines(search.path)
    numbers = sorted({one.line for one in (symbols.imports if symbols is not None else ()) if one.line < len(lines)})
    statements: dict[str, None] = {}
    end = -1
    for number in numbers[:_IMPORT_LINES_MAX]:
        if number <= end:
            continue
        statement, depth = "", 0
        for line in lines[number : number + _IMPORT_LINES_MAX]:
            end = number + statement.count("\n")
            statement += f"{line.strip()}\n"
            depth += line.count("(") + line.count("{") - line.count(")") - line.count("}")
            if depth <= 0:
                break
        statements[_SPACES.sub(" ", statement).strip()] = None
    if statements:
        text = "\n".join(statements)
        yield Candidate(
            source=Source.IMPORTS,
            path=search.path,
            first_line=numbers[0],
            last_line=end,
            text=text,
            signature=text,
            name="imports",
            why="these are the file's own imports",
        )
