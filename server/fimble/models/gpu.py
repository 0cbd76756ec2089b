"""Whether a GPU model can run on this machine at all, as far as can be told without loading anything of CUDA."""

import importlib.util
import os
from collections.abc import Iterable
from typing import Final

from fimble.errors import ModelRefused
from fimble.models.card import CacheKind, ModelCard
from fimble.models.devices import Device, nvidia_devices, visible_devices
from fimble.models.fit import GIB, Choice, alternatives, choose, gpu_need

_PACKAGES: Final = ("exllamav2", "torch", "safetensors", "tokenizers")


def gpu_obstacle() -> str:
    """Returns why GPU models cannot run here, in one sentence; nothing if there is no plain reason."""
    if not _devices():
        return "No NVIDIA card answers on this machine."
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return f'GPU models need the packages {", ".join(missing)} (pip install "fimble[gpu]").'
    return ""


def find_device(index: int | None) -> Device:
    """Returns the card of that number, or the one with the most free memory.

    Raises:
        ModelRefused: there is none.
    """
    devices = _devices()
    if index is not None:
        devices = [device for device in devices if device.index == index]
    if not devices:
        which = "No NVIDIA card" if index is None else f"No NVIDIA card with the number {index}"
        raise ModelRefused(f"{which} answers on this machine; run: fimble doctor")
    return max(devices, key=lambda device: device.free_bytes)


def plan(
    card: ModelCard,
    device: Device,
    *,
    others: Iterable[ModelCard],
    context_tokens: int = 0,
    cache: CacheKind | None = None,
    draft: ModelCard | None = None,
) -> Choice:
    """Returns the length and the kind of the cache with which a model fits what is free of a card's memory.

    Args:
        card: The model.
        device: The card.
        others: All models, of which those that fit are named where this one does not.
        context_tokens: The length that the user wants, 0 for the longest that fits.
        cache: The kind that the user wants.
        draft: A second, small model that guesses ahead, with a cache of the same length.

    Raises:
        ModelRefused: it does not fit; the message names what does.
    """
    free = device.free_bytes
    choice = choose(card, free, context_tokens, cache)
    if draft is not None:
        free -= gpu_need(draft, choice.context_tokens, choice.cache).total
        choice = choose(card, free, context_tokens, cache)
    if choice.fits(free):
        return choice
    raise ModelRefused(
        f"{card.name} needs {choice.need.total / GIB:.1f} GiB with {choice.context_tokens:,} tokens and {choice.cache} "
        f"cache, and the {device.name} has {free / GIB:.1f} of {device.total_bytes / GIB:.1f} GiB free. "
        + advice(others, choice, free)
    )


def advice(others: Iterable[ModelCard], choice: Choice, free_bytes: int) -> str:
    """Returns one sentence that names the nearest choices that fit instead."""
    fitting = alternatives(list(others), choice, free_bytes)[:3]
    named = "; ".join(f"{other.model} with {other.context_tokens:,} tokens, {other.cache} cache" for other in fitting)
    if not named:
        return "No known GPU model fits; the default model runs without a GPU."
    return f"What fits: {named}."


def _devices() -> list[Device]:
    return visible_devices(nvidia_devices(), os.environ)
