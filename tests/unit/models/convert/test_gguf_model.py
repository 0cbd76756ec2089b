"""What a GGUF file says of its model, and what is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fimble.errors import ModelError, ModelFileWrong, ModelRefused
from fimble.models.convert.architecture import Architecture
from fimble.models.convert.gguf_file import open_gguf
from fimble.models.convert.gguf_model import architecture_of, blocks_of, unpaired

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")

from tests.unit.models.convert.tiny_gguf import HIDDEN, TinyGguf, random_weights  # noqa: E402


def architecture(tmp_path: Path, tiny: TinyGguf) -> Architecture:
    with open_gguf(tiny.write(tmp_path / "tiny.gguf")) as file:
        return architecture_of(file)


def test_the_sizes_are_read(tmp_path: Path) -> None:
    assert architecture(tmp_path, TinyGguf()) == Architecture(
        family="qwen2",
        layers=2,
        hidden=64,
        intermediate=128,
        heads=4,
        kv_heads=2,
        head_dim=16,
        vocabulary=288,
        context_tokens=512,
        rms_epsilon=1e-6,
        rope_base=1_000_000.0,
        is_tied=False,
    )


def test_llama_and_its_defaults_are_read(tmp_path: Path) -> None:
    found = architecture(tmp_path, TinyGguf(family="llama", tied=True, fields={"llama.rope.freq_base": None}))
    assert (found.family, found.rope_base, found.is_tied) == ("llama", 10_000.0, True)
    assert [weight.name for weight in found.weights() if weight.is_bias] == []


@pytest.mark.parametrize(
    ("fields", "scaling"),
    [
        ({}, {}),
        ({"type": "none"}, {}),
        ({"type": "linear", "factor": 2.0}, {"type": "linear", "factor": 2.0}),
        (
            {"type": "yarn", "factor": 4.0, "original_context_length": 128},
            {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
        ),
    ],
)
def test_scaled_positions_are_carried_over(tmp_path: Path, fields: dict[str, Any], scaling: dict[str, object]) -> None:
    tiny = TinyGguf(fields={f"qwen2.rope.scaling.{name}": value for name, value in fields.items()})
    assert architecture(tmp_path, tiny).rope_scaling == scaling
    assert architecture(tmp_path, tiny).config("fp16", 128).get("rope_scaling", {}) == scaling


NARROW = np.zeros((32, 32), dtype=np.float32)
VECTOR = np.zeros(HIDDEN, dtype=np.float32)


@pytest.mark.parametrize(
    ("tiny", "error", "message"),
    [
        (TinyGguf(family="gemma2"), ModelRefused, "'gemma2'; only qwen2 and llama"),
        (TinyGguf(fields={"split.count": 3}), ModelRefused, "llama-gguf-split --merge"),
        (TinyGguf(family="llama", fields={"llama.expert_count": 8}), ModelRefused, "mixture of experts"),
        (TinyGguf(family="llama", weights={"rope_freqs.weight": VECTOR}), ModelRefused, "Llama 3.1"),
        (TinyGguf(fields={"qwen2.rope.scaling.type": "longrope"}), ModelRefused, "'longrope'"),
        (TinyGguf(fields={"qwen2.rope.dimension_count": 8}), ModelRefused, "only a part of each head"),
        (TinyGguf(family="llama", weights={"blk.0.attn_q.bias": VECTOR}), ModelRefused, "'blk.0.attn_q.bias'"),
        (TinyGguf(weights={"blk.2.attn_norm.weight": VECTOR}), ModelRefused, "'blk.2.attn_norm.weight'"),
        (TinyGguf(weights={"../../x": VECTOR}), ModelRefused, "'../../x'"),
        (TinyGguf(fields={"qwen2.block_count": 3}), ModelFileWrong, "no tensor blk.2.attn_norm.weight"),
        (TinyGguf(fields={"qwen2.block_count": (1 << 32) - 1}), ModelFileWrong, "which cannot be"),
        (TinyGguf(fields={"qwen2.block_count": 0}), ModelFileWrong, "no layers"),
        (TinyGguf(fields={"qwen2.attention.head_count": 0}), ModelFileWrong, "no layers, width or heads"),
        (TinyGguf(fields={"qwen2.attention.head_count_kv": 3}), ModelFileWrong, "3 for keys"),
        (TinyGguf(fields={"qwen2.attention.head_count_kv": 0}), ModelFileWrong, "0 for keys"),
        (TinyGguf(fields={"qwen2.attention.head_count": [4, 4]}), ModelFileWrong, "wrong kind of value"),
        (TinyGguf(fields={"qwen2.attention.layer_norm_rms_epsilon": float("nan")}), ModelFileWrong, "nan"),
        (TinyGguf(fields={"qwen2.rope.freq_base": float("inf")}), ModelFileWrong, "inf"),
        (TinyGguf(fields={"qwen2.context_length": None}), ModelFileWrong, "does not say qwen2.context_length"),
        (TinyGguf(weights={"blk.1.attn_k.weight": NARROW}), ModelFileWrong, "shape [32, 32] and not [32, 64]"),
        (TinyGguf(weights={"blk.1.ffn_norm.weight": NARROW}), ModelFileWrong, "shape [32, 32] and not [64]"),
    ],
)
def test_what_cannot_be_converted_is_told(
    tmp_path: Path, tiny: TinyGguf, error: type[ModelError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        architecture(tmp_path, tiny)


def blocks(tmp_path: Path, tiny: TinyGguf, name: str) -> list[np.ndarray]:
    with open_gguf(tiny.write(tmp_path / "tiny.gguf")) as file:
        (weight,) = (weight for weight in architecture_of(file).weights() if weight.name == name and not weight.is_bias)
        return list(blocks_of(file, weight))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -70_000.0])
def test_numbers_that_fp16_has_not_are_told(tmp_path: Path, value: float) -> None:
    weights = random_weights()["blk.0.ffn_up.weight"]
    weights[100, 3] = value
    with pytest.raises(ModelFileWrong, match=r"'blk.0.ffn_up.weight'"):
        blocks(tmp_path, TinyGguf(weights={"blk.0.ffn_up.weight": weights}), "model.layers.0.mlp.up_proj")
    weights[100, 3] = -65_504.0
    (block,) = blocks(tmp_path, TinyGguf(weights={"blk.0.ffn_up.weight": weights}), "model.layers.0.mlp.up_proj")
    assert np.array_equal(block, weights)


def test_only_llama_has_its_heads_in_another_order(tmp_path: Path) -> None:
    for family, expected in (("qwen2", [0, 1, 2, 3]), ("llama", [0, 2, 4, 6])):
        numbers = np.repeat(np.arange(64, dtype=np.float32), HIDDEN).reshape(64, HIDDEN)
        tiny = TinyGguf(family=family, weights={"blk.1.attn_q.weight": numbers, "blk.1.attn_v.weight": numbers[:32]})
        (queries,) = blocks(tmp_path, tiny, "model.layers.1.self_attn.q_proj")
        assert queries[:4, 0].tolist() == expected
        # The second head is in order within itself.
        assert sorted(queries[16:32, 0].tolist()) == list(range(16, 32))
        (values,) = blocks(tmp_path, tiny, "model.layers.1.self_attn.v_proj")
        assert np.array_equal(values, numbers[:32])


def test_the_order_of_heads_is_the_inverse_of_llama_cpps() -> None:
    heads, head_dim, columns = 3, 8, 5
    original = np.random.default_rng(0).standard_normal((heads * head_dim, columns)).astype(np.float32)
    # As llama.cpp's converter does it (LlamaModel.permute).
    paired = original.reshape(heads, 2, head_dim // 2, columns).swapaxes(1, 2).reshape(original.shape)
    assert np.array_equal(unpaired(paired, head_dim), original)
    assert not np.array_equal(paired, original)
