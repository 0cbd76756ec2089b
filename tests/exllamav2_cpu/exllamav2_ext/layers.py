"""Normalization, rotary embeddings, and the two kinds of layer of quantized models."""

from dataclasses import dataclass

import torch
from exllamav2_ext.handles import given, keep, objects
from torch import Tensor
from torch.nn import functional

HALF_MAX = 65504.0


def rms_norm(x: Tensor, w: Tensor, y: Tensor, epsilon: float) -> None:
    """Writes the normalized rows of x to y."""
    y.copy_(normalized(x, w, epsilon))


def normalized(x: Tensor, w: Tensor, epsilon: float) -> Tensor:
    wide = x.float().clamp(-HALF_MAX, HALF_MAX)
    return wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon) * w.float()


def rope_(
    x: Tensor, sin: Tensor, cos: Tensor, past_len: int, num_heads: int, head_dim: int, offsets: Tensor, neox: bool
) -> None:
    """Turns queries or keys by their position, in place."""
    if not neox:
        raise NotImplementedError("The stand-in has rotary embeddings in the NEOX style only.")
    states = x.reshape(x.shape[0], -1, num_heads, head_dim).float()
    starts = torch.zeros(states.shape[0], dtype=torch.long)
    if (shifts := given(offsets)) is not None:
        starts = shifts.long().reshape(-1).expand(states.shape[0])
    starts = starts.clamp(min=0) if past_len == -1 else starts + past_len
    positions = (starts.unsqueeze(1) + torch.arange(states.shape[1])).clamp(min=0)
    half = sin.shape[-1] // 2
    sines = sin.view(-1, sin.shape[-1])[positions, :half].float().unsqueeze(2)
    cosines = cos.view(-1, cos.shape[-1])[positions, :half].float().unsqueeze(2)
    left, right = states[..., :half], states[..., half : 2 * half]
    turned = torch.cat((left * cosines - right * sines, right * cosines + left * sines, states[..., 2 * half :]), -1)
    x.copy_(turned.view(x.shape))


@dataclass(frozen=True, slots=True)
class _Attention:
    norm: Tensor
    epsilon: float
    q: int
    k: int
    v: int
    o: int
    heads: int
    key_heads: int
    head_size: int
    has_residual: bool


def make_q_attn(
    layernorm: Tensor,
    layernorm_bias: Tensor,
    is_rms: bool,
    headnorm_is_rms: bool,
    epsilon: float,
    q: int,
    k: int,
    v: int,
    o: int,
    temp_state: Tensor,
    temp_dq: Tensor,
    max_rows: int,
    hidden_size: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    max_seq_len: int,
    has_residual: bool,
    rope_style: int,
    sincos_size: int,
    q_norm: Tensor,
    k_norm: Tensor,
    post_layernorm: Tensor,
    post_layernorm_bias: Tensor,
    residual_fp32: bool,
    use_graphs: bool,
) -> int:
    """Puts the matrices of an attention layer together."""
    if not is_rms or given(q_norm) is not None or given(post_layernorm) is not None or residual_fp32:
        raise NotImplementedError("The stand-in has layers in the manner of Llama and Qwen2 only.")
    return keep(_Attention(layernorm, epsilon, q, k, v, o, num_heads, num_kv_heads, head_dim, has_residual))


def q_attn_forward_1(
    handle: int,
    x: Tensor,
    batch_size: int,
    q_len: int,
    past_len: int,
    past_lens: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sin: Tensor,
    cos: Tensor,
    loras: list[int],
    loras_temp: Tensor,
) -> None:
    """Writes queries, keys and values of the new tokens."""
    layer: _Attention = objects[handle]
    rows = normalized(x, layer.norm, layer.epsilon).half()
    for matrix, target in ((layer.q, q), (layer.k, k), (layer.v, v)):
        target.copy_(objects[matrix].apply(rows).view(target.shape))
    for heads, target in ((layer.heads, q), (layer.key_heads, k)):
        rope_(target, sin, cos, past_len, heads, layer.head_size, past_lens, True)


def q_attn_forward_2(
    handle: int, x: Tensor, attn_output: Tensor, batch_size: int, q_len: int, loras: list[int], loras_temp: Tensor
) -> None:
    """Adds the attention's output to the state, in place."""
    layer: _Attention = objects[handle]
    output = objects[layer.o].apply(attn_output).view(x.shape)
    x.copy_(x + output if layer.has_residual else output)


@dataclass(frozen=True, slots=True)
class _Mlp:
    norm: Tensor
    epsilon: float
    gate: int
    up: int
    down: int
    has_residual: bool


def make_q_mlp(
    layernorm: Tensor,
    layernorm_bias: Tensor,
    is_rms: bool,
    epsilon: float,
    gate: int,
    up: int,
    down: int,
    temp_state: Tensor,
    temp_a: Tensor,
    temp_b: Tensor,
    temp_dq: Tensor,
    max_rows: int,
    act_gelu: bool,
    has_residual: bool,
    post_layernorm: Tensor,
    post_layernorm_bias: Tensor,
    residual_fp32: bool,
    use_graphs: bool,
) -> int:
    """Puts the matrices of a feed-forward layer together."""
    if not is_rms or not gate or act_gelu or given(post_layernorm) is not None or residual_fp32:
        raise NotImplementedError("The stand-in has layers in the manner of Llama and Qwen2 only.")
    return keep(_Mlp(layernorm, epsilon, gate, up, down, has_residual))


def q_mlp_forward_(handle: int, x: Tensor, loras: list[int], loras_temp: Tensor) -> None:
    """Adds the feed-forward layer's output to the state, in place."""
    layer: _Mlp = objects[handle]
    rows = normalized(x, layer.norm, layer.epsilon).half()
    inner = functional.silu(objects[layer.gate].apply(rows).float()) * objects[layer.up].apply(rows).float()
    output = objects[layer.down].apply(inner.clamp(-HALF_MAX, HALF_MAX).half()).view(x.shape)
    x.copy_(x + output if layer.has_residual else output)
