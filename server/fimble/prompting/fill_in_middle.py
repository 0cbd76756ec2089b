"""Lays out the prompt around a hole, so that typing changes only its end.

```
repository and file name, text before the anchor, text after the cursor, what is typed since the anchor
```

The text before ends at the anchor, the start of a line; what is typed since then follows the middle token, where a
keystroke adds a token instead of moving everything after it. Models that get the suffix first have the same effect from
their own order.
"""

import re
from dataclasses import dataclass

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


def lay_out(anchor: Anchor, typed: str) -> FillInMiddlePrompt:
    """Returns the prompt for the hole after `typed`, which is the document's text since the anchor."""
    fim = anchor.fim
    cut = _UNFINISHED_TOKEN.search(typed)
    starts_with = cut.group() if cut else ""
    kept = typed[: len(typed) - len(starts_with)]
    stable = stable_parts(anchor)
    if fim.order == "spm":
        # Here the prompt ends with the middle token, if there is one; only the text before it changes.
        parts = (*stable[:-1], f"{stable[-1]}{kept}", *((Control(fim.middle),) if fim.middle else ()))
    else:
        parts = (*stable, kept)
    return FillInMiddlePrompt(parts=tuple(part for part in parts if part != ""), starts_with=starts_with)


def stable_parts(anchor: Anchor) -> tuple[Part, ...]:
    """Returns the prompt's parts that stay as long as the anchor does; typed text goes on at their end."""
    fim, header = anchor.fim, _header(anchor)
    parts: tuple[Part, ...]
    match fim.order:
        case "psm":
            parts = (Control(fim.prefix), anchor.before, Control(fim.suffix), anchor.after, Control(fim.middle))
        case "prefix-last":
            parts = (Control(fim.prefix), Control(fim.suffix), anchor.after, Control(fim.middle), anchor.before)
        case "spm":
            return *header, Control(fim.suffix), anchor.after, Control(fim.prefix), anchor.before
    return tuple(part for part in (*header, *parts) if part != "")


def _header(anchor: Anchor) -> tuple[Part, ...]:
    fim = anchor.fim
    if not (fim.repository and fim.file):
        return ()
    files = (part for path, text in anchor.files for part in (Control(fim.file), f"{path}\n{text}\n"))
    return Control(fim.repository), f"{anchor.repository}\n", *files, Control(fim.file), f"{anchor.path}\n"
