"""How what is being called at the cursor is called elsewhere, and what other types do that build on the same base."""

from collections.abc import Iterator
from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.queries.definitions import definitions
from fimble.index.queries.members import base_names, members
from fimble.index.queries.references import references
from fimble.index.queries.view import Definition, Reference, View
from fimble.index.symbols import FUNCTIONS, TYPES
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.excerpt import dedented
from fimble.prompting.context.search import Search
from fimble.prompting.context.sources.definitions import names_imported
from fimble.prompting.context.sources.members import members_ranked, types_of

_USES_READ_MAX: Final = 40
_USES_MAX: Final = 3
_SIBLINGS_MAX: Final = 2
_MEMBERS_MAX: Final = 80
_MEMBERS_USED_MAX: Final = 3
_MEMBER_NEARNESS: Final = 0.8
_IMPORTS_USED_MAX: Final = 2
_STATEMENT_LINES_MAX: Final = 6
# A search reads files; a later pause may find the rest.
_BUDGET_S: Final = 0.15
_NAME_CHARACTERS_MIN: Final = 3


def usages(search: Search) -> Iterator[Candidate]:
    """Yields statements elsewhere that call what is being called at the cursor, or what may be called there next."""
    for name, count, nearness, why in _calls(search):
        seen: set[str] = set()
        for use in _uses(search, name):
            text = _example(search, name, use)
            if text and text not in seen:
                seen.add(text)
                yield Candidate(
                    source=Source.USAGE,
                    path=use.path,
                    first_line=use.line,
                    last_line=use.line + text.count("\n"),
                    text=text,
                    name=name,
                    why=why,
                    nearness=nearness,
                )
            if len(seen) == count:
                break


def _calls(search: Search) -> Iterator[tuple[str, int, float, str]]:
    """Yields names, how many examples of their use are wanted, how near that is, and why."""
    cursor = search.cursor
    if cursor.callee:
        yield cursor.callee[-1], _USES_MAX, 1.0, f"{cursor.callee[-1]} is called here as well"
        return
    if cursor.receiver:
        owners = types_of(search, cursor.receiver)[:1]
        found = [one for owner in owners for one in members(search.view, owner, path=search.path, limit=_MEMBERS_MAX)]
        methods = [one.symbol.name for one in members_ranked(search, found) if one.symbol.kind in FUNCTIONS]
        for name in methods[:_MEMBERS_USED_MAX]:
            yield name, 1, _MEMBER_NEARNESS, f"{'.'.join(cursor.receiver)} has {name}, which is called here"
        return
    for name, nearness, is_used in names_imported(search)[:_IMPORTS_USED_MAX]:
        if not is_used:
            yield name, 1, nearness, f"{name} is imported by this file, and called here"


def _example(search: Search, name: str, use: Reference) -> str:
    """Returns the statement of a use, nothing where it is no call, or the one that is being written."""
    is_here = use.path == search.path and abs(use.line - search.cursor.line) <= _STATEMENT_LINES_MAX
    if use.is_definition or is_here or f"{name}(" not in use.line_text.replace(" ", ""):
        return ""
    return _statement(search.cut.lines(use.path), use)


def siblings(search: Search) -> Iterator[Candidate]:
    """Yields what other types with the same base have in the place of the method, or type, around the cursor."""
    around = search.scopes()
    own = next((symbol for symbol in reversed(around) if symbol.kind in TYPES), None)
    language = language_of_path(search.path)
    if own is None or language is None:
        return
    method = next((symbol for symbol in reversed(around) if symbol.kind in FUNCTIONS), None)
    found: set[tuple[str, str]] = set()
    for base in base_names(own.signature, own.name, language.name)[:_SIBLINGS_MAX]:
        # What builds on something of a library, or on a class of errors, has little else in common.
        if not definitions(search.view, base, path=search.path, line=search.cursor.line, limit=1):
            continue
        for use in _uses(search, base):
            sibling = _built_on(search.view, use, base, language.name)
            if sibling is None or (sibling.path, sibling.symbol.name) in {*found, (search.path, own.name)}:
                continue
            wanted = sibling if method is None else _same_method(search.view, sibling, method.name)
            why = f"{sibling.symbol.name} builds on {base}, too"
            candidate = search.cut.of(wanted, Source.SIBLING, why) if wanted is not None else None
            if candidate is not None:
                found.add((sibling.path, sibling.symbol.name))
                yield candidate
            if len(found) == _SIBLINGS_MAX:
                return


def _uses(search: Search, name: str) -> tuple[Reference, ...]:
    if len(name) < _NAME_CHARACTERS_MIN or search.is_cancelled():
        return ()
    return references(
        search.view,
        name,
        path=search.path,
        limit=_USES_READ_MAX,
        is_cancelled=search.is_cancelled,
        budget_s=_BUDGET_S,
    ).found


def _statement(lines: list[str], use: Reference) -> str:
    """Returns the lines of a call up to its closing bracket; none where that is far."""
    depth = 0
    for number in range(use.line, min(len(lines), use.line + _STATEMENT_LINES_MAX)):
        line = lines[number]
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if depth <= 0:
            return dedented(lines[use.line : number + 1])
    return ""


def _built_on(view: View, use: Reference, base: str, language: str) -> Definition | None:
    symbols = view.symbols(use.path)
    for symbol in symbols.symbols if symbols is not None else ():
        is_head = symbol.kind in TYPES and symbol.start_line <= use.line <= symbol.line + 1
        if is_head and base in base_names(symbol.signature, symbol.name, language):
            return Definition(use.path, symbol)
    return None


def _same_method(view: View, owner: Definition, name: str) -> Definition | None:
    known = view.symbols(owner.path)
    symbols = known.symbols if known is not None else ()
    for symbol in symbols:
        is_method = symbol.name == name and symbol.kind in FUNCTIONS and 0 <= symbol.parent < len(symbols)
        if is_method and symbols[symbol.parent] == owner.symbol:
            return Definition(owner.path, symbol)
    return None
