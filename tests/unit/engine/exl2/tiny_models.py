"""Model folders of a few kilobytes, whole and sound, for tests that then damage them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

HIDDEN, INNER, VOCABULARY, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 64, 96, 128, 2, 4, 2, 16

Arrays = dict[str, np.ndarray[Any, Any]]


def config(architecture: str = "LlamaForCausalLM", **changes: Any) -> dict[str, Any]:
    """Returns a config.json as transformers 4 writes it; None takes a key away."""
    document = {
        "architectures": [architecture],
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "vocab_size": VOCABULARY,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "eos_token_id": 2,
        "torch_dtype": "float16",
        **changes,
    }
    return {key: value for key, value in document.items() if value is not None}


def linears() -> dict[str, tuple[int, int]]:
    """Returns inputs and outputs of the matrices of a layer."""
    query, pair = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    return {
        "self_attn.q_proj": (HIDDEN, query),
        "self_attn.k_proj": (HIDDEN, pair),
        "self_attn.v_proj": (HIDDEN, pair),
        "self_attn.o_proj": (query, HIDDEN),
        "mlp.gate_proj": (HIDDEN, INNER),
        "mlp.up_proj": (HIDDEN, INNER),
        "mlp.down_proj": (INNER, HIDDEN),
    }


def plain(inputs: int, outputs: int) -> Arrays:
    """Returns a matrix in fp16."""
    return {"weight": np.zeros((outputs, inputs), np.float16)}


def gptq(inputs: int, outputs: int, group: int = 32) -> Arrays:
    """Returns a matrix in GPTQ's format, with its inputs in order of a permutation."""
    groups = inputs // group
    return {
        "qweight": np.zeros((inputs // 8, outputs), np.int32),
        "qzeros": np.zeros((groups, outputs // 8), np.int32),
        "scales": np.ones((groups, outputs), np.float16),
        "g_idx": (np.arange(inputs, dtype=np.int32) // group)[::-1].copy(),
    }


def exl2(inputs: int, outputs: int) -> Arrays:
    """Returns a matrix in EXL2's format: the first 32 inputs with 8 bits, the others with 4, in groups of 32."""
    groups = inputs // 32
    starts = [0] + [8 + 4 * group for group in range(groups - 1)]
    bits = [8] + [4] * (groups - 1)
    return {
        "q_weight": np.zeros((8 + 4 * (groups - 1), outputs), np.int32),
        "q_scale": np.zeros((groups, outputs // 8), np.int32),
        "q_scale_max": np.ones(groups, np.float16),
        "q_groups": np.array(list(zip(bits, starts, strict=True)), np.int16).reshape(-1),
        "q_invperm": np.arange(inputs, dtype=np.int32)[::-1].copy(),
    }


def arrays(packing: Any = plain, *, with_bias: bool = False, with_head: bool = True) -> Arrays:
    """Returns all tensors of a model of Llama's layout; with `with_bias`, of Qwen2's."""
    found: Arrays = {"model.embed_tokens.weight": np.zeros((VOCABULARY, HIDDEN), np.float16)}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        for name, (inputs, outputs) in linears().items():
            found |= {f"{prefix}.{name}.{part}": array for part, array in packing(inputs, outputs).items()}
            if with_bias and name[-6:] in ("q_proj", "k_proj", "v_proj"):
                found[f"{prefix}.{name}.bias"] = np.ones(outputs, np.float16)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            found[f"{prefix}.{norm}.weight"] = np.ones(HIDDEN, np.float16)
    found["model.norm.weight"] = np.ones(HIDDEN, np.float16)
    if with_head:
        found |= {f"lm_head.{part}": array for part, array in packing(HIDDEN, VOCABULARY).items()}
    return found


def tokenizer() -> dict[str, Any]:
    """Returns a tokenizer.json with single letters, which the library reads."""
    vocabulary = {chr(33 + token): token for token in range(VOCABULARY - 40)}
    added = {"id": VOCABULARY - 40, "content": "<|end|>", "special": True, "single_word": False, "lstrip": False}
    added |= {"rstrip": False, "normalized": False}
    return {"version": "1.0", "added_tokens": [added], "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}


def write_model(folder: Path, document: dict[str, Any] | None = None, tensors: Arrays | None = None) -> Path:
    """Writes a model folder with one file of weights and returns it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(document if document is not None else config()))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()))
    save_file(tensors if tensors is not None else arrays(), folder / "model.safetensors")
    return folder
