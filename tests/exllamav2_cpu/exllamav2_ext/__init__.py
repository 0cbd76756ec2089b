"""A stand-in for exllamav2's compiled extension: what the real exllamav2 0.3.2 calls, in torch, on the CPU.

For tests only. It computes in float32 and stores in float16, so results agree with the GPU's to rounding, not to the
bit. Importing it also keeps exllamav2's tensors off the GPU (cpu_devices.py). What is not here says so when called.
"""

from collections.abc import Callable
from typing import Any

import cpu_devices
from exllamav2_ext.cache import fp16_to_q_kv, q_to_fp16_kv
from exllamav2_ext.layers import (
    make_q_attn,
    make_q_mlp,
    q_attn_forward_1,
    q_attn_forward_2,
    q_mlp_forward_,
    rms_norm,
    rope_,
)
from exllamav2_ext.matrices import (
    free_q_attn,
    free_q_matrix,
    free_q_mlp,
    gemm_half_q_half,
    make_group_map,
    make_q_matrix,
    reconstruct,
    tensor_remap,
    tensor_remap_4bit,
)
from exllamav2_ext.pages import cache_rotate, count_match, partial_strings_match, stloader_read
from exllamav2_ext.sampling import (
    apply_rep_penalty,
    fast_copy_cpu,
    fast_fadd_cpu,
    fast_fill_cpu_ones_bool,
    logit_filter_exclusive,
    sample_basic,
)

__all__ = [
    "apply_rep_penalty",
    "cache_rotate",
    "count_match",
    "fast_copy_cpu",
    "fast_fadd_cpu",
    "fast_fill_cpu_ones_bool",
    "fp16_to_q_kv",
    "free_q_attn",
    "free_q_matrix",
    "free_q_mlp",
    "gemm_half_q_half",
    "logit_filter_exclusive",
    "make_group_map",
    "make_q_attn",
    "make_q_matrix",
    "make_q_mlp",
    "partial_strings_match",
    "q_attn_forward_1",
    "q_attn_forward_2",
    "q_mlp_forward_",
    "q_to_fp16_kv",
    "reconstruct",
    "rms_norm",
    "rope_",
    "sample_basic",
    "stloader_read",
    "tensor_remap",
    "tensor_remap_4bit",
]

cpu_devices.install()


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*arguments: Any, **named: Any) -> Any:
        raise NotImplementedError(f"The stand-in for exllamav2's extension has no {name}.")

    return missing
