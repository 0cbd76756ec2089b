"""Ways of showing a model definitions from other files; which one helps is for the measurement to say.

A rendering becomes files in front of the prompt's own (for models that know repositories), or lines of comment at
one of three places of the text before the hole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fimble.bench.crossfile.errors import ArmUnavailable
from fimble.bench.crossfile.workspace import Excerpt
from fimble.models.card import FillInMiddle
from fimble.providers.provider import Control, Part

# About 500 and 170 tokens; a prompt has 768.
_CHARACTERS_MAX: Final = 2000
_SHORT_CHARACTERS_MAX: Final = 700


class Place(StrEnum):
    """Where lines of comment go."""

    TOP = "top"
    """Before the first line that the prompt shows of the file."""
    SCOPE = "scope"
    """Right above the function or class around the hole."""
    HOLE = "hole"
    """Right above the hole's own line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What is added to a prompt: whole files by path and text, and lines without indentation at a place."""

    files: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    place: Place = Place.TOP


Renderer = Callable[[Sequence[Excerpt]], Rendered]


def repository(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows whole definitions as files of the repository, each under its real path."""
    return Rendered(files=_files(excerpts, [_member(excerpt, excerpt.whole) for excerpt in excerpts], _CHARACTERS_MAX))


def repository_signatures(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows signatures as files of the repository."""
    texts = [_member(excerpt, f"{excerpt.signature}\n    ...") for excerpt in excerpts]
    return Rendered(files=_files(excerpts, texts, _SHORT_CHARACTERS_MAX))


def comments(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows whole definitions in comments at the file's top, each under its path."""
    texts = [f"{excerpt.path}\n{_member(excerpt, excerpt.whole)}" for excerpt in excerpts]
    return Rendered(lines=_commented(texts, _CHARACTERS_MAX))


def signatures(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows signatures in comments at the file's top, each under its path."""
    texts = [f"{excerpt.path}\n{_member(excerpt, excerpt.signature)}" for excerpt in excerpts]
    return Rendered(lines=_commented(texts, _SHORT_CHARACTERS_MAX))


def call_sites(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows, instead of definitions, statements of other files that use them, in comments at the file's top."""
    texts = [f"{path}\n{text}" for excerpt in excerpts for path, text in excerpt.sites]
    return Rendered(lines=_commented(texts, _SHORT_CHARACTERS_MAX))


def near(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows signatures in comments right above the function or class around the hole."""
    texts = [_member(excerpt, excerpt.signature) for excerpt in excerpts]
    return Rendered(lines=_commented(texts, _SHORT_CHARACTERS_MAX), place=Place.SCOPE)


def short(excerpts: Sequence[Excerpt]) -> Rendered:
    """Shows the signatures of the first two definitions, each in one line of comment right above the hole's line."""
    lines = [" ".join(excerpt.signature.split()) for excerpt in excerpts[:2]]
    return Rendered(lines=_commented([line[:160] for line in lines], _SHORT_CHARACTERS_MAX), place=Place.HOLE)


RENDERERS: Final[dict[str, Renderer]] = {
    "repository": repository,
    "repository-signatures": repository_signatures,
    "comments": comments,
    "signatures": signatures,
    "call-sites": call_sites,
    "near": near,
    "short": short,
}


def with_context(prompt: tuple[Part, ...], rendered: Rendered, fim: FillInMiddle) -> tuple[Part, ...]:
    """Returns a prompt, as `prompting.fill_in_middle` lays it out, with what was rendered in its place.

    Raises:
        ArmUnavailable: the prompt has no prefix, or the model knows no files.
    """
    parts = list(prompt)
    if rendered.lines:
        # The text before the hole follows the middle token where a model is asked with it at the very end.
        at = _index(parts, fim.middle if fim.order == "prefix-last" else fim.prefix) + 1
        before = parts[at] if at < len(parts) else ""
        if isinstance(before, Control):
            parts.insert(at, "")
            before = ""
        parts[at] = _with_lines(before, rendered)
    if rendered.files:
        if not (fim.repository and fim.file):
            raise ArmUnavailable("This model has no tokens for repositories; choose another rendering.")
        own = _index(parts, fim.file)
        files = [part for path, text in rendered.files for part in (Control(fim.file), f"{path}\n{text}\n")]
        parts[own:own] = files
    return tuple(parts)


def scope_line(lines: Sequence[str]) -> int:
    """Returns the line of the function or class around the end of `lines`, decorators included, or the last line."""
    width: int | None = None
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].lstrip()
        # A closing bracket stands at the depth of what it closes, which may be the definition's own first line.
        if not line or line[0] in ")]}" or (width is not None and _width(lines[number]) >= width):
            continue
        if line.startswith(("def ", "async def ", "class ")):
            while number and lines[number - 1].strip().startswith("@"):
                number -= 1  # noqa: PLW2901 - the definition begins with its decorators.
            return number
        width = _width(lines[number])
    return max(0, len(lines) - 1)


def _with_lines(before: str, rendered: Rendered) -> str:
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


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())


def _index(parts: list[Part], token: str) -> int:
    for number, part in enumerate(parts):
        if isinstance(part, Control) and part.token == token:
            return number
    raise ArmUnavailable(f"The prompt has no {token}, so that nothing can be put next to it.")


def _member(excerpt: Excerpt, text: str) -> str:
    if not excerpt.owner:
        return text
    return "\n".join([excerpt.owner, *(f"    {line}" if line else "" for line in text.split("\n"))])


def _files(excerpts: Sequence[Excerpt], texts: Sequence[str], characters_max: int) -> tuple[tuple[str, str], ...]:
    by_path: dict[str, list[str]] = {}
    left = characters_max
    for excerpt, text in zip(excerpts, texts, strict=True):
        if left > 0:
            by_path.setdefault(excerpt.path, []).append(text[:left])
            left -= len(text)
    return tuple((path, "\n\n".join(parts)) for path, parts in by_path.items())


def _commented(texts: Sequence[str], characters_max: int) -> tuple[str, ...]:
    lines: list[str] = []
    left = characters_max
    for line in (line for text in texts for line in text.split("\n")):
        if line.strip() and left > 0:
            lines.append(f"# {line}"[: left + 2])
            left -= len(line)
    return tuple(lines)
