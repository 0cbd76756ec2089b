"""The GPTQ layout (version 1, 4 bits), and rounding weights to it.

Rounding to nearest (RTN) makes models for tests only: the calibrated GPTQ that published models have writes better
text at the same size. Values and layout are what ExLlamaV2 0.3.2's kernel computes: (integer - zero) * scale.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

GROUP_SIZES: Final = (32, 64, 128, 256, 512, 1024)
"""ExLlamaV2's loader takes the group size for a power of two; its kernel changes groups every 32 rows at most."""
LANES: Final = 8
"""Integers of 4 bits in one of 32."""
OUTPUTS_MULTIPLE: Final = 32
"""What the outputs of a quantised matrix must be divisible by; else ExLlamaV2 pads, which GPTQ does not allow."""

# How far the range of a group is narrowed before rounding; what lies outside is cut off. Of these the one with the
# least squared error is taken, for each group.
_CLIPPINGS: Final = tuple(1 - 0.025 * step for step in range(12))
_INTEGER_MAX: Final = 15
_ZERO_MAX: Final = 16
# So many numbers are rounded at once, that all intermediate results stay in the processor's cache.
_BLOCK_ELEMENTS: Final = 1 << 16
_SCALE_MIN: Final = np.float32(np.finfo(np.float16).smallest_subnormal)

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Rounded:
    """Rounded weights.

    Integers are 0..15 [outputs, inputs], zeros 1..16 [outputs, groups], scales fp16 [outputs, groups].
    """

    integers: Bytes
    zeros: Bytes
    scales: Halves


@dataclass(frozen=True, slots=True)
class Packed:
    """Rounded weights as they lie in a file.

    `qweight` is [inputs / 8, outputs], `qzeros` [groups, outputs / 8] and one less than the zeros, `scales`
    [groups, outputs].
    """

    qweight: Words
    qzeros: Words
    scales: Halves


def round_to_nearest(weights: Floats, group_size: int) -> Rounded:
    """Rounds weights [outputs, inputs] to 4 bits in groups along the inputs; for tests only, see the module.

    `group_size` must divide the inputs, and the weights be finite in fp16.
    """
    outputs, inputs = weights.shape
    groups = weights.reshape(-1, group_size)
    integers = np.empty(groups.shape, dtype=np.uint8)
    zeros = np.empty(len(groups), dtype=np.uint8)
    scales = np.empty(len(groups), dtype=np.float16)
    step = max(1, _BLOCK_ELEMENTS // group_size)
    for start in range(0, len(groups), step):
        part = slice(start, start + step)
        integers[part], zeros[part], scales[part] = _rounded(groups[part])
    shape = (outputs, inputs // group_size)
    return Rounded(integers.reshape(outputs, inputs), zeros.reshape(shape), scales.reshape(shape))


def restored(rounded: Rounded) -> Floats:
    """Returns the weights [outputs, inputs] that the integers stand for."""
    outputs, inputs = rounded.integers.shape
    groups = rounded.integers.reshape(outputs, rounded.zeros.shape[1], -1).astype(np.float32)
    groups -= rounded.zeros[:, :, None]
    groups *= rounded.scales[:, :, None].astype(np.float32)
    return groups.reshape(outputs, inputs)


def pack(rounded: Rounded) -> Packed:
    """Packs eight integers into one of 32 bits, the first one lowest: weights along inputs, zeros along outputs."""
    qweight = _joined(np.ascontiguousarray(rounded.integers.T))
    qzeros = np.ascontiguousarray(_joined(rounded.zeros - np.uint8(1)).T)
    return Packed(qweight, qzeros, np.ascontiguousarray(rounded.scales.T))


def unpack(packed: Packed) -> Rounded:
    """Returns what was packed."""
    integers = np.ascontiguousarray(_parted(packed.qweight).T)
    zeros = _parted(np.ascontiguousarray(packed.qzeros.T)) + np.uint8(1)
    return Rounded(integers, zeros, np.ascontiguousarray(packed.scales.T))


def _rounded(groups: Floats) -> tuple[Bytes, Bytes, Halves]:
    """Rounds groups [number, size], each to the clipping that suits it best."""
    low, high = np.minimum(groups.min(axis=1), 0), np.maximum(groups.max(axis=1), 0)
    best_error = np.full(len(groups), np.inf, dtype=np.float32)
    best_scale, best_zero = np.empty_like(best_error), np.empty_like(best_error)
    for clipping in _CLIPPINGS:
        scale, zero = _grid(low * np.float32(clipping), high * np.float32(clipping))
        error = groups / scale[:, None]
        integers = np.rint(error)
        np.clip(integers, -zero[:, None], _INTEGER_MAX - zero[:, None], out=integers)
        error -= integers
        squared = np.einsum("ij,ij->i", error, error) * scale * scale
        better = squared < best_error
        for best, value in ((best_error, squared), (best_scale, scale), (best_zero, zero)):
            np.copyto(best, value, where=better)
    integers = np.rint(groups / best_scale[:, None]) + best_zero[:, None]
    np.clip(integers, 0, _INTEGER_MAX, out=integers)
    return integers.astype(np.uint8), best_zero.astype(np.uint8), best_scale.astype(np.float16)


def _grid(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Returns scales that fp16 has and zeros 1..16, such that the grid reaches from `low` <= 0 to `high` >= 0."""
    # The zero is 1 at least. Where 0 would be the nearest, one of the 15 steps lies below `low` and is of no use.
    steps = np.where(-low * 2 * _INTEGER_MAX >= high - low, np.float32(_INTEGER_MAX), np.float32(_INTEGER_MAX - 1))
    rounded = ((high - low) / steps).astype(np.float16)
    # Upwards, so that the ends stay on the grid.
    up = np.nextafter(rounded, np.float16(np.inf))
    scale: Floats = np.where(rounded * steps < high - low, up, rounded).astype(np.float32)
    np.maximum(scale, _SCALE_MIN, out=scale)
    return scale, np.clip(np.rint(-low / scale), 1, _ZERO_MAX)


def _joined(integers: Bytes) -> Words:
    """Joins eight rows [rows, columns] into one."""
    words = np.zeros((len(integers) // LANES, integers.shape[1]), dtype=np.uint32)
    for lane in range(LANES):
        words |= integers[lane::LANES].astype(np.uint32) << np.uint32(4 * lane)
    return words.view(np.int32)


def _parted(words: Words) -> Bytes:
    """Parts one row [rows, columns] into eight."""
    integers = np.empty((len(words) * LANES, words.shape[1]), dtype=np.uint8)
    for lane in range(LANES):
        integers[lane::LANES] = (words.view(np.uint32) >> np.uint32(4 * lane)) & np.uint32(_INTEGER_MAX)
    return integers
