"""Makes small models in the shape of Qwen2, with random weights, for exllamav2 to load; and runs them in plain torch.

The tokenizer knows the 256 bytes and a few control tokens, so that any text is tokens and back.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

CONTROLS = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|im_end|>")
GROUP_SIZE = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model."""

    layers: int = 2
    hidden: int = 128
    heads: int = 4
    key_heads: int = 2
    head_size: int = 64
    inner: int = 256
    vocabulary: int = 262
    context: int = 2048
    tied: bool = False
    rope_theta: float = 1e6
    epsilon: float = 1e-6


def write(folder: Path, shape: Shape = Shape(), *, seed: int = 0, quantized: bool = False) -> dict[str, Tensor]:
    """Writes a model folder and returns its weights as exllamav2 should see them, in half precision.

    Args:
        folder: Is made if it is not there.
        shape: The model's sizes.
        seed: Of the weights.
        quantized: Whether the layers' matrices are written in the format of GPTQ, 4 bits and 32 rows to a group.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = random_weights(shape, seed)
    stored = dict(weights)
    if quantized:
        for name in [name for name in weights if "_proj.weight" in name]:
            key = name.removesuffix(".weight")
            packed, weights[name] = pack_gptq(weights[name])
            del stored[name]
            stored |= {f"{key}.{part}": tensor for part, tensor in packed.items()}
    if shape.tied:
        del stored["lm_head.weight"]
    save_file({name: tensor.contiguous() for name, tensor in stored.items()}, folder / "model.safetensors")
    config: dict[str, Any] = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "head_dim": shape.head_size,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": shape.tied,
        "hidden_act": "silu",
        "bos_token_id": 256,
        "eos_token_id": 256,
        "torch_dtype": "float16",
    }
    if quantized:
        config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": GROUP_SIZE, "desc_act": False}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    _write_tokenizer(folder)
    return weights


def random_weights(shape: Shape, seed: int) -> dict[str, Tensor]:
    """Returns weights under which a model's choices are clear and depend on what it has read."""
    generator = torch.Generator().manual_seed(seed)

    def matrix(outputs: int, inputs: int, gain: float = 1.0) -> Tensor:
        return (torch.randn(outputs, inputs, generator=generator) * gain / inputs**0.5).half()

    queries, keys = shape.heads * shape.head_size, shape.key_heads * shape.head_size
    weights = {
        "model.embed_tokens.weight": torch.randn(shape.vocabulary, shape.hidden, generator=generator).half(),
        "model.norm.weight": torch.ones(shape.hidden).half(),
        "lm_head.weight": matrix(shape.vocabulary, shape.hidden, gain=4),
    }
    for layer in range(shape.layers):
        key = f"model.layers.{layer}."
        weights |= {
            key + "input_layernorm.weight": (1 + torch.randn(shape.hidden, generator=generator) / 10).half(),
            key + "post_attention_layernorm.weight": (1 + torch.randn(shape.hidden, generator=generator) / 10).half(),
            key + "self_attn.q_proj.weight": matrix(queries, shape.hidden, gain=2),
            key + "self_attn.k_proj.weight": matrix(keys, shape.hidden, gain=2),
            key + "self_attn.v_proj.weight": matrix(keys, shape.hidden, gain=2),
            key + "self_attn.o_proj.weight": matrix(shape.hidden, queries, gain=2),
            key + "mlp.gate_proj.weight": matrix(shape.inner, shape.hidden),
            key + "mlp.up_proj.weight": matrix(shape.inner, shape.hidden),
            key + "mlp.down_proj.weight": matrix(shape.hidden, shape.inner),
        }
        for name, outputs in (("q", queries), ("k", keys), ("v", keys)):
            weights[key + f"self_attn.{name}_proj.bias"] = (torch.randn(outputs, generator=generator) / 4).half()
    if shape.tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return weights


def pack_gptq(weight: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Returns a matrix (outputs, inputs) in the format of GPTQ, and what is left of it.

    qweight is int32 (inputs / 8, outputs), the lowest bits first; qzeros, one less than the zero points, int32
    (groups, outputs / 8); scales half (groups, outputs).
    """
    columns = weight.float().T
    groups = columns.view(-1, GROUP_SIZE, columns.shape[1])
    low, high = groups.amin(1).clamp(max=0), groups.amax(1).clamp(min=0)
    scales = ((high - low) / 15).clamp(min=1e-4).half()
    zeros = (-low / scales.float()).round().clamp(1, 15)
    numbers = (groups / scales.float().unsqueeze(1) + zeros.unsqueeze(1)).round().clamp(0, 15)
    restored = ((numbers - zeros.unsqueeze(1)) * scales.float().unsqueeze(1)).half().flatten(0, 1).T
    packed = {
        "qweight": _pack_nibbles(numbers.flatten(0, 1).long(), 0),
        "qzeros": _pack_nibbles(zeros.long() - 1, 1),
        "scales": scales,
        "g_idx": (torch.arange(columns.shape[0]) // GROUP_SIZE).int(),
    }
    return packed, restored


def _pack_nibbles(numbers: Tensor, dim: int) -> Tensor:
    parts = numbers.unflatten(dim, (-1, 8))
    packed = sum(parts.select(dim + 1, i) << (4 * i) for i in range(8))
    return torch.where(packed >= 2**31, packed - 2**32, packed).int()  # type: ignore[arg-type,operator]


def _write_tokenizer(folder: Path) -> None:
    # GPT-2's letters for bytes: the printable ones stand for themselves, the others follow from 256 on.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(256 + i) for i, byte in enumerate(b for b in range(256) if b not in letters)}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": 256 + i,
                "content": content,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for i, content in enumerate(CONTROLS)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {letters[byte]: byte for byte in range(256)},
            "merges": [],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": CONTROLS[0]}), encoding="utf-8")


def logits(weights: dict[str, Tensor], shape: Shape, tokens: list[int]) -> Tensor:
    """Returns the scores after each token, float32 (tokens, vocabulary), without a cache and in float32 throughout."""
    positions = torch.arange(len(tokens)).float()
    frequencies = shape.rope_theta ** -(torch.arange(0, shape.head_size, 2).float() / shape.head_size)
    angles = torch.outer(positions, frequencies)
    sine, cosine = angles.sin(), angles.cos()
    hidden_from = torch.ones(len(tokens), len(tokens), dtype=torch.bool).triu(1)

    def linear(x: Tensor, name: str) -> Tensor:
        bias = weights.get(f"{name}.bias")
        return functional.linear(x, weights[f"{name}.weight"].float(), None if bias is None else bias.float())

    def norm(x: Tensor, name: str) -> Tensor:
        scale = (x.square().mean(-1, keepdim=True) + shape.epsilon).rsqrt()
        return x * scale * weights[f"{name}.weight"].float()

    def turn(x: Tensor) -> Tensor:
        left, right = x.chunk(2, -1)
        return torch.cat((left * cosine - right * sine, right * cosine + left * sine), -1)

    state = weights["model.embed_tokens.weight"].float()[tokens]
    for layer in range(shape.layers):
        key = f"model.layers.{layer}."
        x = norm(state, key + "input_layernorm")
        q, k, v = (
            linear(x, f"{key}self_attn.{part}_proj").view(len(tokens), -1, shape.head_size).transpose(0, 1)
            for part in "qkv"
        )
        groups = shape.heads // shape.key_heads
        k, v = turn(k).repeat_interleave(groups, 0), v.repeat_interleave(groups, 0)
        scores = turn(q) @ k.transpose(1, 2) / shape.head_size**0.5
        seen = scores.masked_fill(hidden_from, float("-inf")).softmax(-1) @ v
        state = state + linear(seen.transpose(0, 1).flatten(1), key + "self_attn.o_proj")
        x = norm(state, key + "post_attention_layernorm")
        inner = functional.silu(linear(x, key + "mlp.gate_proj")) * linear(x, key + "mlp.up_proj")
        state = state + linear(inner, key + "mlp.down_proj")
    return linear(norm(state, "model.norm"), "lm_head")
