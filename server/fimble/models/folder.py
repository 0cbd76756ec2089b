"""A folder of safetensors as a model without a card: its shape and size are read from its own files.

Only what memory is computed from is looked at here; whether the files are sound is checked when they are loaded.
"""

import os
import struct
from pathlib import Path
from typing import Final

import msgspec

from fimble.errors import ModelFileWrong, ModelUnknown
from fimble.models.card import CacheKind, ModelCard, Shape

_CONFIG_BYTES_MAX: Final = 1 << 20
# The limit of the official parser of safetensors.
_HEADER_BYTES_MAX: Final = 100_000_000
_LENGTH: Final = struct.Struct("<Q")
# Qwen2's keys have outliers that four bits do not keep (exllamav2 issue 493, vLLM issue 10411). And where a token's
# keys of a layer are fewer than 512 numbers, exllamav2 0.3.2 quantises those of its neighbours again with each token
# that is written: after four times, q4 is off by 17 % rather than 9, q8 by 1.5 % rather than 0.6.
_BLOCK: Final = 512
_FINE_CACHES: Final[tuple[CacheKind, ...]] = ("fp16", "q8")
_ALL_CACHES: Final[tuple[CacheKind, ...]] = ("fp16", "q8", "q6", "q4")


class _Config(msgspec.Struct, frozen=True):
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    model_type: str = ""
    num_key_value_heads: int = 0
    head_dim: int | None = None
    max_position_embeddings: int = 4096


class _Tensor(msgspec.Struct, frozen=True):
    data_offsets: tuple[int, int] = (0, 0)


def card_for_folder(path: Path) -> ModelCard:
    """Returns a card for a folder with a config.json and safetensors files.

    Raises:
        ModelUnknown: there is no such folder, or it holds no model.
        ModelFileWrong: its files cannot be read.
    """
    path = path.expanduser().absolute()
    if not (path / "config.json").is_file():
        raise ModelUnknown(
            f"{path} holds no model: there is no config.json; name a model's folder, a GGUF file, or a model of: "
            "fimble models list"
        )
    config = _read_config(path / "config.json")
    sizes = _sizes(path)
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads or config.num_attention_heads
    head_dim = config.head_dim or config.hidden_size // max(1, heads)
    output = config.vocab_size * config.hidden_size
    attention = 2 * config.hidden_size * head_dim * (heads + kv_heads)
    matrices = config.num_hidden_layers * (attention + 3 * config.hidden_size * config.intermediate_size)
    if min(output, matrices, head_dim, kv_heads, heads) <= 0:
        raise ModelFileWrong(f"{path / 'config.json'} gives sizes that no model has; download it again.")
    is_tied = sizes["head"] == 0
    needs_fine_cache = config.model_type.startswith("qwen2") or kv_heads * head_dim % _BLOCK != 0
    return ModelCard(
        name=path.name,
        title=str(path),
        licence="unknown",
        backend="exllamav2",
        context_tokens=config.max_position_embeddings,
        cache_kinds=_FINE_CACHES if needs_fine_cache else _ALL_CACHES,
        shape=Shape(
            parameters=matrices + output * (1 if is_tied else 2),
            layers=config.num_hidden_layers,
            kv_heads=kv_heads,
            head_dim=head_dim,
            hidden=config.hidden_size,
            vocabulary=config.vocab_size,
            # Of what the card holds: whatever the format, and with biases and norms.
            bits_per_weight=sizes["other"] * 8 / matrices,
            intermediate=config.intermediate_size,
            tied_embeddings=is_tied,
            # A tied embedding is put onto the card as the output matrix, in the form that it has.
            head_bits=(sizes["embedding"] if is_tied else sizes["head"]) * 8 / output,
        ),
    )


def _read_config(path: Path) -> _Config:
    try:
        with path.open("rb") as content:
            return msgspec.json.decode(content.read(_CONFIG_BYTES_MAX), type=_Config)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelFileWrong(f"{path} cannot be read: {error}.") from error


def _sizes(folder: Path) -> dict[str, int]:
    """Returns the bytes of the embedding, of the output matrix (0 where it is tied), and of all else."""
    sizes = {"embedding": 0, "head": 0, "other": 0}
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelUnknown(f"{folder} holds no model: there are no safetensors files in it.")
    for file in files:
        for name, tensor in _read_header(file).items():
            start, end = tensor.data_offsets
            part = "embedding" if "embed_tokens." in name else "head" if name.startswith("lm_head.") else "other"
            sizes[part] += max(0, end - start)
    return sizes


def _read_header(path: Path) -> dict[str, _Tensor]:
    try:
        with path.open("rb") as content:
            (length,) = _LENGTH.unpack(content.read(_LENGTH.size))
            if length > min(_HEADER_BYTES_MAX, os.fstat(content.fileno()).st_size):
                raise ModelFileWrong(f"{path} is not a safetensors file; download it again.")
            return msgspec.json.decode(content.read(length), type=dict[str, _Tensor])
    except (OSError, struct.error, msgspec.DecodeError) as error:
        raise ModelFileWrong(f"{path} is not a safetensors file ({error}); download it again.") from error
