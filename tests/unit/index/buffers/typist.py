"""Random edits as somebody makes them at a keyboard; everything follows from the chance that is passed in."""

import random
from dataclasses import dataclass, field

BRACKETS = ["(", ")", "[", "]", "{", "}", "<", ">", "{}", "()", "[]", "/*", "*/", "=>", "->", "::"]
QUOTES = ["'", '"', "`", '"""', "'''", '\\"', "''", '""', "#", "//", "--"]
WORDS = [
    "x",
    "_",
    "a ",
    " ",
    "\t",
    "\n",
    "\r\n",
    "    ",
    ";",
    ":",
    ",",
    ".",
    "=",
    "0",
    "é",
    "漢",
    "😀",
    "\\",
    "@",
    "\n\n",
]
KEYWORDS = ["class ", "def ", "fn ", "func ", "if ", "struct ", "import ", "return ", "public ", "static ", "async "]


@dataclass
class Typist:
    """Edits a text; `source` is what it is now."""

    chance: random.Random
    source: bytes
    _undo: list[tuple[int, bytes, bytes]] = field(default_factory=list)

    def edit(self) -> tuple[int, int, bytes]:
        """Makes an edit and returns its start, its old end and the new bytes."""
        chance = self.chance
        # Undone edits come back in their order, so that broken texts get whole again more often than by chance.
        if self._undo and chance.random() < 0.45:
            start, removed, added = self._undo.pop()
            return self._apply(start, start + len(added), removed)
        start = self._place(chance.randrange(0, len(self.source) + 1))
        end, new = start, b""
        what = chance.choice(
            ["insert", "insert", "insert", "delete", "delete", "replace", "paste", "line", "move", "join"]
        )
        if what in {"insert", "replace"}:
            new = chance.choice(chance.choice([BRACKETS, QUOTES, WORDS, WORDS, KEYWORDS])).encode()
        if what in {"delete", "replace"}:
            end = self._place(min(len(self.source), start + chance.choice([1, 1, 1, 2, 5, 20, 200])))
        if what in {"paste", "move"}:
            other = self._place(chance.randrange(0, len(self.source) + 1))
            new = self.source[other : self._place(min(len(self.source), other + chance.choice([5, 40, 400])))]
        if what in {"line", "move"}:
            start = self.source.rfind(b"\n", 0, start) + 1
        if what == "line":
            end = self.source.find(b"\n", start) + 1 or len(self.source)
            new = chance.choice([b"", self.source[start:end] * 2])
        if what == "join":
            start = max(self.source.rfind(b"\n", 0, start), 0)
            end = self._place(min(len(self.source), start + 1))
        self._undo.append((start, self.source[start:end], new))
        return self._apply(start, end, new)

    def undo(self) -> tuple[int, int, bytes] | None:
        """Takes back the last edit that was not taken back."""
        if not self._undo:
            return None
        start, removed, added = self._undo.pop()
        return self._apply(start, start + len(added), removed)

    def _apply(self, start: int, end: int, new: bytes) -> tuple[int, int, bytes]:
        self.source = self.source[:start] + new + self.source[end:]
        return start, end, new

    def _place(self, offset: int) -> int:
        while offset < len(self.source) and self.source[offset] & 0xC0 == 0x80:
            offset -= 1
        return offset
