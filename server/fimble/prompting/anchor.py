"""Where a document's prompt is anchored: the window that the model sees, and the place from which typing is kept apart.

An anchor stays while the user types after it, lines and all, so that the prompt grows at its end and nowhere else; it
is moved when the text around it changes, when the cursor leaves, or when too much has been typed.
"""

from dataclasses import dataclass

from fimble.models.card import FillInMiddle
from fimble.prompting.context.rendering import NO_CONTEXT, Rendered, with_lines
from fimble.prompting.window import LINE_CHARACTERS_MAX, Window, clipped, scope_headers
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

# What is typed stands after the middle token, where the model reads it as its own text; more than this, about a
# screenful, and the prompt is laid out anew.
TYPED_CHARACTERS_MAX = 1500
# Of code, for estimates; seen with Qwen2.5-Coder's tokenizer on Python.
CHARACTERS_PER_TOKEN = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A prompt's stable parts: `before` and `after` are prompt text, the rest says which document text they are.

    `files` are other files' paths and texts that stand in front; context of other kinds is part of `before`.

    `first` is the offset at which the window begins, `offset` that of the anchor, both in code points; `source_before`
    and `source_after` are the document's text in the window before the anchor and after the cursor.
    """

    uri: str
    first: int
    offset: int
    source_before: str
    source_after: str
    before: str
    after: str
    cells: tuple[str, ...]
    repository: str
    path: str
    fim: FillInMiddle
    files: tuple[tuple[str, str], ...] = ()

    def holds(self, snapshot: Snapshot, offset: int) -> bool:
        """Tells whether the prompt for a hole at `offset` differs from this one by what was typed at its end only."""
        text = snapshot.text
        return (
            (snapshot.uri, snapshot.path, snapshot.preceding_cells) == (self.uri, self.path, self.cells)
            and self.offset <= offset <= self.offset + TYPED_CHARACTERS_MAX
            and text.slice(self.first, self.offset) == self.source_before
            and text.slice(offset, offset + len(self.source_after)) == self.source_after
            # The window reached the end of the text, or there is still something behind it.
            and (self.source_after != "" or offset == len(text))
        )

    def unread_tokens(self, read: "Anchor | None") -> int:
        """Estimates how many tokens of this prompt have to be evaluated where that of `read` has been."""
        mine, known = self._stable(), "" if read is None else read._stable()
        pairs = enumerate(zip(mine, known, strict=False))
        shared = next((at for at, (one, other) in pairs if one != other), min(len(mine), len(known)))
        return round((len(mine) - shared) / CHARACTERS_PER_TOKEN)

    def _stable(self) -> str:
        parts = (self.before, self.after) if self.fim.order == "psm" else (self.after, self.before)
        files = (text for file in self.files for text in file)
        return "\0".join((self.repository, *files, self.path, *parts))

    def typed(self, text: Text, offset: int) -> str:
        """Returns what stands between the anchor and the cursor, as the model sees it."""
        return _as_prompt(text.slice(self.offset, offset))


def drop_anchor(
    snapshot: Snapshot,
    offset: int,
    *,
    window: Window,
    repository: str,
    fim: FillInMiddle,
    context: Rendered = NO_CONTEXT,
) -> Anchor:
    """Returns an anchor at the start of the line of a hole at `offset` (code points), for a model with `fim`."""
    text = snapshot.text
    line = text.line_at(offset)
    anchor = max(text.line_start(line), offset - LINE_CHARACTERS_MAX)
    first = text.line_start(window.first)
    before = "".join(f"{clipped(text, number)}\n" for number in range(window.first, line))
    if window.first == 0:
        before = "".join(f"{cell}\n" for cell in snapshot.preceding_cells) + before
    else:
        before = "".join(f"{header}\n" for header in scope_headers(text, line, window.first)) + before
    after = [text.line(line)[offset - text.line_start(line) :][:LINE_CHARACTERS_MAX]]
    after += [clipped(text, number) for number in range(line + 1, window.last + 1)]
    return Anchor(
        uri=snapshot.uri,
        first=first,
        offset=anchor,
        source_before=text.slice(first, anchor),
        source_after=text.slice(offset, text.line_start(window.last) + len(text.line(window.last))),
        before=with_lines(before, context),
        after="\n".join(after),
        cells=snapshot.preceding_cells,
        repository=repository,
        path=snapshot.path,
        fim=fim,
        files=context.files,
    )


def _as_prompt(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
