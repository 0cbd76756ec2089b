"""The fourth step: how pieces are shown to a model. Which way helps which model is for measurement to say.

Pieces become files in front of the prompt's own, for models that know repositories, or comments at one of three places
of the text before the hole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from fimble.prompting.context.candidate import Candidate, Source

if TYPE_CHECKING:
    from fimble.prompting.context.fit import Piece

_ONE_LINE_CHARACTERS_MAX: Final = 160
# As many definitions of a mixed rendering are shown whole.
_WHOLE_MAX: Final = 2


class Place(StrEnum):
    """Where pieces go."""

    FILES = "files"
    """Files of the repository, each under its real path, in front of the prompt's own file."""
    TOP = "top"
    """Comments before the first line that the prompt shows of the file."""
    SCOPE = "scope"
    """Comments right above the function or class around the hole."""
    HOLE = "hole"
    """Comments right above the hole's own line."""


class Form(StrEnum):
    """How much of a definition is shown."""

    WHOLE = "whole"
    MIXED = "mixed"
    """The best ones whole, the others by their signatures."""
    SIGNATURE = "signature"
    ONE_LINE = "one-line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A way of showing context; `sources` are those that are shown, all of them where it is empty."""

    name: str
    place: Place
    form: Form
    sources: frozenset[Source] = frozenset()
    pieces_max: int = 8

    def wants(self, candidate: Candidate) -> bool:
        """Tells whether such a candidate is shown at all."""
        return not self.sources or candidate.source in self.sources

    def forms(self, candidate: Candidate, place: int = 0) -> tuple[str, ...]:
        """Returns the texts by which a candidate may be shown, the one that is wanted most first.

        `place` is how many better candidates there are.
        """
        short, whole = (_in_owner(candidate, text) for text in (candidate.short, candidate.text))
        match self.form:
            case Form.WHOLE:
                return whole, short
            case Form.MIXED:
                return (whole, short) if place < _WHOLE_MAX else (short,)
            case Form.SIGNATURE:
                return (short,)
            case Form.ONE_LINE:
                return (" ".join(candidate.short.split())[:_ONE_LINE_CHARACTERS_MAX],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What is added to a prompt: files by path and text, and lines without indentation at a place."""

    files: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    place: Place = Place.TOP


NO_CONTEXT: Final = Rendered()
"""Nothing is added."""

RENDERINGS: Final = {
    rendering.name: rendering
    for rendering in (
        Rendering(name="repository", place=Place.FILES, form=Form.WHOLE),
        Rendering(name="repository-mixed", place=Place.FILES, form=Form.MIXED),
        Rendering(name="repository-signatures", place=Place.FILES, form=Form.SIGNATURE),
        Rendering(name="comments", place=Place.TOP, form=Form.WHOLE),
        Rendering(name="comments-mixed", place=Place.TOP, form=Form.MIXED),
        Rendering(name="signatures", place=Place.TOP, form=Form.SIGNATURE),
        Rendering(name="call-sites", place=Place.TOP, form=Form.WHOLE, sources=frozenset({Source.USAGE})),
        Rendering(name="near", place=Place.SCOPE, form=Form.SIGNATURE),
        Rendering(name="short", place=Place.HOLE, form=Form.ONE_LINE, pieces_max=2),
    )
}
"""The ways by name, as model cards and benchmarks call them."""


def render(pieces: Sequence["Piece"], rendering: Rendering, comment: tuple[str, str]) -> Rendered:
    """Returns pieces as they are shown, in the order in which they come; `comment` begins and ends a comment line."""
    shown = pieces[: rendering.pieces_max]
    if not shown:
        return NO_CONTEXT
    if rendering.place is Place.FILES:
        by_path: dict[str, list[str]] = {}
        for piece in shown:
            by_path.setdefault(piece.candidate.path, []).append(piece.text)
        return Rendered(files=tuple((path, "\n\n".join(texts)) for path, texts in by_path.items()))
    lines: list[str] = []
    path = ""
    for piece in shown:
        # A path says where a name comes from; near the hole it would be what the model writes next.
        if rendering.place is Place.TOP and piece.candidate.path != path:
            path = piece.candidate.path
            lines.append(path)
        lines += [line for line in piece.text.split("\n") if line.strip()]
    opening, closing = comment
    return Rendered(lines=tuple(f"{opening}{line}{closing}" for line in lines), place=rendering.place)


def with_lines(before: str, rendered: Rendered) -> str:
    """Returns the text before a hole with the rendered lines in their place, indented as what stands there."""
    if not rendered.lines:
        return before
    lines = before.split("\n")
    at = 0
    if rendered.place is Place.SCOPE:
        at = scope_line(lines)
    elif rendered.place is Place.HOLE:
        at = len(lines) - 1
    indentation = ""
    if at < len(lines) and rendered.place is not Place.TOP:
        nearest = next((line for line in (lines[at], *reversed(lines[:at])) if line.strip()), "")
        indentation = nearest[: _width(nearest)]
    return "\n".join([*lines[:at], *(f"{indentation}{line}" for line in rendered.lines), *lines[at:]])


def scope_line(lines: Sequence[str]) -> int:
    """Returns the line of the function or class around the end of `lines`, decorators included, or the last line."""
    width: int | None = None
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].lstrip()
        # A closing bracket stands at the depth of what it closes, which may be the definition's own first line.
        if not line or line[0] in ")]}" or (width is not None and _width(lines[number]) >= width):
            continue
        if line.startswith(("def ", "async def ", "class ", "function ", "fn ", "pub ", "func ", "export ")):
            while number and lines[number - 1].strip().startswith("@"):
                number -= 1  # noqa: PLW2901 - the definition begins with its decorators.
            return number
        width = _width(lines[number])
    return max(0, len(lines) - 1)


def _in_owner(candidate: Candidate, text: str) -> str:
    if not candidate.owner:
        return text
    return "\n".join([candidate.owner, *(f"    {line}" if line else "" for line in text.split("\n"))])


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())
