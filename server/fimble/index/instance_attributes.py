"""Attributes that nothing declares: a constructor assigns them to `self` in Python, to `this` in JavaScript.

They are read from the text of the constructor and not from the tree, because a row may not depend on the name of the
function around it, see `rows`.
"""

import re
from collections.abc import Iterator
from typing import Final

_ASSIGNED: Final = re.compile(
    rb"^[ \t]*(?:self|this)\.([A-Za-z_$\x80-\xff][\w$\x80-\xff]*)[ \t]*(?::[^=\n]+)?=(?![=>])", re.MULTILINE
)
_BODY_BYTES_MAX: Final = 65_536


def instance_attributes(source: bytes, body: int, end: int) -> Iterator[tuple[int, int, int, str]]:
    """Yields start, end, the name's start and the name of each assignment between `body` and `end`, one a line."""
    end = min(end, body + _BODY_BYTES_MAX)
    line_start = source.rfind(b"\n", 0, body) + 1
    if source[line_start:body].isspace():
        body = line_start
    for match in _ASSIGNED.finditer(source, body, end):
        line_end = source.find(b"\n", match.end(), end)
        name_start = match.start(1)
        name = match[1].decode("utf-8", "replace")
        yield name_start - len("self."), end if line_end < 0 else line_end, name_start, name
