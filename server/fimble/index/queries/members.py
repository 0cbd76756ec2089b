"""What is inside of a type or module: its own members, those added elsewhere, and those of the types it builds on."""

import re
from collections.abc import Iterator
from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.queries.definitions import definitions
from fimble.index.queries.imports import resolve_all
from fimble.index.queries.imports.workspace_files import WorkspaceFiles, folder_of
from fimble.index.queries.nearness import family_of
from fimble.index.queries.view import Definition, View
from fimble.index.symbols import CONTAINERS, TYPES, Kind

_LEVELS_MAX: Final = 3
_BASES_MAX: Final = 8
_BLOCKS_MAX: Final = 40
_FOLDER_FILES_MAX: Final = 60
_ADDING_LANGUAGES: Final = frozenset({"rust", "swift", "csharp", "ruby", "kotlin"})

_DATA_TYPES: Final = TYPES - {Kind.IMPLEMENTATION}
_NAME: Final = re.compile(r"[^\W\d][\w$]*(?:(?:\.|::|\\)[^\W\d][\w$]*)*")
_ARGUMENTS: Final = re.compile(r"\[[^\[\]]*\]|<[^<>]*>|\([^()]*\)")
_RELATIONS: Final = re.compile(r"\b(?:extends|implements|with)\b|(?<!:):(?!:)|(?<=\s)<(?=\s)")
_NO_BASES: Final = frozenset({"public", "private", "protected", "virtual", "where", "class", "object", "final"})


def members(view: View, container: str | Definition, *, path: str = "", limit: int = 200) -> list[Definition]:
    """Returns what can be named through a type or module: own members first, then inherited ones, each name once.

    A name is looked up as `path` would mean it; it may also be that of a module which `path` imports.
    """
    with view.reader.reading():
        start = container if isinstance(container, Definition) else _type_named(view, container, path)
        if start is None:
            return _of_module(view, str(container), path)[:limit]
        found: dict[str, Definition] = {}
        waiting, seen = [(start, 0)], set[tuple[str, int]]()
        while waiting:
            definition, level = waiting.pop(0)
            if (definition.path, definition.symbol.name_start) in seen:
                continue
            seen.add((definition.path, definition.symbol.name_start))
            for member in _all_of(view, definition):
                # What is nearer hides what is further away; overloads of one type stay side by side.
                key = member.symbol.name if level else f"{member.path}:{member.symbol.name_start}"
                if not level or all(member.symbol.name != other.symbol.name for other in found.values()):
                    found.setdefault(key, member)
            if level < _LEVELS_MAX:
                waiting.extend((base, level + 1) for base in _bases(view, definition))
        return list(found.values())[:limit]


def base_names(signature: str, name: str, language: str) -> list[str]:
    """Returns the names of the types that a type's signature says it builds on."""
    _, spelled, rest = signature.partition(name)
    if not spelled:
        return []
    if language == "python":
        inside = rest.partition("(")[2].rpartition(")")[0]
        while (shorter := _ARGUMENTS.sub("", inside)) != inside:
            inside = shorter
        pieces = [piece for piece in inside.split(",") if "=" not in piece]
    else:
        while (shorter := _ARGUMENTS.sub("", rest)) != rest:
            rest = shorter
        relations = _RELATIONS.split(rest)[1:]
        pieces = [piece for relation in relations for piece in re.split(r"[,&]", relation.partition(" where ")[0])]
    found = []
    for piece in pieces[:_BASES_MAX]:
        words = [word for word in _NAME.findall(piece) if word not in _NO_BASES]
        if words:
            found.append(re.split(r"\.|::|\\", words[0])[-1])
    return [base for base in dict.fromkeys(found) if base != name]


def _type_named(view: View, name: str, path: str) -> Definition | None:
    found = definitions(view, name, path=path, limit=20)
    types = [definition for definition in found if definition.symbol.kind in CONTAINERS]
    return next((one for one in types if one.symbol.kind is not Kind.IMPLEMENTATION), types[0] if types else None)


def _of_module(view: View, name: str, path: str) -> list[Definition]:
    own = view.symbols(path) if path else None
    if own is None:
        return []
    bound = [one for one in own.imports if name in {one.alias, one.name} or one.module.rpartition(".")[2] == name]
    found: list[Definition] = []
    for target in dict.fromkeys(target for some in resolve_all(view, path, bound) for target in some):
        symbols = view.symbols(target)
        if symbols is not None:
            found.extend(Definition(target, symbol) for symbol in symbols.symbols if symbol.parent < 0)
    return found


def _all_of(view: View, definition: Definition) -> Iterator[Definition]:
    yield from _inside(view, definition)
    name, path = definition.symbol.name, definition.path
    if definition.symbol.kind not in TYPES:
        return
    language = language_of_path(path)
    if language is None:
        return
    if language.name == "go":
        yield from _go_methods(view, definition)
    elif language.name in _ADDING_LANGUAGES:
        for block in definitions(view, name, path=path, limit=_BLOCKS_MAX):
            is_same = (block.path, block.symbol.name_start) == (path, definition.symbol.name_start)
            if not is_same and _adds_to(block, definition) and family_of(block.path) == family_of(path):
                yield from _inside(view, block)


def _adds_to(block: Definition, definition: Definition) -> bool:
    if block.symbol.kind is Kind.IMPLEMENTATION:
        return True
    # A class that is declared in several places (partial, reopened).
    return block.symbol.kind is definition.symbol.kind and (
        "partial" in block.symbol.signature or block.path.endswith(".rb")
    )


def _inside(view: View, definition: Definition) -> Iterator[Definition]:
    symbols = view.symbols(definition.path)
    if symbols is None:
        return
    number = next(
        (
            number
            for number, symbol in enumerate(symbols.symbols)
            if (symbol.name_start, symbol.name) == (definition.symbol.name_start, definition.symbol.name)
        ),
        None,
    )
    if number is None:
        return
    for symbol in symbols.symbols[number + 1 :]:
        if symbol.start >= symbols.symbols[number].end:
            break
        if symbol.parent == number:
            yield Definition(definition.path, symbol, definition.symbol.name)


def _go_methods(view: View, definition: Definition) -> Iterator[Definition]:
    """Yields the methods of the same package whose receiver is this type."""
    receiver = re.compile(rf"^func\s*\([^()]*?\*?\b{re.escape(definition.symbol.name)}\b(?:\[[^\]]*\])?\s*\)")
    folder = folder_of(definition.path)
    files = WorkspaceFiles(view).children(folder, ".go")
    for path in sorted(files, key=lambda path: path != definition.path)[:_FOLDER_FILES_MAX]:
        symbols = view.symbols(path)
        for symbol in symbols.symbols if symbols is not None else ():
            if symbol.kind is Kind.METHOD and receiver.match(symbol.signature):
                yield Definition(path, symbol, definition.symbol.name)


def _bases(view: View, definition: Definition) -> Iterator[Definition]:
    language = language_of_path(definition.path)
    if language is None or definition.symbol.kind not in _DATA_TYPES:
        return
    for name in base_names(definition.symbol.signature, definition.symbol.name, language.name):
        found = definitions(view, name, path=definition.path, line=definition.symbol.line, limit=5)
        for base in found:
            if base.symbol.kind in _DATA_TYPES and family_of(base.path) == family_of(definition.path):
                yield base
                break
