"""What the extension hands out numbers for, and how exllamav2 says None."""

from typing import Any

from torch import Tensor

objects: dict[int, Any] = {}


def keep(thing: Any) -> int:
    """Returns a number that stands for a thing."""
    handle = max(objects, default=0) + 1
    objects[handle] = thing
    return handle


def given(tensor: Tensor) -> Tensor | None:
    """Returns None for exllamav2's way of saying None, a tensor on the meta device."""
    return None if tensor.is_meta else tensor
