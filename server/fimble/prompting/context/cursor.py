"""What the text around a cursor says about which other code matters there: names, the receiver, the call.

It looks at words and brackets only, so that it works for every language and in the middle of an unfinished line.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

# Names further away seldom matter for the next line.
_LINES_BEFORE: Final = 40
_LINES_AFTER: Final = 8
# How far back a variable's type is looked for.
_TYPE_LINES_MAX: Final = 300
_LINE_CHARACTERS_MAX: Final = 400
_CALL_CHARACTERS_MAX: Final = 1_000
_NAME: Final = re.compile(r"[^\W\d]\w*")
_STRING: Final = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_RECEIVER: Final = re.compile(r"((?:[^\W\d]\w*\s*(?:\.|->|::)\s*)+)(?:[^\W\d]\w*)?\Z")
_CALLEE: Final = re.compile(r"((?:[^\W\d]\w*\s*(?:\.|->|::)\s*)*[^\W\d]\w*)\s*\Z")
_LINE_NAMES_MAX: Final = 4
_WORD_END: Final = re.compile(r"\w*\Z")
_SUBWORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ASSIGNED: Final = re.compile(
    r"(?<![\w.])([^\W\d]\w*)\s*(?::[^=\n,()]*)?:?=(?!=)|\b(?:for|as)\s+([^\W\d]\w*)|[(,]\s*([^\W\d]\w*)\s*:"
)
_SEPARATOR: Final = re.compile(r"\s*(?:\.|->|::)\s*")
_OWN: Final = frozenset({"self", "this", "cls", "Self", "super"})
_CLOSERS: Final = {")": "(", "]": "[", "}": "{"}
# Words of the languages that are no names of anybody's code.
_WORDS: Final = frozenset(
    """
    abstract and any as assert async await bool boolean break byte case catch char class const continue def default
    defer del delete do double dyn elif else end enum except export extends extern false False final finally float fn
    for foreach from func function global go goto if impl implements import in include instanceof int interface is
    lambda let long loop match mod module move mut namespace new nil none None nonlocal not null number object of or
    override package pass private protected pub public raise readonly ref require return select self Self short
    signed sizeof static str string struct super switch template this throw throws trait true True try type typedef
    typeof union unsafe unsigned until use using val var virtual void volatile when where while with yield cls len
    print list dict set tuple range isinstance super undefined Optional Any List Dict
    """.split()  # noqa: SIM905 - a hundred quoted words are harder to read.
)


@dataclass(frozen=True, slots=True)
class NearName:
    """A name near the cursor; `nearness` is between 0 and 1, `is_after` tells that it stands after the cursor only."""

    name: str
    nearness: float
    is_after: bool = False


class Cursor:
    """A place in a document, for which context is collected."""

    def __init__(self, snapshot: Snapshot, offset: int) -> None:
        self.language = snapshot.language
        self.text: Text = snapshot.text
        self.offset = offset
        self.line = snapshot.text.line_at(offset)

    @cached_property
    def before(self) -> str:
        """The line of the cursor up to it."""
        return self.text.slice(self.text.line_start(self.line), self.offset)[-_LINE_CHARACTERS_MAX:]

    @property
    def word(self) -> str:
        """The part of a name that stands right before the cursor."""
        match = _WORD_END.search(self.before)
        return match[0] if match else ""

    @cached_property
    def names(self) -> tuple[NearName, ...]:
        """The names around the cursor, the nearest first; each once."""
        found: dict[str, NearName] = {}
        for distance, line in enumerate(self._lines_before()):
            for name in reversed(_names_of(line)):
                found.setdefault(name, NearName(name, 1 / (1 + distance / 6)))
        for distance, line in enumerate(self._lines_after()):
            for name in _names_of(line):
                found.setdefault(name, NearName(name, 0.6 / (1 + distance / 3), is_after=True))
        return tuple(sorted(found.values(), key=lambda each: -each.nearness))

    @cached_property
    def receiver(self) -> tuple[str, ...]:
        """The names before the dot at the cursor: `("self", "store")` for `self.store.ge`, or none."""
        match = _RECEIVER.search(self.before)
        if match is None:
            return ()
        return tuple(name for name in _SEPARATOR.split(match[1].strip()) if name)

    @cached_property
    def callee(self) -> tuple[str, ...]:
        """The names of what is being called where the cursor stands inside of the brackets; empty where nothing is."""
        depth = 0
        text = _STRING.sub(lambda match: " " * len(match[0]), self._recent)
        for at in range(len(text) - 1, -1, -1):
            sign = text[at]
            if sign in ")]}":
                depth += 1
            elif sign in "([{":
                depth -= 1
                if depth < 0:
                    match = _CALLEE.search(text, 0, at) if sign == "(" else None
                    if match is not None and match[1] not in _WORDS:
                        return tuple(_SEPARATOR.split(match[1]))
                    depth = 0
        return ()

    @cached_property
    def around(self) -> str:
        """The lines around the cursor, for finding code that resembles them."""
        first = max(0, self.line - _LINES_BEFORE)
        last = min(self.text.line_count - 1, self.line + _LINES_AFTER)
        return "\n".join(self.text.line(number)[:_LINE_CHARACTERS_MAX] for number in range(first, last + 1))

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The names that the text around the cursor gives a value to: variables, parameters, loop variables."""
        return frozenset(name for line in self._lines_before() for found in _ASSIGNED.findall(line) for name in found)

    @property
    def indentation(self) -> int:
        """The width of the indentation of the cursor's line; a tab counts as one."""
        return len(self.before) - len(self.before.lstrip())

    def likeness(self, name: str) -> float:
        """Returns how many of a name's words are near the cursor, each as near as it is; between 0 and 1."""
        words = subwords(name)
        return sum(self._words.get(word, 0.0) for word in words) / max(1, len(words))

    def line_likeness(self, line: str) -> float:
        """Returns how much the words in a line, those in strings too, are like the names near the cursor."""
        return sum(sorted((self.likeness(name) for name in set(_NAME.findall(line))), reverse=True)[:_LINE_NAMES_MAX])

    @cached_property
    def _words(self) -> dict[str, float]:
        near: dict[str, float] = {}
        for each in self.names:
            for word in subwords(each.name):
                near[word] = max(near.get(word, 0.0), each.nearness)
        return near

    def is_own(self, names: tuple[str, ...]) -> bool:
        """Tells whether the names begin at the object whose method is being written."""
        return bool(names) and names[0] in _OWN

    def types_of(self, name: str) -> tuple[str, ...]:
        """Returns the names of the types that the text before the cursor gives a variable or attribute, the last first.

        Looked at are annotations (`name: Type`, `Type name`) and constructions (`name = Type(…)`, `new Type`).
        """
        if not name or name in _OWN:
            return ()
        word = re.escape(name)
        called = r"(?:await\s+)?(?:new\s+)?&?([^\W\d][\w.]*?)\s*(?:\(|\{|::new)"
        given = re.compile(
            rf"(?<!\w){word}\s*:\s*([^=,)\n]+)"
            rf"|(?<!\w){word}\s*:?=\s*{called}"
            rf"|\b([A-Z]\w*)(?:<[^<>\n]*>)?[*&\s]\s*{word}\b"
            rf"|\bwith\s+([^\W\d][\w.]*)\s*\(.*\)\s+as\s+{word}\b"
        )
        found: dict[str, None] = {}
        for number in range(self.line, max(-1, self.line - _TYPE_LINES_MAX), -1):
            line = self.text.line(number)[:_LINE_CHARACTERS_MAX]
            if name not in line:
                continue
            for match in given.finditer(line):
                named = _NAME.findall(match[match.lastindex or 0])
                found.update(dict.fromkeys(each for each in named if each not in _WORDS and each != name))
        return tuple(found)

    @cached_property
    def _recent(self) -> str:
        return self.text.slice(max(0, self.offset - _CALL_CHARACTERS_MAX), self.offset)

    def _lines_before(self) -> list[str]:
        numbers = range(self.line - 1, max(-1, self.line - 1 - _LINES_BEFORE), -1)
        return [self.before, *(self.text.line(number)[:_LINE_CHARACTERS_MAX] for number in numbers)]

    def _lines_after(self) -> list[str]:
        line_end = self.text.line_start(self.line) + len(self.text.line(self.line))
        rest = self.text.slice(self.offset, min(line_end, self.offset + _LINE_CHARACTERS_MAX))
        numbers = range(self.line + 1, min(self.text.line_count, self.line + 1 + _LINES_AFTER))
        return [rest, *(self.text.line(number)[:_LINE_CHARACTERS_MAX] for number in numbers)]


def subwords(name: str) -> list[str]:
    """Returns the words of a name in lower case: `HTTPServer_v2` has http, server, v and 2."""
    return [word.lower() for word in _SUBWORD.findall(name)]


def _names_of(line: str) -> list[str]:
    return [name for name in _NAME.findall(_STRING.sub(" ", line)) if name not in _WORDS and len(name) > 1]
