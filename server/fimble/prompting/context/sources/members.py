"""What can be named through what stands before the dot at the cursor, where its type can be told from the text."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from fimble.index.queries.definitions import IN_IMPORTED_FILE, definitions
from fimble.index.queries.members import members
from fimble.index.queries.view import Definition, View
from fimble.index.symbols import CONTAINERS, FUNCTIONS, TYPES
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.search import Search

_TYPES_MAX: Final = 2
_MEMBERS_MAX: Final = 80
_LINE_CHARACTERS_MAX: Final = 120
_OWN_NEARNESS: Final = 0.3


def members_at(search: Search) -> Iterator[Candidate]:
    """Yields the type, or module, before the dot, with one line for each of its members.

    Inside of a method without a dot it is the method's own type: what else it has may be wanted as well.
    """
    names = search.cursor.receiver
    if not names:
        for owner in types_of(search, ("self",)):
            yield from _listed(search, owner, "this method's type", nearness=_OWN_NEARNESS)
        return
    spelled = ".".join(names)
    owners = types_of(search, names)[:_TYPES_MAX]
    for owner in owners:
        if search.is_cancelled():
            return
        yield from _listed(search, owner, f"the type of {spelled}")
    if not owners and len(names) == 1:
        yield from _module(search, names[0])


def types_of(search: Search, names: tuple[str, ...]) -> list[Definition]:
    """Returns the types of an expression like `self.store.items`, as far as annotations and constructions tell."""
    first, *rest = names
    view, path, cursor = search.view, search.path, search.cursor
    if cursor.is_own(names):
        around = [symbol for symbol in search.scopes() if symbol.kind in TYPES]
        types = [Definition(path, around[-1])] if around else []
    else:
        types = _containers(view, path, cursor, (first,)) or _containers(view, path, cursor, cursor.types_of(first))
    for position, name in enumerate(rest):
        reached: list[Definition] = []
        for owner in types[:_TYPES_MAX]:
            for member in members(view, owner, path=path, limit=200):
                if member.symbol.name == name:
                    spelled = member.symbol.signature.partition(name)[2]
                    reached += _containers(view, member.path, cursor, tuple(_words(spelled)))
        if not reached and (cursor.is_own(names) or position == 0):
            reached = _containers(view, path, cursor, cursor.types_of(name))
        types = reached
    return types


def _containers(view: View, path: str, cursor: Cursor, names: tuple[str, ...]) -> list[Definition]:
    """Returns the types that names stand for at the cursor, and the result types of functions among them."""
    found: list[Definition] = []
    for name in names:
        for definition in definitions(view, name, path=path, line=cursor.line, limit=2)[:1]:
            if definition.score < IN_IMPORTED_FILE - 50:
                continue
            if definition.symbol.kind in CONTAINERS:
                found.append(definition)
            elif definition.symbol.kind in FUNCTIONS and "->" in definition.symbol.signature:
                result = definition.symbol.signature.rpartition("->")[2]
                for inner in _words(result):
                    named = definitions(view, inner, path=definition.path, limit=1)
                    found += [one for one in named if one.symbol.kind in CONTAINERS]
    return found


def _words(text: str) -> list[str]:
    word, words = "", []
    for sign in f"{text} ":
        if sign.isalnum() or sign == "_":
            word += sign
        elif word:
            words.append(word)
            word = ""
    return [each for each in words if each not in ("None", "Optional", "Final", "ClassVar", "self", "const")]


def _listed(search: Search, owner: Definition, what: str, *, nearness: float = 1.0) -> Iterator[Candidate]:
    base = search.cut.of(owner, Source.MEMBERS, f"{owner.symbol.name} is {what}", nearness=nearness)
    if base is None:
        return
    found = members(search.view, owner, path=search.path, limit=_MEMBERS_MAX)
    listed = "\n".join([base.short.split("\n", 1)[0], *(f"    {line}" for line in _lines(search, found))])
    yield replace(base, text=listed, signature=listed, owner="")


def _module(search: Search, name: str) -> Iterator[Candidate]:
    found = [one for one in members(search.view, name, path=search.path, limit=_MEMBERS_MAX) if one.path != search.path]
    lines = _lines(search, found)
    if lines:
        text = "\n".join(lines)
        yield Candidate(
            source=Source.MEMBERS,
            path=found[0].path,
            first_line=found[0].symbol.start_line,
            last_line=found[-1].symbol.end_line,
            text=text,
            signature=text,
            name=name,
            why=f"{name} is a module of this workspace",
        )


def members_ranked(search: Search, found: Sequence[Definition]) -> list[Definition]:
    """Returns members, those first that begin as was typed, are public, and share words with what is around."""
    typed = search.cursor.word.lower()

    def rank(member: Definition) -> tuple[bool, bool, float]:
        name = member.symbol.name
        return not name.lower().startswith(typed), name.startswith("_"), -search.cursor.likeness(name)

    return sorted((one for one in found if not one.symbol.name.startswith("__")), key=rank)


def _lines(search: Search, found: Sequence[Definition]) -> list[str]:
    """Returns a line for each member."""
    signatures = (" ".join(one.symbol.signature.split()) or one.symbol.name for one in members_ranked(search, found))
    return list(dict.fromkeys(signature[:_LINE_CHARACTERS_MAX] for signature in signatures))
