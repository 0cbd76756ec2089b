"""Whether a model fits a GPU's memory, decided by arithmetic before the card is touched.

What ExLlamaV2 0.3.2 takes is read from its source: quantised weights with the output matrix at about 6.3 bits (the
embedding stays in the machine's memory), the attention cache, for a quantised cache one layer's keys and values in
fp16 beside it, scratch for one dequantised matrix and for a chunk of prompt, and the tables of rotary embeddings. The
CUDA context is an estimate. None of it has been measured on a GPU yet.
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from fimble.errors import ModelRefused
from fimble.models.card import CacheKind, ModelCard, Shape
from fimble.models.memory import cache_bytes

GIB: Final = 1024**3
MARGIN_BYTES: Final = GIB
"""What is left for the desktop, other programs and the allocator's gaps."""

_CHUNK_TOKENS: Final = 2048
_ROTARY_TOKENS: Final = 32_768
_CUDA_CONTEXT_BYTES: Final = int(0.45 * GIB)
_CONTEXTS: Final = (131_072, 65_536, 32_768, 16_384, 8_192, 4_096)
_CONTEXT_TOKENS_MAX: Final = 32_768
"""More is not chosen by itself: completions are never so long, and it would take memory from other programs."""
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?)b?)?\s*", re.IGNORECASE)
_TOKENS: Final = re.compile(r"\s*(\d+)\s*(k?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuNeed:
    """What a model takes of a GPU's memory, in bytes."""

    weights: int
    cache: int
    scratch: int
    cuda_context: int

    @property
    def total(self) -> int:
        """All of it together."""
        return self.weights + self.cache + self.scratch + self.cuda_context


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A model with a length of its context, in tokens, and a kind of cache, and what that takes."""

    model: str
    context_tokens: int
    cache: CacheKind
    need: GpuNeed

    def fits(self, vram_bytes: int) -> bool:
        """Tells whether it fits a card with `vram_bytes` and leaves `MARGIN_BYTES`."""
        return self.need.total + MARGIN_BYTES <= vram_bytes


def gpu_need(card: ModelCard, context_tokens: int, cache: CacheKind = "fp16") -> GpuNeed:
    """Computes what a model takes with a cache of `context_tokens`.

    Raises:
        ModelRefused: it is no model for ExLlamaV2, or its card does not say enough.
    """
    if card.backend != "exllamav2":
        raise ModelRefused(f"{card.name} runs by {card.backend}; only models for ExLlamaV2 need to fit a GPU.")
    shape = card.shape
    if shape is None or not shape.intermediate:
        raise ModelRefused(f"The card of {card.name} does not give the model's shape, so its memory is unknown.")
    head = shape.vocabulary * shape.hidden
    matrices = shape.parameters - head * (1 if shape.tied_embeddings else 2)
    return GpuNeed(
        weights=math.ceil(matrices * shape.bits_per_weight / 8 + head * shape.head_bits / 8),
        cache=cache_bytes(shape, context_tokens, cache) + _unpacked_bytes(shape, context_tokens, cache),
        scratch=_scratch_bytes(shape),
        cuda_context=_CUDA_CONTEXT_BYTES,
    )


def choose(card: ModelCard, vram_bytes: int, context_tokens: int = 0, cache: CacheKind | None = None) -> Choice:
    """Returns the best choice that fits, or the smallest that there is, within what is asked for.

    A longer context counts more than a finer cache. Kinds of cache that the model suffers from are only taken when
    they are asked for; 0 tokens and no cache leave the choice open.

    Raises:
        ModelRefused: see `gpu_need`.
    """
    caches = (cache,) if cache is not None else card.cache_kinds
    longest = min(card.context_tokens, _CONTEXT_TOKENS_MAX)
    contexts = (context_tokens,) if context_tokens else tuple(tokens for tokens in _CONTEXTS if tokens <= longest)
    choices = [_choice(card, tokens, kind) for tokens in contexts or (longest,) for kind in caches]
    return next((choice for choice in choices if choice.fits(vram_bytes)), choices[-1])


def alternatives(cards: list[ModelCard], wanted: Choice, vram_bytes: int) -> list[Choice]:
    """Returns what fits instead of `wanted`: another cache, a shorter context, a smaller model; nearest first."""
    found: list[Choice] = []
    for card in sorted(cards, key=lambda card: -(card.shape.parameters if card.shape else 0)):
        try:
            if card.name == wanted.model:
                shorter = [tokens for tokens in _CONTEXTS if tokens < wanted.context_tokens]
                # Of each length with the finest cache that fits, if one does.
                options = [choose(card, vram_bytes, tokens) for tokens in (wanted.context_tokens, *shorter)]
                found[:0] = [option for option in options if option.fits(vram_bytes)][:2]
            else:
                option = choose(card, vram_bytes, min(wanted.context_tokens, card.context_tokens))
                found += [option] if option.fits(vram_bytes) else []
        except ModelRefused:
            continue
    return found


def parse_size(text: str) -> int:
    """Reads a size of memory: `12GiB`, `12 GB`, `12` (GiB), `800MiB`; units count in 1024s, as graphics cards do.

    Raises:
        ValueError: it is none.
    """
    match = _SIZE.fullmatch(text)
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is no size of memory; write for example 12GiB.")
    power = "kmgt".index(match[2].lower()) + 1 if match[2] else 3
    return int(float(match[1]) * 1024**power)


def parse_tokens(text: str) -> int:
    """Reads a number of tokens: `16k` is 16,384.

    Raises:
        ValueError: it is none.
    """
    match = _TOKENS.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no number of tokens; write for example 16k or 16384.")
    return int(match[1]) * (1024 if match[2] else 1)


def _choice(card: ModelCard, context_tokens: int, cache: CacheKind) -> Choice:
    need = gpu_need(card, context_tokens, cache)
    return Choice(model=card.name, context_tokens=context_tokens, cache=cache, need=need)


def _unpacked_bytes(shape: Shape, context_tokens: int, cache: CacheKind) -> int:
    """Returns what one layer's keys and values in fp16 take, into which a quantised cache is unpacked."""
    return 0 if cache == "fp16" else 2 * 2 * context_tokens * shape.kv_heads * shape.head_dim


def _scratch_bytes(shape: Shape) -> int:
    widest = max(shape.hidden, shape.intermediate)
    matrix = 2 * shape.hidden * shape.intermediate
    chunk = 2 * _CHUNK_TOKENS * (shape.hidden + 2 * widest) + 8 * _CHUNK_TOKENS * shape.hidden
    rotary = 2 * 2 * _ROTARY_TOKENS * shape.head_dim
    return matrix + chunk + rotary
