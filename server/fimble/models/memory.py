"""How much memory a model takes: its weights, and the attention cache that grows with the context.

The numbers come from the card alone; what a backend needs on top of them is the backend's business.
"""

import math
from dataclasses import dataclass

from fimble.errors import ModelRefused
from fimble.models.card import CacheKind, ModelCard, Shape

# Bytes per cached number. The quantised kinds add one 16-bit scale per 32 numbers; q6 keeps keys in 8 bits
# and values in 4.
CACHE_ELEMENT_BYTES: dict[CacheKind, float] = {"fp16": 2.0, "q8": 34 / 32, "q6": 26 / 32, "q4": 18 / 32}

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class MemoryNeed:
    """The memory of one model at one context length."""

    weights_bytes: int
    cache_bytes: int

    @property
    def total_bytes(self) -> int:
        """The weights and the cache together."""
        return self.weights_bytes + self.cache_bytes


def memory_need(card: ModelCard, tokens: int, cache: CacheKind = "fp16") -> MemoryNeed:
    """Computes what a model takes with a context of `tokens`.

    Raises:
        ModelRefused: the card does not give the model's shape.
    """
    if card.shape is None:
        raise ModelRefused(f"The card of {card.name} does not give the model's shape, so its memory is unknown.")
    return MemoryNeed(weights_bytes(card), cache_bytes(card.shape, tokens, cache))


def weights_bytes(card: ModelCard) -> int:
    """Returns the size of the weights: of the pinned files, or else parameters times bits.

    Raises:
        ModelRefused: the card gives neither.
    """
    if card.files and all(file.bytes for file in card.files):
        return sum(file.bytes for file in card.files)
    if card.shape is None:
        raise ModelRefused(f"The card of {card.name} gives neither file sizes nor a shape, so its memory is unknown.")
    return math.ceil(card.shape.parameters * card.shape.bits_per_weight / 8)


def cache_bytes(shape: Shape, tokens: int, cache: CacheKind = "fp16") -> int:
    """Returns the size of the attention cache: a key and a value per token, layer and key-value head."""
    elements = 2 * shape.layers * shape.kv_heads * shape.head_dim * tokens
    return math.ceil(elements * CACHE_ELEMENT_BYTES[cache])


def human(size_bytes: float) -> str:
    """Formats a number of bytes for people, such as `468.6 MiB`."""
    size = float(size_bytes)
    for unit in _UNITS[:-1]:
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_UNITS[-1]}"
