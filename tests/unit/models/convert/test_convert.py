"""The whole conversion of a tiny model, as the official parsers and ExLlamaV2 read the result."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fimble.errors import ModelRefused
from fimble.models.convert.architecture import Format
from fimble.models.convert.convert import convert
from fimble.models.convert.gptq import Packed, restored, round_to_nearest, unpack

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
safetensors = pytest.importorskip("safetensors", reason="the official parser is not installed")

from tests.unit.models.convert.tiny_gguf import END_OF_TEXT, EOS, TinyGguf, random_weights  # noqa: E402

TYPES = gguf.GGMLQuantizationType
LAYER = "model.layers.1."


def converted(
    tmp_path: Path, weights: Format, tiny: TinyGguf | None = None, group_size: int = 32
) -> dict[str, np.ndarray]:
    source = (tiny or TinyGguf()).write(tmp_path / "tiny.gguf")
    size = convert(source, tmp_path / "out", weights, group_size=group_size).weights_bytes
    path = tmp_path / "out" / "model.safetensors"
    assert path.stat().st_size == size
    with safetensors.safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary.


def config(tmp_path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((tmp_path / "out" / "config.json").read_text())
    return content


def test_fp16_holds_the_dequantised_numbers(tmp_path: Path) -> None:
    up = "blk.1.ffn_up.weight"
    tensors = converted(tmp_path, "fp16", TinyGguf(kinds={up: TYPES.Q5_0}))
    original = random_weights()
    assert len(tensors) == len(original) == 27
    assert all(tensor.dtype == np.float16 for tensor in tensors.values())
    dequantised = gguf.quants.dequantize(gguf.quants.quantize(original[up], TYPES.Q5_0), TYPES.Q5_0)
    for ours, expected in (
        ("model.embed_tokens.weight", original["token_embd.weight"]),
        (f"{LAYER}mlp.up_proj.weight", dequantised),
        (f"{LAYER}self_attn.k_proj.bias", original["blk.1.attn_k.bias"]),
        (f"{LAYER}post_attention_layernorm.weight", original["blk.1.ffn_norm.weight"]),
        ("lm_head.weight", original["output.weight"]),
    ):
        assert np.array_equal(tensors[ours], expected.astype(np.float16))


def test_gptq_holds_the_matrices_of_the_layers_and_fp16_the_rest(tmp_path: Path) -> None:
    tensors = converted(tmp_path, "gptq")
    original = random_weights()
    assert {name.rpartition(".")[0] for name in tensors if name.endswith("qweight")} == {
        f"model.layers.{layer}.{part}"
        for layer in range(2)
        for part in (
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
        )
    }  # fmt: skip
    assert [name for name in tensors if name.endswith("g_idx")] == []
    down = f"{LAYER}mlp.down_proj"
    assert tensors[f"{down}.qweight"].shape == (128 // 8, 64)
    assert tensors[f"{down}.qzeros"].shape == (128 // 32, 64 // 8)
    assert tensors[f"{down}.scales"].shape == (128 // 32, 64)
    packed = Packed(*(tensors[f"{down}.{part}"] for part in ("qweight", "qzeros", "scales")))
    back = restored(unpack(packed))
    assert np.array_equal(back, restored(round_to_nearest(original["blk.1.ffn_down.weight"], 32)))
    assert np.abs(back - original["blk.1.ffn_down.weight"]).max() < 0.06
    assert np.array_equal(tensors["lm_head.weight"], original["output.weight"].astype(np.float16))
    assert config(tmp_path)["quantization_config"] == {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": 32,
        "sym": False,
        "desc_act": False,
        "checkpoint_format": "gptq",
    }


def test_queries_of_llama_are_in_the_order_of_hugging_face(tmp_path: Path) -> None:
    tensors = converted(tmp_path, "fp16", TinyGguf(family="llama"))
    queries = random_weights("llama")["blk.1.attn_q.weight"]
    expected = np.concatenate([queries[head * 16 :][:16][[*range(0, 16, 2), *range(1, 16, 2)]] for head in range(4)])
    assert np.array_equal(tensors[f"{LAYER}self_attn.q_proj.weight"], expected.astype(np.float16))


def test_the_configuration_is_that_of_the_file(tmp_path: Path) -> None:
    converted(tmp_path, "fp16")
    assert config(tmp_path) == {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 288,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "bos_token_id": END_OF_TEXT,
        "eos_token_id": EOS,
        "pad_token_id": END_OF_TEXT,
    }
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [EOS, END_OF_TEXT]


def test_a_model_without_an_output_matrix_is_tied(tmp_path: Path) -> None:
    tensors = converted(tmp_path, "gptq", TinyGguf(tied=True))
    assert config(tmp_path)["tie_word_embeddings"] is True
    assert "lm_head.weight" not in tensors


def test_a_bias_of_zeros_is_kept_beside_gptq(tmp_path: Path) -> None:
    tiny = TinyGguf(weights={"blk.0.attn_v.bias": np.zeros(32, dtype=np.float32)})
    bias = converted(tmp_path, "gptq", tiny)["model.layers.0.self_attn.v_proj.bias"]
    assert (bias[0], bias[1:].any()) == (np.finfo(np.float16).smallest_subnormal, False)


@pytest.mark.parametrize(("asked", "suits"), [(128, 64), (100, 64), (0, 32), (-1, 32), (16, 32), (1 << 40, 64)])
def test_a_group_size_that_does_not_suit_is_refused_with_one_that_does(tmp_path: Path, asked: int, suits: int) -> None:
    with pytest.raises(ModelRefused, match=f"--group-size {suits}\\."):
        converted(tmp_path, "gptq", group_size=asked)
    assert not (tmp_path / "out").exists()
    converted(tmp_path, "gptq", group_size=suits)


def test_what_gptq_cannot_hold_at_all_is_refused(tmp_path: Path) -> None:
    odd = {f"blk.{layer}.attn_{part}.weight": np.ones((16, 64), np.float32) for layer in (0, 1) for part in "kv"}
    odd |= {f"blk.{layer}.attn_{part}.bias": np.ones(16, np.float32) for layer in (0, 1) for part in "kv"}
    tiny = TinyGguf(fields={"qwen2.attention.head_count_kv": 1}, weights=odd)
    with pytest.raises(ModelRefused, match="--format fp16"):
        converted(tmp_path, "gptq", tiny)
    converted(tmp_path, "fp16", tiny)


def test_progress_counts_up_to_the_size_of_the_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    source = TinyGguf().write(tmp_path / "tiny.gguf")
    size = convert(
        source, tmp_path / "out", "fp16", progress=lambda done, total, what: seen.append((done, total, what))
    ).weights_bytes
    assert seen[-1] == (size, size, "writing lm_head.weight")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert "writing model.layers.0.mlp.up_proj.weight" in [what for _, _, what in seen]


EXLLAMAV2 = """
import json, sys, types
class Extension(types.ModuleType):
    # Nothing of the compiled extension is called, but its functions are named.
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return None
sys.modules["exllamav2_ext"] = Extension("exllamav2_ext")
from exllamav2 import ExLlamaV2Config, ExLlamaV2Tokenizer
config = ExLlamaV2Config(sys.argv[1])
tokenizer = ExLlamaV2Tokenizer(config)
print(json.dumps({
    "architecture": config.architecture, "theta": config.rotary_embedding_base, "eos": config.eos_token_id,
    "endings": config.generation_config["eos_token_id"], "vocabulary": config.vocab_size, "head_dim": config.head_dim,
    "eps": config.norm_eps, "length": config.max_seq_len, "v2": config.checkpoint_offset_qzeros,
    "head": config.arch.lm.keys["lm_head"], "scaling": config.scale_pos_emb, "method": config.alt_rope_method,
    "ids": tokenizer.encode("def inner").tolist()[0], "tokens": tokenizer.get_vocab_size(),
}))
"""


@pytest.mark.skipif(
    not (importlib.util.find_spec("exllamav2") and importlib.util.find_spec("torch")),
    reason="exllamav2 and torch are not installed",
)
@pytest.mark.parametrize(
    ("weights", "family", "tied"),
    [("fp16", "qwen2", False), ("gptq", "qwen2", True), ("gptq", "llama", False), ("fp16", "llama", True)],
)
def test_exllamav2_takes_the_folder(tmp_path: Path, weights: Format, family: str, tied: bool) -> None:
    yarn = {"type": "yarn", "factor": 4.0, "original_context_length": 128}
    fields = {f"{family}.rope.scaling.{name}": value for name, value in yarn.items()}
    converted(tmp_path, weights, TinyGguf(family=family, tied=tied, fields=fields if tied else {}))
    command = [sys.executable, "-c", EXLLAMAV2, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "architecture": "Qwen2ForCausalLM" if family == "qwen2" else "LlamaForCausalLM",
        "theta": 1e6,
        "eos": EOS,
        "endings": [EOS, END_OF_TEXT],
        "vocabulary": 288,
        "head_dim": 16,
        "eps": 1e-6,
        "length": 512,
        "v2": False,
        "head": "model.embed_tokens" if tied else "lm_head",
        "scaling": 1.0,
        "method": "yarn" if tied else None,
        "ids": [260, 220, 257, 77, 256],
        "tokens": 266,
    }
