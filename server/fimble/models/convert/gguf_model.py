"""What a GGUF file says of its model, in the terms of `Architecture`, and its weights in Hugging Face's order."""

from collections.abc import Iterator
from typing import Final, cast, get_args

import numpy as np

from fimble.errors import ModelRefused
from fimble.models.convert.architecture import Architecture, Family, Weight
from fimble.models.convert.gguf_file import GgufFile, Rows, shown

_LAYERS_MAX: Final = 1024
# So many numbers are dequantised at once: 8 MB as float32, so that a large matrix needs no large memory.
_BLOCK_ELEMENTS: Final = 1 << 21


def architecture_of(file: GgufFile) -> Architecture:
    """Returns the architecture of the model in a GGUF file, after comparing it with the tensors.

    Raises:
        ModelFileWrong: the file contradicts itself.
        ModelRefused: the architecture, or a variety of it, cannot be converted.
    """
    family = _family(file)
    layers = file.whole(f"{family}.block_count", most=_LAYERS_MAX)
    hidden = file.whole(f"{family}.embedding_length")
    heads = file.whole(f"{family}.attention.head_count")
    if 0 in (layers, hidden, heads):
        raise file.wrong("says that its model has no layers, width or heads")
    embedding = file.tensors.get("token_embd.weight")
    if embedding is None:
        raise file.wrong("has no token_embd.weight")
    head_dim = file.whole(f"{family}.attention.key_length", hidden // heads)
    architecture = Architecture(
        family=family,
        layers=layers,
        hidden=hidden,
        intermediate=file.whole(f"{family}.feed_forward_length"),
        heads=heads,
        kv_heads=file.whole(f"{family}.attention.head_count_kv", heads),
        head_dim=head_dim,
        vocabulary=embedding.rows,
        context_tokens=file.whole(f"{family}.context_length"),
        rms_epsilon=file.number(f"{family}.attention.layer_norm_rms_epsilon"),
        rope_base=file.number(f"{family}.rope.freq_base", 10_000.0),
        rope_scaling=_rope_scaling(file, family),
        is_tied="output.weight" not in file.tensors,
    )
    if not architecture.kv_heads or heads % architecture.kv_heads or not head_dim or head_dim % 2:
        raise file.wrong(f"says that it has {heads} heads, {architecture.kv_heads} for keys, of {head_dim}")
    if file.whole(f"{family}.rope.dimension_count", head_dim) != head_dim:
        raise ModelRefused(f"{file.path.name} turns only a part of each head by position, which cannot be converted.")
    _check_tensors(file, architecture)
    return architecture


def blocks_of(file: GgufFile, weight: Weight) -> Iterator[Rows]:
    """Yields a weight some rows at a time, float32 [rows, columns]; a vector is one row.

    `architecture_of` has made sure that the weight is there.

    Raises:
        ModelFileWrong: the weight has numbers that fp16 has not.
    """
    tensor = file.tensors[weight.gguf_tensor]
    head_rows = tensor.rows // weight.paired_heads if weight.paired_heads else 32
    block_rows = max(1, _BLOCK_ELEMENTS // (tensor.shape[-1] * head_rows)) * head_rows
    for start in range(0, tensor.rows, block_rows):
        block = file.rows(tensor, start, min(start + block_rows, tensor.rows))
        # The comparison is false for what is no number.
        if not np.abs(block).max() <= np.finfo(np.float16).max:
            raise file.wrong(f"has numbers in {shown(tensor.name)} that are too large, or none at all")
        yield unpaired(block, head_rows) if weight.paired_heads else block


def unpaired(rows: Rows, head_rows: int) -> Rows:
    """Returns whole heads of queries or keys in Hugging Face's order.

    Rotary embeddings turn pairs of rows. llama.cpp has the two rows of a pair next to each other; Hugging Face has the
    first rows of all pairs in the head's first half, and the second ones in the other.
    """
    columns = rows.shape[1]
    return rows.reshape(-1, head_rows // 2, 2, columns).swapaxes(1, 2).reshape(-1, columns)


def _family(file: GgufFile) -> Family:
    name = file.text("general.architecture")
    if name not in get_args(Family):
        raise ModelRefused(
            f"{file.path.name} has the architecture {shown(name)}; only {' and '.join(get_args(Family))} can be "
            "converted."
        )
    if file.whole("split.count", 0) > 1:
        raise ModelRefused(
            f"{file.path.name} is one part of several; join them first with llama.cpp's llama-gguf-split --merge."
        )
    if file.whole(f"{name}.expert_count", 0):
        raise ModelRefused(f"{file.path.name} is a mixture of experts, which cannot be converted.")
    return cast("Family", name)


def _rope_scaling(file: GgufFile, family: Family) -> dict[str, object]:
    if "rope_freqs.weight" in file.tensors:
        raise ModelRefused(
            f"{file.path.name} has scaled rotary embeddings as Llama 3.1 has, which cannot be converted; "
            "take Llama 3.0 or Qwen2.5."
        )
    prefix = f"{family}.rope.scaling."
    kind = file.text(f"{prefix}type", "none")
    if kind == "none":
        return {}
    if kind == "linear":
        return {"type": "linear", "factor": file.number(f"{prefix}factor")}
    if kind == "yarn":
        original = file.whole(f"{prefix}original_context_length")
        factor = file.number(f"{prefix}factor")
        return {"type": "yarn", "factor": factor, "original_max_position_embeddings": original}
    raise ModelRefused(f"{file.path.name} scales its rotary embeddings by {shown(kind)}, which cannot be converted.")


def _check_tensors(file: GgufFile, architecture: Architecture) -> None:
    """Makes sure that all weights are there in the right shape, and nothing else, which would be lost."""
    names: set[str] = set()
    for weight in architecture.weights():
        name = weight.gguf_tensor
        names.add(name)
        tensor = file.tensors.get(name)
        if tensor is None:
            raise file.wrong(f"has no tensor {name}")
        if tensor.shape != weight.shape:
            raise file.wrong(f"gives {name} the shape {list(tensor.shape)} and not {list(weight.shape)}")
    odd = sorted(set(file.tensors) - names)
    if odd:
        raise ModelRefused(
            f"{file.path.name} has the tensor {shown(odd[0])}, which a model of the architecture "
            f"{architecture.family} has not, so it cannot be converted."
        )
