"""Model folders with random weights of a given shape: for measurements, and for tests.

Speed and memory do not depend on the weights' values, so a synthetic model is as good as a trained one to measure
either; what it writes is noise.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from fimble.models.convert.architecture import Architecture, Format, Weight
from fimble.models.convert.gptq import LANES
from fimble.models.convert.gptq_tensors import Part, check_group_size, gptq_sources
from fimble.models.convert.model_folder import write_model
from fimble.models.convert.safetensors_file import Pieces, TensorSource
from fimble.models.progress import Progress, silent

_PIECE_ELEMENTS: Final = 1 << 21
# The integers of 4 bits are spread evenly over 16 values, which is a deviation of 4.6 steps.
_STEPS_DEVIATION: Final = float(np.arange(16).std())


def write_random_model(
    folder: Path,
    architecture: Architecture,
    weights: Format,
    *,
    tokenizer_json: bytes,
    eos_token_id: int,
    bos_token_id: int | None = None,
    group_size: int = 128,
    seed: int = 0,
    progress: Progress = silent,
) -> int:
    """Writes a folder with random weights, and returns the size of the weights' file in bytes.

    The same seed writes the same bytes. The weights are scaled so that numbers neither grow nor vanish from layer to
    layer. config.json has `"fimble_synthetic": true`.

    Raises:
        ModelRefused: `group_size` does not suit the shape, or `folder` is not empty.
        DiskFull: there is not enough space.
        FolderUnusable: the folder cannot be made.
    """
    if weights == "gptq":
        check_group_size(architecture, group_size)
    ids: dict[str, object] = {"eos_token_id": eos_token_id}
    if bos_token_id is not None:
        ids["bos_token_id"] = bos_token_id
    return write_model(
        folder,
        architecture.config(weights, group_size) | ids | {"fimble_synthetic": True},
        _sources(architecture, group_size if weights == "gptq" else 0, seed),
        tokenizer_json=tokenizer_json,
        tokenizer_config={"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False},
        generation_config=ids | {"eos_token_id": [eos_token_id]},
        progress=progress,
    )


def _sources(architecture: Architecture, group_size: int, seed: int) -> Iterator[TensorSource]:
    for index, weight in enumerate(architecture.weights()):
        if weight.is_matrix and group_size:
            part = partial(_part, weight, group_size, (seed, index))
            yield from gptq_sources(weight.name, weight.shape, group_size, part)
        else:
            yield TensorSource(weight.tensor, weight.shape, "F16", partial(_numbers, weight, (seed, index)))


def _part(weight: Weight, group_size: int, seed: tuple[int, int], part: Part) -> Pieces:
    outputs, inputs = weight.shape
    generator = np.random.default_rng((*seed, ("qweight", "qzeros", "scales").index(part)))
    if part == "scales":
        scale = inputs**-0.5 / _STEPS_DEVIATION
        yield generator.uniform(0.9 * scale, 1.1 * scale, (inputs // group_size, outputs)).astype(np.float16)
        return
    if part == "qzeros":
        # Zeros are stored less one: 7 and 8 in turn, so that the weights are 0 on average.
        yield np.full((inputs // group_size, outputs // LANES), 0x67676767, dtype=np.int32)
        return
    words = inputs // LANES * outputs
    for start in range(0, words, _PIECE_ELEMENTS):
        size = min(_PIECE_ELEMENTS, words - start)
        yield generator.integers(-(1 << 31), 1 << 31, size, dtype=np.int32)


def _numbers(weight: Weight, seed: tuple[int, int]) -> Pieces:
    generator = np.random.default_rng(seed)
    elements = int(np.prod(weight.shape))
    is_vector = len(weight.shape) == 1
    # A bias must not be all zeros, see `convert`.
    scale = 0.02 if is_vector else weight.shape[-1] ** -0.5
    middle = 1.0 if is_vector and not weight.is_bias else 0.0
    for start in range(0, elements, _PIECE_ELEMENTS):
        numbers = generator.standard_normal(min(_PIECE_ELEMENTS, elements - start), dtype=np.float32)
        yield (numbers * np.float32(scale) + np.float32(middle)).astype(np.float16)
