"""What the model sees of other places: what is collected, what is kept between questions, and what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from fimble.features.completion.known_names import KnownNames
from fimble.features.completion.suggestion import CompletionQuery
from fimble.index.languages import language_of_editor_id
from fimble.models.card import ContextStyle
from fimble.prompting.anchor import Anchor
from fimble.prompting.context.candidate import Candidate
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.fit import Count, Piece, fit
from fimble.prompting.context.rank import rank
from fimble.prompting.context.rendering import RENDERINGS, Rendered, render
from fimble.workspace.snapshot import Snapshot

# In a pause; whoever asks by a key waits for it as well.
BUDGET_S: Final = 0.4
_BLOCK_COMMENTS: Final = {"html": ("<!-- ", " -->"), "markdown": ("<!-- ", " -->"), "css": ("/* ", " */")}


class ContextSource(Protocol):
    """Finds what may help at a place; `WorkspaceContext` outside of tests and benchmarks."""

    async def candidates(self, snapshot: Snapshot, offset: int, budget_s: float) -> Sequence[Candidate]:
        """Returns what was found within `budget_s`; nothing where there is no index."""
        ...

    async def known_names(self, snapshot: Snapshot, offset: int, owners: tuple[str, ...]) -> KnownNames:
        """Returns the attributes of what is spelled `owners` there, as far as they are known soon enough."""
        ...


class NoContext:
    """Finds nothing."""

    async def candidates(self, snapshot: Snapshot, offset: int, budget_s: float) -> Sequence[Candidate]:
        """Returns nothing."""
        return ()

    async def known_names(self, snapshot: Snapshot, offset: int, owners: tuple[str, ...]) -> KnownNames:
        """Knows nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Context:
    """What is shown besides the file itself, in the order in which it stands in the prompt."""

    pieces: tuple[Piece, ...] = ()

    @property
    def tokens(self) -> int:
        """How many tokens the pieces take, about."""
        return sum(piece.tokens for piece in self.pieces)

    def joined(self, newer: "Context", tokens_max: int) -> "Context":
        """Returns this context with what `newer` has besides, or `newer` alone where both do not fit or contradict.

        What has been read by the model stays where it is, so that it need not be read again.
        """
        texts = {_identity(piece): piece.text for piece in self.pieces}
        if any(texts.get(_identity(piece), piece.text) != piece.text for piece in newer.pieces):
            return newer
        added = tuple(piece for piece in newer.pieces if _identity(piece) not in texts)
        both = Context((*self.pieces, *added))
        return both if both.tokens <= tokens_max else newer

    def rendered(self, style: ContextStyle, language: str) -> Rendered:
        """Returns what goes into a prompt of a file in `language` (LSP's id)."""
        return render(self.pieces, RENDERINGS[style.rendering], comment_of(language))


NOTHING: Final = Context()


async def find_context(
    source: ContextSource, query: CompletionQuery, style: ContextStyle, count: Count, shown: Anchor
) -> Context:
    """Returns the best context for a place; `shown` is the anchor whose window the prompt shows already."""
    snapshot, offset = query.snapshot, query.offset
    candidates = await source.candidates(snapshot, offset, BUDGET_S)
    if not candidates:
        return NOTHING
    cursor = Cursor(snapshot, offset)
    rendering = RENDERINGS[style.rendering]
    ranked = rank(candidates, cursor.around, _lines_shown(snapshot, offset, shown))
    pieces = await fit(ranked, rendering, style.tokens, count)
    # The best stands nearest to the file itself.
    return Context(tuple(reversed(pieces[: rendering.pieces_max])))


def comment_of(language: str) -> tuple[str, str]:
    """Returns what begins and ends a line of comment in a language (LSP's id)."""
    known = language_of_editor_id(language)
    if known is None:
        return "// ", ""
    if known.name in _BLOCK_COMMENTS:
        return _BLOCK_COMMENTS[known.name]
    # Documentation comments come first in the list; this one documents nothing.
    return (f"{known.line_comments[-1]} ", "") if known.line_comments else ("// ", "")


def _identity(piece: Piece) -> tuple[str, str, str, int]:
    candidate = piece.candidate
    line = -1 if candidate.name else candidate.first_line
    return candidate.path, candidate.owner, candidate.name, line


def _lines_shown(snapshot: Snapshot, offset: int, shown: Anchor) -> list[tuple[str, int, int]]:
    first = snapshot.text.line_at(min(shown.first, len(snapshot.text)))
    last = snapshot.text.line_at(min(len(snapshot.text), offset + len(shown.source_after)))
    return [(snapshot.path, first, last)]
