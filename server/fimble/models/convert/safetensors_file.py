"""Writes the safetensors format as a stream: the header from the shapes alone, then one tensor after the other."""

import json
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from fimble.models.progress import Progress, silent

# The official parser takes no longer header (safetensors 0.8, MAX_HEADER_SIZE).
HEADER_BYTES_MAX: Final = 100_000_000

NumberType = Literal["F16", "F32", "I16", "I32"]
Pieces = Iterable[npt.NDArray[Any]]

_DTYPES: Final[dict[NumberType, str]] = {"F16": "<f2", "F32": "<f4", "I16": "<i2", "I32": "<i4"}


@dataclass(frozen=True, slots=True)
class TensorSource:
    """A tensor to be written; `produce` is called when it is its turn, and yields the numbers in C order, in pieces."""

    name: str
    shape: tuple[int, ...]
    number_type: NumberType
    produce: Callable[[], Pieces]

    @property
    def bytes(self) -> int:
        """The size of the tensor."""
        return math.prod(self.shape) * np.dtype(_DTYPES[self.number_type]).itemsize


def write_safetensors(path: Path, tensors: Iterable[TensorSource], progress: Progress = silent) -> int:
    """Writes a file with the tensors in the given order, and returns its size in bytes.

    Of the numbers, only the piece that is being written is held in memory.

    Raises:
        ValueError: two tensors have one name, a tensor would not be aligned, or one yields another size than its shape.
        OSError: the file cannot be written, for example because the disk is full.
    """
    sources = list(tensors)
    header = _header(sources)
    total = len(header) + sum(source.bytes for source in sources)
    with path.open("xb") as file:
        file.write(header)
        done = len(header)
        for source in sources:
            dtype = np.dtype(_DTYPES[source.number_type])
            end = done + source.bytes
            for piece in source.produce():
                numbers = np.ascontiguousarray(piece, dtype=dtype)
                file.write(numbers.data)
                done += numbers.nbytes
                progress(done, total, f"writing {source.name}")
            if done != end:
                raise ValueError(f"{source.name} of {source.shape} has {source.bytes + done - end} bytes")
    return total


def safetensors_bytes(tensors: Iterable[TensorSource]) -> int:
    """Returns the size that a file with these tensors will have."""
    sources = list(tensors)
    return len(_header(sources)) + sum(source.bytes for source in sources)


def _header(sources: list[TensorSource]) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for source in sources:
        if source.name in entries:
            raise ValueError(f"two tensors have the name {source.name}")
        if start % np.dtype(_DTYPES[source.number_type]).itemsize:
            raise ValueError(f"{source.name} would start in the middle of a number; put tensors of larger types first")
        end = start + source.bytes
        entries[source.name] = {
            "dtype": source.number_type,
            "shape": list(source.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    # Tensors begin at a multiple of 8, and spaces are the padding that the format allows.
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_BYTES_MAX:
        raise ValueError(f"the header has {len(text)} bytes")
    return struct.pack("<Q", len(text)) + text
