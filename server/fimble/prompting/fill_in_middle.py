"""Lays out the prompt around a hole, so that typing changes only its end.

```
repository and file name, text before the cursor's line, text after the cursor, what is typed on the line so far
```

The text before ends at the start of the cursor's line (the anchor); what is typed since then follows the middle
token, where a keystroke adds a token instead of moving everything after it. Models that were trained suffix-first
get the same effect from their own order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fimble.models.card import FillInMiddle
from fimble.prompting.window import LINE_CHARACTERS_MAX, Window, clipped
from fimble.providers.provider import Control, Part
from fimble.workspace.snapshot import Snapshot

# Where the typed text is cut, so that the prompt ends at the end of a token: before a word or a run of signs that may
# be unfinished, and the blanks in front of it, which most tokenizers put into the same token. `((` is one token
# of most tokenizers, and `.append` is one; a prompt that ended with `sum(` or `.` would never lead to them.
_UNFINISHED_TOKEN = re.compile(r"[ \t]*(?:\w+|[^\w\s]+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillInMiddlePrompt:
    """A prompt for a hole; the text that is written starts with `starts_with`, which the document already has."""

    parts: tuple[Part, ...]
    starts_with: str


def lay_out(
    snapshot: Snapshot, *, line: int, character: int, window: Window, fim: FillInMiddle, repository: str
) -> FillInMiddlePrompt:
    """Returns the prompt for a hole at `character` (code points) of `line`, showing the lines of `window`."""
    text = snapshot.text
    current = text.line(line)
    typed = current[:character][-LINE_CHARACTERS_MAX:]
    before = "".join(f"{clipped(text, number)}\n" for number in range(window.first, line))
    after_lines = [current[character:][:LINE_CHARACTERS_MAX]]
    after_lines += [clipped(text, number) for number in range(line + 1, window.last + 1)]
    after = "\n".join(after_lines)
    if window.first == 0:
        before = "".join(f"{cell}\n" for cell in snapshot.preceding_cells) + before
    cut = _UNFINISHED_TOKEN.search(typed)
    starts_with = cut.group() if cut else ""
    kept = typed[: len(typed) - len(starts_with)]
    header = tuple(_header(fim, repository, snapshot.path))
    if fim.order == "spm":
        parts = (
            *header,
            Control(fim.suffix),
            after,
            Control(fim.prefix),
            before + kept,
            *_control(fim.middle),
        )
    else:
        parts = (*header, Control(fim.prefix), before, Control(fim.suffix), after, Control(fim.middle), kept)
    return FillInMiddlePrompt(parts=tuple(part for part in parts if part != ""), starts_with=starts_with)


def _header(fim: FillInMiddle, repository: str, path: str) -> Iterator[Part]:
    if fim.repository and fim.file:
        yield from (Control(fim.repository), f"{repository}\n", Control(fim.file), f"{path}\n")


def _control(token: str) -> tuple[Control, ...]:
    return (Control(token),) if token else ()
