"""Lays out the prompt around a hole, so that typing changes only its end.

```
repository and file name, text before the anchor, text after the cursor, what is typed since the anchor
```

The text before ends at the anchor, the start of a line; what is typed since then follows the middle token, where a
keystroke adds a token instead of moving everything after it. Models that were trained suffix-first get the same effect
from their own order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fimble.models.card import FillInMiddle
from fimble.prompting.anchor import Anchor
from fimble.providers.provider import Control, Part

# Where the typed text is cut, so that the prompt ends at the end of a token: before a word or a run of signs that may
# be unfinished, and the blanks in front of it, which most tokenizers put into the same token. `((` is one token
# of most tokenizers, and `.append` is one; a prompt that ended with `sum(` or `.` would never lead to them.
_UNFINISHED_TOKEN = re.compile(r"[ \t]*(?:\w+|[^\w\s]+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillInMiddlePrompt:
    """A prompt for a hole; the text that is written starts with `starts_with`, which the document already has."""

    parts: tuple[Part, ...]
    starts_with: str


def lay_out(anchor: Anchor, typed: str, fim: FillInMiddle) -> FillInMiddlePrompt:
    """Returns the prompt for the hole after `typed`, which is the document's text since the anchor."""
    cut = _UNFINISHED_TOKEN.search(typed)
    starts_with = cut.group() if cut else ""
    kept = typed[: len(typed) - len(starts_with)]
    header = tuple(_header(fim, anchor.repository, anchor.path))
    before, after = anchor.before, anchor.after
    if fim.order == "spm":
        parts = (*header, Control(fim.suffix), after, Control(fim.prefix), before + kept, *_control(fim.middle))
    else:
        parts = (*header, Control(fim.prefix), before, Control(fim.suffix), after, Control(fim.middle), kept)
    return FillInMiddlePrompt(parts=tuple(part for part in parts if part != ""), starts_with=starts_with)


def _header(fim: FillInMiddle, repository: str, path: str) -> Iterator[Part]:
    if fim.repository and fim.file:
        yield from (Control(fim.repository), f"{repository}\n", Control(fim.file), f"{path}\n")


def _control(token: str) -> tuple[Control, ...]:
    return (Control(token),) if token else ()
