"""Which attributes a class or module has, where the workspace's code tells all of them; Python only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.queries.definitions import IMPORTED, definitions
from fimble.index.queries.imports import resolve_all
from fimble.index.queries.members import base_names
from fimble.index.queries.sources import source_of
from fimble.index.queries.view import Definition, View
from fimble.index.symbols import Kind

_WORD: Final = re.compile(r"[^\W\d]\w*")
_CLASSES_MAX: Final = 12
_SOURCE_BYTES_MAX: Final = 1_000_000
# Bases that add nothing that is used by name.
_PLAIN: Final = frozenset({"object", "ABC", "Generic", "Protocol"})
# Whoever has these has any attribute.
_OPEN: Final = frozenset({"__getattr__", "__getattribute__", "setattr", "__dict__", "globals", "exec"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of something: `names`; `words` are all words of the code that defines it."""

    names: frozenset[str]
    words: frozenset[str]

    def has(self, name: str) -> bool | None:
        """Tells whether there is an attribute, None where the code does not say for sure."""
        if name in self.names:
            return True
        # A word that stands there may become an attribute in some way that is not seen.
        return None if name.startswith("__") or name in self.words else False


def attributes_of_class(view: View, owner: Definition) -> Attributes | None:
    """Returns the attributes of a class and of all classes it builds on, None where some are out of the workspace."""
    names: set[str] = set()
    words: set[str] = set()
    waiting, seen = [owner], set[tuple[str, int]]()
    while waiting:
        definition = waiting.pop()
        key = definition.path, definition.symbol.name_start
        if key in seen:
            continue
        seen.add(key)
        language = language_of_path(definition.path)
        is_class = definition.symbol.kind is Kind.CLASS and language is not None and language.name == "python"
        found = _words(view, definition.path) if is_class and len(seen) <= _CLASSES_MAX else None
        bases = _bases(view, definition) if found is not None else None
        if found is None or bases is None or "metaclass" in definition.symbol.signature:
            return None
        words |= found
        names.update(_members(view, definition))
        waiting += bases
    return None if words & _OPEN else Attributes(frozenset(names), frozenset(words))


def attributes_of_module(view: View, path: str, name: str) -> Attributes | None:
    """Returns what can be named through the module that the file at `path` imports as `name`.

    None where that is no module of the workspace, or one whose code does not tell all.
    """
    own = view.symbols(path)
    imports = own.imports if own is not None else ()
    bound = [one for one in imports if (one.alias or one.name or one.module.rpartition(".")[2]) == name]
    if not bound:
        return None
    targets = {target for some in resolve_all(view, path, bound) for target in some}
    stem = bound[0].name or bound[0].module.rpartition(".")[2]
    modules = {target for target in targets if target.rpartition("/")[2] == f"{stem}.py"}
    # What a package defines by that name hides its module; what is inside of a package is not all in one file.
    hiding = (symbols for target in targets - modules if (symbols := view.symbols(target)) is not None)
    if len(modules) != 1 or any(symbol.name == stem for symbols in hiding for symbol in symbols.symbols):
        return None
    (target,) = modules
    symbols, words = view.symbols(target), _words(view, target)
    if symbols is None or words is None or words & _OPEN or any(one.name == "*" for one in symbols.imports):
        return None
    names = {symbol.name for symbol in symbols.symbols if symbol.parent < 0}
    names |= {one.alias or one.name or one.module.partition(".")[0] for one in symbols.imports}
    return Attributes(frozenset(names), frozenset(words))


def _words(view: View, path: str) -> set[str] | None:
    source = source_of(view, path)
    if source is None or len(source) > _SOURCE_BYTES_MAX:
        return None
    return set(_WORD.findall(source.decode("utf-8", "replace")))


def _members(view: View, definition: Definition) -> Iterator[str]:
    known = view.symbols(definition.path)
    symbols = known.symbols if known is not None else ()
    for symbol in symbols:
        if 0 <= symbol.parent < len(symbols) and symbols[symbol.parent] == definition.symbol:
            yield symbol.name


def _bases(view: View, definition: Definition) -> list[Definition] | None:
    """Returns the classes that a class builds on, None where one is not in the workspace."""
    symbol = definition.symbol
    found: list[Definition] = []
    for name in base_names(symbol.signature, symbol.name, "python"):
        if name in _PLAIN:
            continue
        classes = definitions(view, name, path=definition.path, line=symbol.line, limit=1)
        if not classes or classes[0].score < IMPORTED - 100 or classes[0].symbol.kind is not Kind.CLASS:
            return None
        found += classes
    return found
