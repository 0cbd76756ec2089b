"""The third step: as much of the best as a budget in the model's own tokens holds."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fimble.prompting.context.candidate import Candidate
from fimble.prompting.context.rank import Ranked
from fimble.prompting.context.rendering import Rendering

# A path, the tokens around it, line ends.
_FRAME_TOKENS: Final = 14
PIECES_MAX: Final = 8
# One long piece leaves room for others.
_SHARE_MAX: Final = 0.4
_CUT_LINES_MIN: Final = 3

Count = Callable[[Sequence[str]], Awaitable[list[int]]]
"""Counts the tokens of lines, each with its line end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is shown of a candidate, and how many tokens that takes, about."""

    candidate: Candidate
    text: str
    tokens: int


async def fit(ranked: Sequence[Ranked], rendering: Rendering, tokens_max: int, count: Count) -> tuple[Piece, ...]:
    """Returns the best candidates, in the form that the rendering wants, that fit `tokens_max`; the best first.

    A piece that is too long is shown by its short form, or by the first lines of that.
    """
    wanted = [each.candidate for each in ranked if rendering.wants(each.candidate)][: 4 * PIECES_MAX]
    forms = [tuple(dict.fromkeys(rendering.forms(candidate, place))) for place, candidate in enumerate(wanted)]
    texts = [text for some in forms for text in some]
    lines = list(dict.fromkeys(line for text in texts for line in text.split("\n")))
    tokens = dict(zip(lines, await count(lines), strict=True)) if lines else {}
    pieces: list[Piece] = []
    left = tokens_max
    for candidate, some in zip(wanted, forms, strict=True):
        room = min(left, round(tokens_max * _SHARE_MAX)) - _FRAME_TOKENS
        # The fullest form that fits, or as many lines of the shortest as do.
        text = next((text for text in some if _cost(text, tokens) <= room), _cut(some[-1], tokens, room))
        if text:
            cost = _FRAME_TOKENS + _cost(text, tokens)
            pieces.append(Piece(candidate, text, cost))
            left -= cost
        if len(pieces) == PIECES_MAX:
            break
    return tuple(pieces)


def _cost(text: str, tokens: Mapping[str, int]) -> int:
    return sum(tokens[line] for line in text.split("\n"))


def _cut(text: str, tokens: Mapping[str, int], room: int) -> str:
    """Returns the first lines of a long text, nothing where hardly any would fit."""
    lines: list[str] = []
    for line in text.split("\n"):
        room -= tokens[line]
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines) if len(lines) >= _CUT_LINES_MIN else ""
