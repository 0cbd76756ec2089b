"""Model folders in the shape of published models, with random weights: for measurements where those are not at hand.

Speed and memory do not depend on the weights' values. The tokenizer has no fill-in-the-middle tokens, so that nothing
expects sense of what such a model writes, and no editor is offered it for completion.
"""

import itertools
import json
import string
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from fimble.errors import ModelRefused, ModelUnknown
from fimble.models.catalogue import all_cards, is_path
from fimble.models.convert.architecture import Architecture, Weight
from fimble.models.convert.gptq import GROUP_SIZES, LANES
from fimble.models.convert.model_folder import write_model
from fimble.models.convert.random_model import write_random_model
from fimble.models.convert.safetensors_file import Pieces, TensorSource
from fimble.models.progress import Progress, silent

SHAPES: Final = tuple(f"qwen2.5-coder-{size}" for size in ("0.5b", "1.5b", "7b", "14b", "32b"))
GPTQ_BITS: Final = 4.0
HEAD_BITS: Final = 6
"""What exllamav2's own convert.py gives the output matrix by default."""

# Inputs that share a scale; published models have 32 to 128, more often the latter.
_GROUP: Final = 128
_BLOCK: Final = 32
# Of the widths and pairs of widths for which there are kernels (cuda/comp_units/kernel_select.cuh), these suffice.
_BITS: Final = (6, 5, 4, 3, 2)
_PIECE_ELEMENTS: Final = 1 << 21
_WORD_LETTERS: Final = 4
_EOS: Final = "<|endoftext|>"


def synthetic_architecture(shape: str) -> Architecture:
    """Returns the architecture of one of `SHAPES`, as its model card gives the sizes.

    Raises:
        ModelUnknown: it is not one of them.
    """
    if shape not in SHAPES:
        raise ModelUnknown(f"There is no shape {shape!r}; the shapes are {', '.join(SHAPES)}.")
    card = next(card for name, card in all_cards().items() if name.startswith(shape) and card.shape is not None)
    sizes = card.shape
    if sizes is None or not sizes.intermediate:
        raise ModelUnknown(f"The card of {card.name} does not give its shape.")
    return Architecture(
        family="qwen2",
        layers=sizes.layers,
        hidden=sizes.hidden,
        intermediate=sizes.intermediate,
        # In Qwen2.5 the heads together are as wide as the model.
        heads=sizes.hidden // sizes.head_dim,
        kv_heads=sizes.kv_heads,
        head_dim=sizes.head_dim,
        vocabulary=sizes.vocabulary,
        context_tokens=card.context_tokens,
        is_tied=sizes.tied_embeddings,
    )


def write_synthetic(
    folder: Path, architecture: Architecture, *, kind: str, bits: float, seed: int = 0, progress: Progress = silent
) -> int:
    """Writes a folder with random weights and returns the size of the weights in bytes.

    Args:
        folder: Does not exist yet, or is empty.
        architecture: The sizes.
        kind: `exl2` with `bits` per weight of the layers and 6 of the output, or `gptq` with 4 and a whole output.
        bits: From 2 to 6.
        seed: The same seed writes the same bytes.
        progress: Is told how far it is.

    Raises:
        ModelRefused: the shape cannot be quantised so, or `folder` is not empty.
        DiskFull: there is not enough space.
        FolderUnusable: the folder cannot be made.
    """
    if kind == "gptq":
        matrices = [weight for weight in architecture.weights() if weight.is_matrix]
        group_size = max(
            (size for size in GROUP_SIZES if size <= _GROUP and not any(w.shape[1] % size for w in matrices)),
            default=_GROUP,
        )
        return write_random_model(
            folder,
            architecture,
            "gptq",
            tokenizer_json=tokenizer_of_words(architecture.vocabulary),
            eos_token_id=len(_byte_letters()),
            group_size=group_size,
            seed=seed,
            progress=progress,
        )
    if not min(_BITS) <= bits <= max(_BITS):
        raise ModelRefused(f"EXL2 has {min(_BITS)} to {max(_BITS)} bits per weight, not {bits:g}.")
    ids = {"eos_token_id": len(_byte_letters())}
    quantization = {"quant_method": "exl2", "bits": bits, "head_bits": HEAD_BITS}
    return write_model(
        folder,
        architecture.config("fp16", 0) | ids | {"quantization_config": quantization, "fimble_synthetic": True},
        # Numbers of four bytes first, so that all are aligned.
        sorted(_exl2_model(architecture, bits, seed), key=lambda source: source.number_type != "I32"),
        tokenizer_json=tokenizer_of_words(architecture.vocabulary),
        tokenizer_config={"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False},
        generation_config=ids,
        progress=progress,
    )


def is_synthetic(model: str) -> bool:
    """Tells whether a model, by name or path, is a folder with random weights."""
    if not is_path(model):
        return False
    try:
        config = json.loads((Path(model).expanduser() / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("fimble_synthetic") is True


def tokenizer_of_words(vocabulary: int) -> bytes:
    """Returns a tokenizer.json with as many tokens: the bytes, one that ends a text, and words of four letters.

    Text is read byte by byte, as nothing is merged; what a model writes is words, so that it is valid text.
    """
    vocab = {letter: index for index, letter in enumerate(_byte_letters())}
    words = map("".join, itertools.product(string.ascii_lowercase, repeat=_WORD_LETTERS))
    first = len(vocab) + 1
    vocab |= {word: first + index for index, word in enumerate(itertools.islice(words, max(0, vocabulary - first)))}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    ending = {"id": first - 1, "content": _EOS, "normalized": False, "special": True}
    content: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [ending | {"single_word": False, "lstrip": False, "rstrip": False}],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocab,
            "merges": [],
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()


def blocks_by_bits(inputs: int, bits: float) -> list[tuple[int, int]]:
    """Returns (bits, inputs) of the groups into which a matrix with `inputs` rows is divided, the finest first.

    Together with the scales they come as near to `bits` per weight as two neighbouring widths allow.
    """
    sizes = [_GROUP] * (inputs // _GROUP) + ([inputs % _GROUP] if inputs % _GROUP else [])
    wanted = bits - 4 / _GROUP  # A scale has four bits.
    low = max((width for width in _BITS if width <= wanted), default=min(_BITS))
    high = min((width for width in _BITS if width > low), default=max(_BITS))
    share = 0.0 if high == low else max(0.0, min(1.0, (wanted - low) / (high - low)))
    finer = round(share * len(sizes))
    return [(high if number < finer else low, size) for number, size in enumerate(sizes)]


def _exl2_model(architecture: Architecture, bits: float, seed: int) -> Iterator[TensorSource]:
    head = Weight(name="lm_head", gguf_name="", shape=(architecture.vocabulary, architecture.hidden))
    for index, weight in enumerate(architecture.weights()):
        if weight.is_matrix:
            yield from _exl2_matrix(weight, blocks_by_bits(weight.shape[1], bits), (seed, index))
        elif weight.name != head.name:
            yield TensorSource(weight.tensor, weight.shape, "F16", partial(_floats, weight, (seed, index)))
    # Also of a tied model: its output matrix is a quantised copy of the embedding.
    yield from _exl2_matrix(head, blocks_by_bits(architecture.hidden, HEAD_BITS + 4 / _GROUP), (seed, 1 << 20))


def _exl2_matrix(weight: Weight, groups: list[tuple[int, int]], seed: tuple[int, int]) -> Iterator[TensorSource]:
    """Yields the tensors of one matrix (exllamav2 0.3.2, `ext.make_q_matrix` and cuda/q_matrix.cu)."""
    outputs, inputs = weight.shape
    if outputs % _BLOCK or inputs % _BLOCK:
        raise ModelRefused(f"{weight.name} is {inputs} by {outputs}, and EXL2 takes multiples of {_BLOCK} only.")
    rows = [width * size // _BLOCK for width, size in groups]
    starts = [0, *itertools.accumulate(rows)][: len(rows)]
    pairs = np.array([(width, start) for (width, _), start in zip(groups, starts, strict=True)], dtype=np.int16)
    # The largest scale is (15 + 1)² steps of 1/256, so that it is the number itself; integers of a width are spread
    # evenly over 2^width values.
    scales = [inputs**-0.5 / (2**width / 12**0.5) for width, _ in groups]
    order = np.arange(inputs, dtype=np.int32)
    name, sizes = weight.name, (sum(rows), outputs)
    yield TensorSource(f"{name}.q_weight", sizes, "I32", partial(_words, sizes, seed))
    yield TensorSource(
        f"{name}.q_scale",
        (len(groups), outputs // LANES),
        "I32",
        lambda: [np.full((len(groups), outputs // LANES), -1, dtype=np.int32)],
    )
    yield TensorSource(f"{name}.q_invperm", (inputs,), "I32", lambda: [order])
    yield TensorSource(f"{name}.q_scale_max", (len(groups),), "F16", lambda: [np.array(scales, dtype=np.float16)])
    yield TensorSource(f"{name}.q_groups", (pairs.size,), "I16", lambda: [pairs.reshape(-1)])


def _words(sizes: tuple[int, int], seed: tuple[int, int]) -> Pieces:
    generator = np.random.default_rng(seed)
    elements = sizes[0] * sizes[1]
    for start in range(0, elements, _PIECE_ELEMENTS):
        yield generator.integers(-(1 << 31), 1 << 31, min(_PIECE_ELEMENTS, elements - start), dtype=np.int32)


def _floats(weight: Weight, seed: tuple[int, int]) -> Pieces:
    """Yields an embedding, a norm (about 1) or a bias."""
    generator = np.random.default_rng(seed)
    elements = int(np.prod(weight.shape))
    is_vector = len(weight.shape) == 1
    middle = np.float32(1.0 if is_vector and not weight.is_bias else 0.0)
    scale = np.float32(0.02 if is_vector else weight.shape[-1] ** -0.5)
    for start in range(0, elements, _PIECE_ELEMENTS):
        size = min(_PIECE_ELEMENTS, elements - start)
        yield (generator.standard_normal(size, dtype=np.float32) * scale + middle).astype(np.float16)


def _byte_letters() -> Sequence[str]:
    """Returns GPT-2's letters for the 256 bytes: printable ones stand for themselves, the others follow from 256 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = itertools.count(256)
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
