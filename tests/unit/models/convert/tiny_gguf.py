"""A GGUF file of a tiny model with random weights, written by the `gguf` package, and broken where a test wants it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS = 64, 128, 2, 4, 2
HEAD_DIM = HIDDEN // HEADS
VOCABULARY = 288
# GPT-2's alphabet: printable bytes stand for themselves, the others are moved behind Latin-1.
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
ALPHABET = [chr(byte) for byte in PRINTABLE] + [chr(256 + index) for index in range(256 - len(PRINTABLE))]
MERGES = ["e r", "i n", "Ġ Ġ", "d e", "de f", "ĠĠ ĠĠ"]
CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER_DEFINED = ["<tool_call>"]
TOKENS = [*ALPHABET, *(merge.replace(" ", "") for merge in MERGES), *CONTROLS, *USER_DEFINED, "[PAD0]", "[PAD1]"]
KINDS = [1] * (256 + len(MERGES)) + [3] * len(CONTROLS) + [4] * len(USER_DEFINED) + [5, 5]
EOS = TOKENS.index("<|im_end|>")
END_OF_TEXT = TOKENS.index("<|endoftext|>")
TEMPLATE = "{% for message in messages %}{{ message.content }}<|im_end|>\n{% endfor %}"


def shapes(family: str = "qwen2", *, tied: bool = False) -> dict[str, tuple[int, ...]]:
    keys = KV_HEADS * HEAD_DIM
    found: dict[str, tuple[int, ...]] = {"token_embd.weight": (VOCABULARY, HIDDEN), "output_norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        of_layer: dict[str, tuple[int, ...]] = {
            "attn_norm.weight": (HIDDEN,),
            "attn_q.weight": (HIDDEN, HIDDEN),
            "attn_k.weight": (keys, HIDDEN),
            "attn_v.weight": (keys, HIDDEN),
            "attn_output.weight": (HIDDEN, HIDDEN),
            "ffn_norm.weight": (HIDDEN,),
            "ffn_gate.weight": (INTERMEDIATE, HIDDEN),
            "ffn_up.weight": (INTERMEDIATE, HIDDEN),
            "ffn_down.weight": (HIDDEN, INTERMEDIATE),
        }
        if family == "qwen2":
            of_layer |= {"attn_q.bias": (HIDDEN,), "attn_k.bias": (keys,), "attn_v.bias": (keys,)}
        found |= {f"blk.{layer}.{name}": shape for name, shape in of_layer.items()}
    if not tied:
        found["output.weight"] = (VOCABULARY, HIDDEN)
    return found


def random_weights(family: str = "qwen2", *, tied: bool = False) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    return {
        name: generator.standard_normal(shape, dtype=np.float32) * np.float32(0.1)
        for name, shape in shapes(family, tied=tied).items()
    }


@dataclass
class TinyGguf:
    """What is written; fields that are None are left out."""

    family: str = "qwen2"
    tied: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    kinds: Mapping[str, gguf.GGMLQuantizationType] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        writer = gguf.GGUFWriter(path, self.family)
        for key, value in (self._fields() | self.fields).items():
            if value is not None:
                _add(writer, key, value)
        for name, numbers in (random_weights(self.family, tied=self.tied) | self.weights).items():
            kind = self.kinds.get(name)
            if kind is None:
                writer.add_tensor(name, numbers)
            else:
                writer.add_tensor(name, gguf.quants.quantize(numbers, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    def _fields(self) -> dict[str, Any]:
        return {
            f"{self.family}.block_count": LAYERS,
            f"{self.family}.context_length": 512,
            f"{self.family}.embedding_length": HIDDEN,
            f"{self.family}.feed_forward_length": INTERMEDIATE,
            f"{self.family}.attention.head_count": HEADS,
            f"{self.family}.attention.head_count_kv": KV_HEADS,
            f"{self.family}.attention.layer_norm_rms_epsilon": 1e-6,
            f"{self.family}.rope.freq_base": 1e6,
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": "qwen2",
            "tokenizer.ggml.tokens": TOKENS,
            "tokenizer.ggml.token_type": KINDS,
            "tokenizer.ggml.merges": MERGES,
            "tokenizer.ggml.eos_token_id": EOS,
            "tokenizer.ggml.bos_token_id": END_OF_TEXT,
            "tokenizer.ggml.padding_token_id": END_OF_TEXT,
            "tokenizer.ggml.add_bos_token": False,
            "tokenizer.chat_template": TEMPLATE,
        }


def _add(writer: gguf.GGUFWriter, key: str, value: object) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case list():
            writer.add_array(key, value)
        case _:
            raise TypeError(key)
