"""Attributes that the workspace's index knows to be lacking."""

import re
from collections.abc import Callable
from typing import Final

from fimble.features.completion.code_signs import masked
from fimble.features.completion.surroundings import Surroundings

IsKnownName = Callable[[str, str], bool | None]
"""Tells whether what `owner` (first, as the code spells it: `self.store`) means has `attribute` (second).

None where that is not known for sure; it must be answered from memory, since the event loop waits.
"""

_NAMES_MAX: Final = 16
_ACCESS: Final = re.compile(r"(?<![\w.)\]\"'])([^\W\d]\w*(?:\.[^\W\d]\w*)*)\.([^\W\d]\w*)")


def knowing(text: str, around: Surroundings, is_known_name: IsKnownName) -> str:
    """Returns the text up to the line in which it names an attribute that does not exist; that may be nothing."""
    plain = masked(around.line_before + text, around.comment_markers)
    start = len(around.line_before)
    for found in list(_ACCESS.finditer(plain))[:_NAMES_MAX]:
        if found.end(2) <= start:
            continue
        # What the attribute is set to, here or elsewhere, gives it to the owner.
        is_set = re.match(r"\s*(?::[^=\n]*)?=(?!=)", plain[found.end(2) :]) is not None
        if not is_set and is_known_name(found.group(1), found.group(2)) is False:
            kept = text[: max(0, found.start() - start)]
            return kept.rpartition("\n")[0].rstrip()
    return text
