"""Which attributes exist of what a suggestion names, asked of the index before the suggestion is shown."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from fimble.index.queries.attributes import Attributes, attributes_of_class, attributes_of_module
from fimble.index.symbols import Kind
from fimble.prompting.context.search import Search
from fimble.prompting.context.sources.members import types_of

# Somebody waits for the suggestion; what is not known by then is not judged.
BUDGET_S: Final = 0.025
_OWNERS_MAX: Final = 4
_ACCESS: Final = re.compile(r"(?<![\w.)\]\"'])([^\W\d]\w*(?:\.[^\W\d]\w*)*)\.[^\W\d]\w*")

KnownNames = Mapping[str, Attributes | None]
"""The attributes by owner as the code spells it; None for an owner of which not all are known."""


def owners_in(text: str, start: int) -> tuple[str, ...]:
    """Returns what attributes that end after `start` are taken of, as it is spelled: `a.b` of `a.b.get()`."""
    found = dict.fromkeys(found[1] for found in _ACCESS.finditer(text) if found.end() > start)
    return tuple(found)[:_OWNERS_MAX]


def judge(known: KnownNames) -> Callable[[str, str], bool | None]:
    """Returns what tells whether an owner has an attribute, None for what is not known for sure."""

    def is_known_name(owner: str, attribute: str) -> bool | None:
        attributes = known.get(owner)
        return None if attributes is None else attributes.has(attribute)

    return is_known_name


def known_names(search: Search, owners: tuple[str, ...]) -> dict[str, Attributes | None]:
    """Returns the attributes of owners at a cursor; in the thread of the index."""
    return {owner: _attributes(search, tuple(owner.split("."))) for owner in owners if not search.is_cancelled()}


def _attributes(search: Search, names: tuple[str, ...]) -> Attributes | None:
    types = types_of(search, names)
    if not types and len(names) == 1:
        return attributes_of_module(search.view, search.path, names[0])
    # Of two that are possible, neither is known.
    if len(types) != 1 or types[0].symbol.kind is not Kind.CLASS:
        return None
    # An own class is being written: what it lacks may come next.
    return None if search.cursor.is_own(names) and len(names) == 1 else attributes_of_class(search.view, types[0])
