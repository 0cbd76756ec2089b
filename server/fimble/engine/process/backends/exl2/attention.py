"""Correct attention for ExLlamaV2 0.3.2 on machines without flash-attn.

There, its prompt attention is not causal (`_attn_torch` in its attn.py, "or causal": no mask at all), its other
fallback overflows in half precision on Qwen2, and its paged mode refuses to start. `install` replaces the three
places; where flash-attn works it changes nothing.
"""

import enum
import importlib
import threading
from collections.abc import Sequence
from typing import Any

from fimble.engine.process.backends.exl2.paged_attention import Layout, causal_attention, lay_out, paged_attention
from fimble.errors import ModelRefused

# The versions whose source was read and whose results were compared with a reference attention.
CHECKED_VERSIONS = ("0.3.2",)

_NAMES_IN_CLASS = ("_attn_torch", "forward_paged")
_NAMES_IN_MODULE = ("has_flash_attn", "has_xformers", "has_flash_attn_with_paged", "flash_attn_with_kvcache")


class AttentionKind(enum.StrEnum):
    """Which attention ExLlamaV2 uses after `install`; the text is for the log."""

    FLASH_ATTN = "flash-attn"
    """flash-attn 2.5.7 or newer, unchanged."""
    TORCH = "torch"
    """torch's scaled_dot_product_attention, through this module."""


class _Pass(threading.local):
    """What `forward_paged` knows and the attention function, deep below it in ExLlamaV2's code, needs."""

    layout: Layout | None = None


_pass = _Pass()
_originals: dict[str, Any] = {}
_ABSENT = object()


def install(package: Any = None, *, device_majors: Sequence[int] | None = None) -> AttentionKind:
    """Makes ExLlamaV2's attention correct on this machine; further calls change nothing.

    Args:
        package: The imported `exllamav2`; imported here if None.
        device_majors: The compute capabilities' major numbers of the devices; asked of torch if None.

    Raises:
        ModelRefused: This version of ExLlamaV2 was not checked, and there is no working flash-attn.
    """
    if package is None:
        package = importlib.import_module("exllamav2")  # Takes seconds, and is there only on machines with a GPU.
    if device_majors is None:
        import torch  # noqa: PLC0415 - see above.

        device_majors = [torch.cuda.get_device_properties(i).major for i in range(torch.cuda.device_count())]
    attn = package.attn
    if _originals:
        return AttentionKind.TORCH
    # On a card before Ampere, ExLlamaV2 prints a warning and goes on to call flash-attn, which then fails.
    if attn.has_flash_attn_with_paged and all(major >= 8 for major in device_majors):
        return AttentionKind.FLASH_ATTN
    if package.__version__ not in CHECKED_VERSIONS:
        raise ModelRefused(
            f"Fimble was not checked with ExLlamaV2 {package.__version__} without flash-attn; install flash-attn 2.5.7 "
            f"or newer, or run: pip install exllamav2=={CHECKED_VERSIONS[-1]}"
        )
    _originals["package"] = package
    for name in _NAMES_IN_MODULE:
        _originals[name] = getattr(attn, name, _ABSENT)
    for name in _NAMES_IN_CLASS:
        _originals[name] = getattr(attn.ExLlamaV2Attention, name)
    # The calls outside the paged mode go to _attn_torch. xformers' attention ignores windows without a word.
    attn.has_flash_attn = attn.has_xformers = False
    attn.has_flash_attn_with_paged = True
    attn.flash_attn_with_kvcache = _flash_attn_with_kvcache
    attn.ExLlamaV2Attention._attn_torch = _attn_torch
    attn.ExLlamaV2Attention.forward_paged = _forward_paged
    return AttentionKind.TORCH


def uninstall() -> None:
    """Puts ExLlamaV2's own attention back, for tests."""
    if not _originals:
        return
    attn = _originals.pop("package").attn
    for name in _NAMES_IN_CLASS:
        setattr(attn.ExLlamaV2Attention, name, _originals.pop(name))
    for name in _NAMES_IN_MODULE:
        if (original := _originals.pop(name)) is _ABSENT:
            delattr(attn, name)
        else:
            setattr(attn, name, original)


def refuse_unsupported(model: Any) -> None:
    """Raises if a loaded ExLlamaV2 model needs what the torch attention lacks; to be called after `install`.

    Without flash-attn, ExLlamaV2 itself ignores both in paged mode and answers wrongly.

    Raises:
        ModelRefused: The model caps its scores, or some layer sees fewer tokens than the context has.
    """
    if not _originals:
        return
    for module in model.modules:
        _refuse(module, getattr(module, "sliding_window", 0), model.config, model.config.max_seq_len)


def _refuse(attention: Any, sliding_window: int, config: Any, key_length: int) -> None:
    name = getattr(attention, "key", "a layer")
    if config.attn_logit_softcapping:
        raise ModelRefused(f"This model caps its attention scores ({name}); install flash-attn 2.6.0 or newer.")
    if sliding_window and key_length > sliding_window:
        raise ModelRefused(
            f"In this model {name} sees {sliding_window} tokens and the context is {key_length}; install flash-attn "
            f"2.5.7 or newer, or use a context of {sliding_window} tokens at most."
        )


def _forward_paged(
    self: Any, hidden_states: Any, cache: Any = None, attn_params: Any = None, loras: Any = None, **kwargs: Any
) -> Any:
    """Stands for ExLlamaV2Attention.forward_paged: prepares, once per pass, what all layers need, and calls it."""
    if self.is_tp:
        raise ModelRefused("A model split over several cards by tensor parallelism needs flash-attn 2.5.7 or newer.")
    query_length = hidden_states.shape[1]
    pages, past_lengths = _on_host(attn_params)
    _refuse(self, self.sliding_window, self.model.config, max(past_lengths) + query_length)

    groups = self.num_attention_heads // self.num_key_value_heads
    layouts = attn_params.__dict__.setdefault("fimble_layouts", {})
    # A draft model shares the parameters of a prompt's pass with the main model, and layers may be on several cards.
    key = (self.device_idx, groups)
    if (layout := layouts.get(key)) is None:
        import torch  # noqa: PLC0415 - wanted only where a model runs on a GPU.

        layout = layouts[key] = lay_out(
            attn_params.get_block_index(hidden_states.device),
            attn_params.get_cache_seqlens(self.device_idx),
            pages=pages,
            past_lengths=past_lengths,
            query_length=query_length,
            page_size=attn_params.page_size,
            groups=groups,
            dtype=torch.half,
            appends=not attn_params.is_sequential,
        )
    _pass.layout = layout
    try:
        return _originals["forward_paged"](self, hidden_states, cache, attn_params, loras, **kwargs)
    finally:
        _pass.layout = None


def _on_host(attn_params: Any) -> tuple[list[int] | None, list[int]]:
    """Returns the pages, if there is one sequence, and the past lengths.

    The parameters are made on the host and replaced by copies on the device when the first layer asks for them, which
    is after this function's first call; so it does not wait for the device. The generator changes the tensor of
    lengths in place between two passes of a draft model, but makes new parameters for each.
    """
    host: tuple[list[int] | None, list[int]] | None = attn_params.__dict__.get("fimble_host")
    if host is None:
        table = attn_params.block_index
        host = (table[0].tolist() if table.shape[0] == 1 else None, attn_params.cache_seqlens.tolist())
        attn_params.fimble_host = host
    return host


def _flash_attn_with_kvcache(
    *,
    q: Any,
    k_cache: Any,
    v_cache: Any,
    k: Any,
    v: Any,
    cache_seqlens: Any,
    block_table: Any,
    causal: bool,
    softmax_scale: float,
) -> Any:
    """Stands for the function of flash-attn, with the arguments that forward_paged gives it and no others."""
    if not causal:
        raise ModelRefused("Attention that is not causal needs flash-attn 2.5.7 or newer.")
    return paged_attention(
        q,
        k_cache,
        v_cache,
        k,
        v,
        cache_seqlens=cache_seqlens,
        block_table=block_table,
        softmax_scale=softmax_scale,
        layout=_pass.layout,
    )


def _attn_torch(  # noqa: PLR0917 - the arguments are ExLlamaV2's.
    self: Any,
    batch_size: int,
    q_len: int,
    q_states: Any,
    k_states: Any,
    v_states: Any,
    attn_params: Any,
    cfg: Any,
    causal: bool = True,
) -> Any:
    """Stands for ExLlamaV2Attention._attn_torch; states are (batch, tokens, heads, head size)."""
    from torch.nn.functional import scaled_dot_product_attention  # noqa: PLC0415 - wanted only where a model runs.

    _refuse(self, self.sliding_window, cfg, k_states.shape[1])
    in_blocks = self.layer_idx in attn_params.block_diag_layers
    if causal and not in_blocks and attn_params.is_causal():
        output = causal_attention(q_states, k_states, v_states, self.scaling)
    else:
        if in_blocks:
            mask = attn_params.get_block_diag_mask(q_states.device)
        else:
            mask = attn_params.get_attn_mask(q_states.device) if causal else None
        output = scaled_dot_product_attention(
            q_states.transpose(1, 2),
            k_states.transpose(1, 2),
            v_states.transpose(1, 2),
            mask,
            scale=self.scaling,
            enable_gqa=q_states.shape[2] != k_states.shape[2],
        ).transpose(1, 2)
    return output.reshape(batch_size, q_len, -1)
