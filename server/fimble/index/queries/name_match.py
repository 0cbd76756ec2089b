"""Whether a name is what somebody meant who typed a part of it, and how well."""

import re
from typing import Final

_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+|[^\W_]", re.UNICODE)
_TOKENS: Final = re.compile(r"[^\W_]+")
_WORDS: Final = re.compile(r"\w+")
_SEPARATORS: Final = re.compile(r"::|->|[.#/:\s]+")

EXACT: Final = 100.0
EXACT_BUT_CASE: Final = 90.0
PREFIX: Final = 70.0
PREFIX_BUT_CASE: Final = 60.0
PARTS: Final = 40.0
INNER: Final = 20.0
_LENGTH_MALUS_MAX: Final = 9.0


def parts_of(name: str) -> list[str]:
    """Returns the parts of a name in lower case: `BrowserContext2` has browser, context and 2."""
    return [part.lower() for part in _PARTS.findall(name)]


def words_of(text: str) -> list[str]:
    """Returns the words of a text as the word table has them, identifiers whole."""
    return _WORDS.findall(text)


def tokens_of(text: str) -> list[str]:
    """Returns the words of a text as the table of parts has them: an underscore separates, case does not."""
    return _TOKENS.findall(text)


def qualifiers_of(query: str) -> tuple[list[str], str]:
    """Splits `module.Class.method` (also with ::, #, / or ->) at its separators, but for blanks."""
    pieces = [piece for piece in _SEPARATORS.split(query.strip()) if piece]
    return (pieces[:-1], pieces[-1]) if pieces else ([], "")


class NameMatch:
    """A query for names; blanks in it separate parts of one name."""

    def __init__(self, query: str) -> None:
        self.query = query.strip()
        self._lower = self.query.lower()
        self._parts = [part for piece in self.query.split() for part in parts_of(piece)]
        self._joined = "".join(self._lower.split())
        letters = map(re.escape, self._joined)
        # Most names fail already at having the same letters in the same order.
        self._has_letters = re.compile("".join(f"[^{letter}]*{letter}" for letter in letters), re.IGNORECASE).match

    def score(self, name: str) -> float | None:
        """Returns how well a name fits, None where it does not: its parts do not begin as the query's do."""
        if not self._lower or not self._has_letters(name):
            return None
        malus = min(_LENGTH_MALUS_MAX, max(0, len(name) - len(self.query)) / 4)
        if name == self.query:
            return EXACT
        if name.startswith(self.query):
            return PREFIX - malus
        lower = name.lower()
        if lower == self._lower:
            return EXACT_BUT_CASE
        if lower.startswith(self._lower):
            return PREFIX_BUT_CASE - malus
        parts = parts_of(name)
        if self._parts and _begin_in_order(self._parts, parts):
            return PARTS - malus + (5 if parts[0].startswith(self._parts[0]) else 0)
        if (len(self._joined) > 2 or self.query.isupper()) and _spelled_by_beginnings(self._joined, parts):
            return INNER - malus
        return None


def _begin_in_order(wanted: list[str], parts: list[str]) -> bool:
    """Returns whether each wanted part begins one of the name's parts, in their order."""
    at = 0
    for want in wanted:
        while at < len(parts) and not parts[at].startswith(want):
            at += 1
        if at == len(parts):
            return False
        at += 1
    return True


def _spelled_by_beginnings(wanted: str, parts: list[str]) -> bool:
    """Returns whether `wanted` is made of beginnings of parts in their order: brcon by browser and context."""
    reached = {0}
    for part in parts:
        for at in tuple(reached):
            for letter in part:
                if wanted[at : at + 1] != letter:
                    break
                at += 1  # noqa: PLW2901 - this is how far one has come.
                reached.add(at)
        if len(wanted) in reached:
            return True
    return False
