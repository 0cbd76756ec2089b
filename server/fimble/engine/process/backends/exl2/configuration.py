"""Reads a model's config.json, and writes it again as ExLlamaV2 0.3.2 understands it.

Only what it reads for the architectures below is written, every default spelled out; whatever it would pass over in
silence and compute wrongly is refused here, or kept away by a shorter context.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec

from fimble.errors import ModelFileWrong, ModelRefused

ARCHITECTURES: Final = ("Qwen2ForCausalLM", "LlamaForCausalLM", "MistralForCausalLM", "Starcoder2ForCausalLM")
"""Those of exllamav2/architecture.py that were read for this; it takes any other name for a Llama."""

_ROPE_THETA_DEFAULT: Final = 10_000.0
"""What transformers assumes for all of `ARCHITECTURES`."""
_ACTIVATIONS: Final = {"Starcoder2ForCausalLM": frozenset({"gelu", "gelu_new", "gelu_pytorch_tanh"})}
_ACTIVATIONS_LLAMA: Final = frozenset({"silu", "swish"})

_Size = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
_Token = Annotated[int, msgspec.Meta(ge=-1, lt=1 << 31)]
_T = TypeVar("_T")
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class Quantization(msgspec.Struct, frozen=True):
    """The part of config.json, or of GPTQ's own quantize_config.json, that tells how weights are packed."""

    quant_method: str | None = None
    bits: float | None = None
    checkpoint_format: str | None = None


class _Document(msgspec.Struct, frozen=True):
    architectures: tuple[str, ...]
    hidden_size: _Size
    intermediate_size: _Size
    vocab_size: _Size
    num_hidden_layers: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    num_attention_heads: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    num_key_value_heads: _Size | None = None
    head_dim: _Size | None = None
    max_position_embeddings: Annotated[int, msgspec.Meta(ge=1, le=1 << 24)] = 2048
    hidden_act: str | None = None
    rms_norm_eps: _Positive | None = None
    norm_epsilon: _Positive | None = None
    layer_norm_epsilon: _Positive | None = None
    attention_bias: bool | None = None
    mlp_bias: bool | None = None
    tie_word_embeddings: bool | None = None
    rope_theta: _Positive | None = None
    rope_scaling: dict[str, Any] | None = None
    rope_parameters: dict[str, Any] | None = None
    partial_rotary_factor: float | None = None
    sliding_window: _Size | None = None
    use_sliding_window: bool | None = None
    layer_types: tuple[str, ...] | None = None
    bos_token_id: _Token | None = None
    eos_token_id: _Token | tuple[_Token, ...] | None = None
    pad_token_id: _Token | None = None
    quantization_config: Quantization | None = None


class _Generation(msgspec.Struct, frozen=True):
    eos_token_id: _Token | tuple[_Token, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a model's configuration says, checked; `is_tied` is None where it does not say.

    Up to `positions_max` tokens ExLlamaV2 computes the positions and the attention that the model was trained with.
    """

    architecture: str
    hidden: int
    intermediate: int
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    positions_max: int
    norm_epsilon: float
    rope_theta: float
    rope_scaling: dict[str, Any] | None
    has_attention_bias: bool
    has_mlp_bias: bool
    is_tied: bool | None
    bos_id: int | None
    eos_ids: tuple[int, ...]
    pad_id: int | None
    quantization: Quantization

    def for_exllamav2(self, *, is_tied: bool) -> dict[str, Any]:
        """Returns the config.json to be read by ExLlamaV2 0.3.2; without a head of its own the model `is_tied`."""
        document: dict[str, Any] = {
            "architectures": [self.architecture],
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "vocab_size": self.vocabulary,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.positions_max,
            "rms_norm_eps": self.norm_epsilon,
            "layer_norm_epsilon": self.norm_epsilon,
            "rope_theta": self.rope_theta,
            "attention_bias": self.has_attention_bias,
            "mlp_bias": self.has_mlp_bias,
            "tie_word_embeddings": is_tied,
        }
        if self.rope_scaling is not None:
            document["rope_scaling"] = self.rope_scaling
        ids = {"bos_token_id": self.bos_id, "pad_token_id": self.pad_id, "eos_token_id": next(iter(self.eos_ids), None)}
        return document | {key: token for key, token in ids.items() if token is not None}


def read_configuration(config: bytes, generation: bytes | None, gptq: bytes | None, folder: Path) -> Configuration:
    """Reads config.json, and if they are there generation_config.json and quantize_config.json, of `folder`.

    Raises:
        ModelFileWrong: one of them is no JSON, lacks something, or contradicts itself.
        ModelRefused: ExLlamaV2 0.3.2 cannot run such a model, or would run it wrongly.
    """
    document = decode(config, _Document, folder / "config.json")
    architecture = _architecture(document, folder)
    if document.hidden_act not in (None, *_ACTIVATIONS.get(architecture, _ACTIVATIONS_LLAMA)):
        raise ModelRefused(
            f"{folder.name} uses the activation {document.hidden_act!r}, which ExLlamaV2 has not for its architecture; "
            "choose another model."
        )
    kv_heads = document.num_key_value_heads or document.num_attention_heads
    if document.num_attention_heads % kv_heads:
        raise _wrong(folder, f"{document.num_attention_heads} attention heads cannot share {kv_heads} of the cache")
    if document.head_dim is None and document.hidden_size % document.num_attention_heads:
        raise _wrong(folder, "hidden_size is no multiple of num_attention_heads")
    head_dim = document.head_dim or document.hidden_size // document.num_attention_heads
    scaling, limit = _rope_scaling(document, folder)
    window = document.sliding_window if _slides(document, architecture) else None
    tokens = (
        decode(generation, _Generation, folder / "generation_config.json") if generation is not None else _Generation()
    )
    quantization = document.quantization_config
    if quantization is None and gptq is not None:
        quantization = decode(gptq, Quantization, folder / "quantize_config.json")
    is_starcoder = architecture == "Starcoder2ForCausalLM"
    named = (document.norm_epsilon, document.layer_norm_epsilon) if is_starcoder else (document.rms_norm_eps,)
    return Configuration(
        architecture=architecture,
        hidden=document.hidden_size,
        intermediate=document.intermediate_size,
        vocabulary=document.vocab_size,
        layers=document.num_hidden_layers,
        heads=document.num_attention_heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        positions_max=min(size for size in (document.max_position_embeddings, limit, window) if size is not None),
        # The defaults are those of transformers' classes for these architectures.
        norm_epsilon=next((epsilon for epsilon in named if epsilon is not None), 1e-5 if is_starcoder else 1e-6),
        rope_theta=_rope_theta(document, folder),
        rope_scaling=scaling,
        # Qwen2 and StarCoder2 always have theirs, Mistral never; only Llama's is a matter of the configuration.
        has_attention_bias=architecture == "LlamaForCausalLM" and bool(document.attention_bias),
        has_mlp_bias=architecture == "LlamaForCausalLM" and bool(document.mlp_bias),
        is_tied=document.tie_word_embeddings,
        bos_id=_token(document.bos_token_id, document.vocab_size, folder),
        eos_ids=_tokens((document.eos_token_id, tokens.eos_token_id), document.vocab_size, folder),
        # Prompts are never padded; some models name a token beyond their vocabulary for it.
        pad_id=document.pad_token_id if 0 <= (document.pad_token_id or 0) < document.vocab_size else None,
        quantization=_checked(quantization or Quantization(), folder),
    )


def decode(raw: bytes, kind: type[_T], path: Path) -> _T:
    """Reads JSON into `kind`.

    Raises:
        ModelFileWrong: it is none, or lacks something; `path` is named for it.
    """
    try:
        # Whole, since a reader for a type passes over what it does not know, and ExLlamaV2 parses all of it.
        return msgspec.convert(msgspec.json.decode(raw.decode("utf-8")), kind, str_keys=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileWrong(f"{path} cannot be used ({error}); download the model again.") from error


def _architecture(document: _Document, folder: Path) -> str:
    if len(document.architectures) == 1 and document.architectures[0] in ARCHITECTURES:
        return document.architectures[0]
    named = ", ".join(document.architectures) or "none"
    raise ModelRefused(
        f"{folder.name} has the architecture {named[:100]}, and Fimble runs only {', '.join(ARCHITECTURES)} with "
        "ExLlamaV2; choose another model."
    )


def _slides(document: _Document, architecture: str) -> bool:
    """Tells whether attention reaches back only so far; ExLlamaV2 lets it reach to the start for these models."""
    if document.layer_types is not None:
        return "sliding_attention" in document.layer_types
    if architecture == "Qwen2ForCausalLM":
        return bool(document.use_sliding_window)
    return architecture in ("MistralForCausalLM", "Starcoder2ForCausalLM")


def _rope_theta(document: _Document, folder: Path) -> float:
    named = {
        _number(rope, "rope_theta", folder) for rope in (_rope_parameters(document, folder),) if "rope_theta" in rope
    }
    if document.rope_theta is not None:
        named.add(document.rope_theta)
    if len(named) > 1:
        raise _wrong(folder, "rope_theta is given twice, with different values")
    return named.pop() if named else _ROPE_THETA_DEFAULT


def _rope_parameters(document: _Document, folder: Path) -> dict[str, Any]:
    """Returns what transformers 5 writes in place of `rope_theta` and `rope_scaling`, for all kinds of layers alike."""
    parameters = document.rope_parameters or {}
    kinds = [value for value in parameters.values() if isinstance(value, dict)]
    if not kinds:
        return parameters
    if len(kinds) < len(parameters) or any(kind != kinds[0] for kind in kinds):
        raise ModelRefused(
            f"{folder.name} counts positions differently from layer to layer, which ExLlamaV2 cannot do for its "
            "architecture; choose another model."
        )
    return kinds[0]


def _rope_scaling(document: _Document, folder: Path) -> tuple[dict[str, Any] | None, int | None]:
    """Returns `rope_scaling` for ExLlamaV2, and how many tokens it holds for if that is fewer than the model takes."""
    parameters = _rope_parameters(document, folder)
    if any(
        factor not in (None, 1) for factor in (document.partial_rotary_factor, parameters.get("partial_rotary_factor"))
    ):
        raise ModelRefused(f"{folder.name} turns only a part of each head by its position; choose another model.")
    sources = [
        source for source in (parameters, document.rope_scaling or {}) if _rope_kind(source, folder) != "default"
    ]
    if not sources:
        return None, None
    source = sources[0]
    kind = _rope_kind(source, folder)
    if any(_rope_kind(other, folder) != kind or other.get("factor") != source.get("factor") for other in sources):
        raise _wrong(folder, "rope_parameters and rope_scaling contradict each other")
    if kind == "linear":
        return {"rope_type": kind, "factor": _number(source, "factor", folder)}, None
    if kind == "llama3":
        keys = ("factor", "low_freq_factor", "high_freq_factor")
        scaling: dict[str, Any] = {key: _number(source, key, folder) for key in keys}
        if scaling["low_freq_factor"] >= scaling["high_freq_factor"]:
            raise _wrong(folder, "low_freq_factor must be below high_freq_factor")
        original = int(_number(source, "original_max_position_embeddings", folder))
        return {"rope_type": kind, **scaling, "original_max_position_embeddings": original}, None
    if kind == "yarn":
        # exllamav2/rope.py takes the context's length where the method has the original one, so its frequencies are
        # not the model's; up to the original length it leaves positions as they are, and so does a model's user who
        # does not need more (Qwen2.5's own advice). So it is left out, and the context ends there.
        key = "original_max_position_embeddings"
        return None, int(_number(source, key, folder)) if source.get(key) is not None else None
    raise ModelRefused(
        f"{folder.name} stretches its positions by the method {kind[:40]!r}, which ExLlamaV2 does not know; choose "
        "another model."
    )


def _rope_kind(scaling: dict[str, Any], folder: Path) -> str:
    kinds = {scaling[key] for key in ("rope_type", "type") if isinstance(scaling.get(key), str)}
    if len(kinds) > 1:
        raise _wrong(folder, "rope_scaling names two methods")
    if not kinds and scaling.get("factor") is not None:
        raise _wrong(folder, "rope_scaling has a factor and names no method")
    return kinds.pop() if kinds else "default"


def _number(values: dict[str, Any], key: str, folder: Path) -> float:
    value = values.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e12 or math.isnan(value):
        raise _wrong(folder, f"{key} is not a positive number")
    return float(value)


def _tokens(given: tuple[int | tuple[int, ...] | None, ...], vocabulary: int, folder: Path) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for ids in given:
        for token in ids if isinstance(ids, tuple) else (ids,):
            if (checked := _token(token, vocabulary, folder)) is not None:
                found[checked] = None
    return tuple(found)


def _token(token: int | None, vocabulary: int, folder: Path) -> int | None:
    if token is None or token == -1:
        return None
    if token >= vocabulary:
        raise _wrong(folder, f"the token {token} is not one of {vocabulary}")
    return token


def _checked(quantization: Quantization, folder: Path) -> Quantization:
    method = (quantization.quant_method or "").lower()
    if method not in ("", "gptq", "exl2"):
        raise ModelRefused(f"{folder.name} is quantised by {method[:40]}; choose an edition in EXL2, GPTQ or fp16.")
    if method == "gptq" and quantization.bits not in (None, 4):
        raise ModelRefused(
            f"{folder.name} is GPTQ with {quantization.bits:g} bits and ExLlamaV2 takes 4; choose another edition."
        )
    if quantization.checkpoint_format not in (None, "", "gptq") and method != "exl2":
        # Of gptq_v2, exllamav2/ext.py subtracts the zero points of eight weights as one number, which borrows.
        raise ModelRefused(
            f"{folder.name} has the GPTQ format {quantization.checkpoint_format[:40]}, which ExLlamaV2 reads wrongly; "
            "convert it to the format gptq, or choose an edition in that."
        )
    return quantization


def _wrong(folder: Path, what: str) -> ModelFileWrong:
    return ModelFileWrong(f"{folder / 'config.json'} is wrong: {what}; download the model again.")
