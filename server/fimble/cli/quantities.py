"""What people write for sizes and kinds on the command line, as numbers; mistakes are told as typer tells them."""

from typing import cast, get_args

import typer

from fimble.models.card import CacheKind
from fimble.models.fit import parse_size, parse_tokens


def cache_kind(text: str) -> CacheKind | None:
    """Reads a kind of cache; None where nothing is written."""
    kinds = get_args(CacheKind)
    if text and text not in kinds:
        raise typer.BadParameter(f"{text!r} is no kind of cache; write {', '.join(kinds)}.")
    return cast("CacheKind", text) if text else None


def size(text: str) -> int:
    """Reads a size of memory such as `12GiB`, in bytes."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def tokens(text: str) -> int:
    """Reads a number of tokens such as `16k`; 0 where nothing is written, or `0` is."""
    try:
        return parse_tokens(text) if text.strip("0 ") else 0
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
