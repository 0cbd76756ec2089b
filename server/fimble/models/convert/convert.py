"""Converts a GGUF file to a model folder that ExLlamaV2 0.3.2 loads.

GPTQ is made by rounding to nearest, for tests only; see `fimble.models.convert.gptq`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fimble.models.convert.architecture import Architecture, Format, Weight
from fimble.models.convert.gguf_file import GgufFile, open_gguf
from fimble.models.convert.gguf_model import architecture_of, blocks_of
from fimble.models.convert.gptq import Rounded, pack, round_to_nearest
from fimble.models.convert.gptq_tensors import Part, check_group_size, gptq_sources
from fimble.models.convert.model_folder import check_free, write_model
from fimble.models.convert.safetensors_file import Pieces, TensorSource
from fimble.models.convert.tokenizer import tokenizer_of
from fimble.models.progress import Progress, silent

GROUP_SIZE: Final = 128
"""What most published GPTQ models have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What was written: the model's architecture, and the size of the weights' file."""

    architecture: Architecture
    weights_bytes: int


def convert(
    gguf: Path, out: Path, weights: Format, *, group_size: int = GROUP_SIZE, progress: Progress = silent
) -> Converted:
    """Writes the model in `gguf` to the folder `out`, as fp16 or as 4-bit GPTQ.

    With `gptq`, the matrices of the layers are rounded to nearest (RTN), without calibration: good enough for tests,
    and for nothing else. The embedding and the output stay fp16. At most one of the layers' matrices is in memory at
    a time, as 4-bit integers, and some rows of it as float32.

    Raises:
        ModelFileMissing: there is no such file.
        ModelFileWrong: the file is broken.
        ModelRefused: it is of a kind that cannot be converted, `group_size` does not suit it, or `out` is not empty.
        DiskFull: there is not enough space.
        FolderUnusable: the folder cannot be made.
    """
    check_free(out)
    with open_gguf(gguf) as file:
        architecture = architecture_of(file)
        if weights == "gptq":
            check_group_size(architecture, group_size)
        tokenizer = tokenizer_of(file, architecture.vocabulary)
        size = write_model(
            out,
            architecture.config(weights, group_size) | tokenizer.token_ids,
            _sources(file, architecture, group_size if weights == "gptq" else 0),
            tokenizer_json=tokenizer.tokenizer_json,
            tokenizer_config=tokenizer.tokenizer_config,
            generation_config=tokenizer.generation_config,
            progress=progress,
        )
    return Converted(architecture=architecture, weights_bytes=size)


def _sources(file: GgufFile, architecture: Architecture, group_size: int) -> Iterator[TensorSource]:
    """Yields the tensors to be written; a group size of 0 quantises none."""
    for weight in architecture.weights():
        if weight.is_matrix and group_size:
            yield from gptq_sources(weight.name, weight.shape, group_size, _Matrix(file, weight, group_size).part)
            continue
        blocks = _nonzero_bias if weight.is_bias and group_size else blocks_of
        yield TensorSource(weight.tensor, weight.shape, "F16", partial(blocks, file, weight))


class _Matrix:
    """Rounds a matrix when the first of its parts is asked for, and holds the others until they are asked for."""

    def __init__(self, file: GgufFile, weight: Weight, group_size: int) -> None:
        self._file = file
        self._weight = weight
        self._group_size = group_size
        self._parts: dict[Part, npt.NDArray[Any]] = {}

    def part(self, name: Part) -> Pieces:
        if name not in self._parts:
            self._round()
        yield self._parts.pop(name)

    def _round(self) -> None:
        blocks = [round_to_nearest(block, self._group_size) for block in blocks_of(self._file, self._weight)]
        packed = pack(
            Rounded(
                integers=np.concatenate([block.integers for block in blocks]),
                zeros=np.concatenate([block.zeros for block in blocks]),
                scales=np.concatenate([block.scales for block in blocks]),
            )
        )
        self._parts = {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales}


def _nonzero_bias(file: GgufFile, weight: Weight) -> Pieces:
    """Yields a bias that is not all zeros, as ExLlamaV2's loader drops such a one beside GPTQ, and then misses it."""
    for block in blocks_of(file, weight):
        bias = block.astype(np.float16)
        if not bias.any():
            bias[0, 0] = np.finfo(np.float16).smallest_subnormal
        yield bias
