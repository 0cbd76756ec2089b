"""Translates a gitignore glob to a regular expression, as git's wildmatch reads it (git 2.39, wildmatch.c).

A pattern can never take more than quadratic time, whatever its author intended: what stands between two stars is
matched atomically at the first place that fits, as Python's fnmatch does, and the same goes for what stands
between two `**`.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

_POSIX_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t-\\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class Part(Enum):
    """What a piece of a glob stands for."""

    CHARACTER = auto()
    """One character, itself."""
    ONE = auto()
    """One character out of many."""
    STAR = auto()
    """Any characters but slashes."""
    FOLDERS = auto()
    """Any number of folders, also none."""
    SLASH = auto()
    """The border between a folder and what is inside."""


class Token(NamedTuple):
    """A piece of a glob; `text` is a character, or the regular expression of one."""

    part: Part
    text: str


_SLASH: Final = Token(Part.SLASH, "/")
_STAR: Final = Token(Part.STAR, "")
_FOLDERS: Final = Token(Part.FOLDERS, "")


def tokens_of(glob: str) -> list[Token] | None:
    """Returns the pieces of a glob, or None for one that can never match."""
    tokens: list[Token] = []
    at = 0
    while at < len(glob):
        letter = glob[at]
        if letter == "\\":
            at += 1
            if at == len(glob):
                return None
            tokens.append(_SLASH if glob[at] == "/" else Token(Part.CHARACTER, glob[at]))
        elif letter == "/":
            tokens.append(_SLASH)
        elif letter == "?":
            tokens.append(Token(Part.ONE, "[^/]"))
        elif letter == "*":
            stars = len(glob) - at - len(glob[at:].lstrip("*"))
            at += stars - 1
            is_whole = (not tokens or tokens[-1] is _SLASH) and (
                at + 1 == len(glob) or glob.startswith(("/", "\\/"), at + 1)
            )
            tokens.append(_FOLDERS if stars > 1 and is_whole else _STAR)
        elif letter == "[":
            bracket = _bracket(glob, at)
            if bracket is None:
                return None
            regex, at = bracket
            tokens.append(Token(Part.ONE, regex))
        else:
            tokens.append(Token(Part.CHARACTER, letter))
        at += 1
    return tokens


def literal_of(tokens: Sequence[Token]) -> str | None:
    """Returns the only text that the glob matches, if there is just one."""
    if all(token.part in (Part.CHARACTER, Part.SLASH) for token in tokens):
        return "".join(token.text for token in tokens)
    return None


def regex_of(tokens: Sequence[Token]) -> str:
    """Returns a regular expression for a full match."""
    blocks: list[list[Token]] = [[]]
    for token in tokens:
        if token.part is Part.FOLDERS:
            blocks.append([])
        else:
            blocks[-1].append(token)
    # A block keeps the slashes around it, except for the one after `**`, which the folders bring with them.
    first, *others = blocks
    regex = _block(first)
    for number, block in enumerate(others, start=1):
        is_last = number == len(others)
        if not block:
            regex += ".+"
        elif is_last:
            regex += "(?:[^/]+/)*?" + _block(block[1:])
        elif len(block) > 1:
            regex += "(?>(?:[^/]+/)*?" + _block(block[1:]) + ")"
    return regex


def _block(tokens: Sequence[Token]) -> str:
    """Translates what has no `**` in it."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token.part is Part.SLASH:
            segments.append([])
        else:
            segments[-1].append(token)
    return "/".join(_segment(segment) for segment in segments)


def _segment(tokens: Iterable[Token]) -> str:
    chunks = [""]
    for token in tokens:
        if token.part is Part.STAR:
            chunks.append("")
        else:
            chunks[-1] += re.escape(token.text) if token.part is Part.CHARACTER else token.text
    first, *others = chunks
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle if chunk) + "[^/]*" + last


def _bracket(glob: str, at: int) -> tuple[str, int] | None:
    """Translates the bracket that opens at `at`; returns it and where it closes, or None where it does not."""
    at += 1
    is_negated = glob.startswith(("!", "^"), at)
    at += is_negated
    start = at
    pieces = ""
    previous = ""  # The character that a range may begin with.
    while not glob.startswith("]", at) or at == start:
        is_range = glob.startswith("-", at) and bool(previous) and not glob.startswith("]", at + 1)
        if is_range:
            at += 1
        elif (found := _posix_class(glob, at)) is not None:
            name, at = found
            if name not in _POSIX_CLASSES:
                return None
            pieces += _POSIX_CLASSES[name]
            previous = ""
            continue
        at += glob.startswith("\\", at)
        if at >= len(glob):
            return None
        if is_range:
            pieces += f"{re.escape(previous)}-{re.escape(glob[at])}" if previous <= glob[at] else ""
            previous = ""
        else:
            pieces += re.escape(glob[at])
            previous = glob[at]
        at += 1
    if not pieces:
        return ("[^/]" if is_negated else "(?!)"), at
    return f"(?!/)[{'^' if is_negated else ''}{pieces}]", at


def _posix_class(glob: str, at: int) -> tuple[str, int] | None:
    """Returns the name of the `[:class:]` at `at` and where it ends."""
    if not glob.startswith("[:", at):
        return None
    end = glob.find("]", at + 2)
    return (glob[at + 2 : end - 1], end + 1) if end > at + 2 and glob[end - 1] == ":" else None
