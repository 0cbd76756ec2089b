"""The file reader, and what the page table and the stop strings need."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor


def stloader_read(filename: str, offset: int, size: int, target: Tensor) -> None:
    """Reads bytes of a file into a tensor."""
    if size == 0:
        return
    view = memoryview(target.view(-1).view(torch.uint8).numpy())
    with open(filename, "rb") as file:
        file.seek(offset)
        if size != view.nbytes or file.readinto(view) != size:
            raise RuntimeError(f"{filename} has not the {size} bytes of a tensor of {view.nbytes} at {offset}.")


def count_match(a: Tensor, b: Tensor, max_a: int) -> int:
    """Returns how many tokens of two rows agree from the left."""
    length = min(a.shape[1], b.shape[1], max_a)
    if length <= 0:
        return 0
    differs = (a[0, :length] != b[0, :length]).nonzero()
    return int(differs[0, 0]) if len(differs) else length


def partial_strings_match(match: Any, offsets: Any, strings: Any) -> int:
    """Returns where the first string that matches does so, -2 if one may match once more text is there, else -1.

    The strings are tried in order, and one that may still match hides a later one that does.
    """
    text = bytes(match).decode("utf-32-le")
    ends = np.frombuffer(offsets, dtype=np.int32)
    packed = bytes(strings)
    for start, end in pairwise(ends):
        wanted = packed[start:end].decode("utf-32-le")
        for i in range(len(text)):
            if text.startswith(wanted, i):
                return i
            if wanted.startswith(text[i:]):
                return -2
    return -1


def cache_rotate(cache: Tensor, order: Tensor, temp: Tensor) -> None:
    """Moves pages one place along `order`, the first to the last."""
    pages = order.tolist()
    first = cache[pages[0]].clone()
    for to, source in pairwise(pages):
        cache[to].copy_(cache[source])
    cache[pages[-1]].copy_(first)
