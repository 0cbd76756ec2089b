"""The architectures that can be converted: their sizes, their weights by name, and their configuration.

Names and fields are those of Hugging Face's `Qwen2ForCausalLM` and `LlamaForCausalLM`, which ExLlamaV2 reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

Format = Literal["fp16", "gptq"]
Family = Literal["qwen2", "llama"]

_CLASSES: Final[dict[Family, str]] = {"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One weight: the name of its layer in either format, and its shape, outputs first.

    A matrix is one of the linear layers' that GPTQ quantises; the embedding and the output are not. Where
    `paired_heads` is not 0, llama.cpp has the rows of that many heads in another order.
    """

    name: str
    gguf_name: str
    shape: tuple[int, ...]
    is_matrix: bool = False
    is_bias: bool = False
    paired_heads: int = 0

    @property
    def tensor(self) -> str:
        """The tensor's name."""
        return f"{self.name}.{self._kind}"

    @property
    def gguf_tensor(self) -> str:
        """The tensor's name in a GGUF file."""
        return f"{self.gguf_name}.{self._kind}"

    @property
    def _kind(self) -> str:
        return "bias" if self.is_bias else "weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The sizes of a model, in elements, and what else its configuration says."""

    family: Family
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    """The rows of the embedding, which may be more than there are tokens."""
    context_tokens: int
    rms_epsilon: float = 1e-6
    rope_base: float = 1_000_000.0
    rope_scaling: dict[str, object] = field(default_factory=dict)
    is_tied: bool = False
    """Whether the output matrix is the embedding."""

    def config(self, weights: Format, group_size: int) -> dict[str, object]:
        """Returns what config.json says, but for the ids of tokens."""
        config: dict[str, object] = {
            "architectures": [_CLASSES[self.family]],
            "model_type": self.family,
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.context_tokens,
            "rms_norm_eps": self.rms_epsilon,
            # Also where the newer `rope_parameters` would do: ExLlamaV2 0.3.2 reads only this one.
            "rope_theta": self.rope_base,
            "tie_word_embeddings": self.is_tied,
            "torch_dtype": "float16",
        }
        if self.rope_scaling:
            config["rope_scaling"] = self.rope_scaling
        if weights == "gptq":
            config["quantization_config"] = {
                "quant_method": "gptq",
                "bits": 4,
                "group_size": group_size,
                "sym": False,
                "desc_act": False,
                "checkpoint_format": "gptq",
            }
        return config

    def weights(self) -> Iterator[Weight]:
        """Yields all weights, in the order in which they are used."""
        table = (self.vocabulary, self.hidden)
        yield Weight(name="model.embed_tokens", gguf_name="token_embd", shape=table)
        for layer in range(self.layers):
            yield from self._layer(f"model.layers.{layer}.", f"blk.{layer}.")
        yield Weight(name="model.norm", gguf_name="output_norm", shape=(self.hidden,))
        if not self.is_tied:
            yield Weight(name="lm_head", gguf_name="output", shape=table)

    def _layer(self, name: str, gguf_name: str) -> Iterator[Weight]:
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        is_llama = self.family == "llama"
        yield Weight(name=f"{name}input_layernorm", gguf_name=f"{gguf_name}attn_norm", shape=(self.hidden,))
        for letter, rows, heads in (("q", queries, self.heads), ("k", keys, self.kv_heads), ("v", keys, 0)):
            ours, theirs = f"{name}self_attn.{letter}_proj", f"{gguf_name}attn_{letter}"
            paired = heads if is_llama else 0
            shape = (rows, self.hidden)
            yield Weight(name=ours, gguf_name=theirs, shape=shape, is_matrix=True, paired_heads=paired)
            if not is_llama:
                yield Weight(name=ours, gguf_name=theirs, shape=(rows,), is_bias=True)
        for ours, theirs, shape in (
            ("self_attn.o_proj", "attn_output", (self.hidden, queries)),
            ("mlp.gate_proj", "ffn_gate", (self.intermediate, self.hidden)),
            ("mlp.up_proj", "ffn_up", (self.intermediate, self.hidden)),
            ("mlp.down_proj", "ffn_down", (self.hidden, self.intermediate)),
        ):
            yield Weight(name=f"{name}{ours}", gguf_name=f"{gguf_name}{theirs}", shape=shape, is_matrix=True)
        yield Weight(name=f"{name}post_attention_layernorm", gguf_name=f"{gguf_name}ffn_norm", shape=(self.hidden,))
