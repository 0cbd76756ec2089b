"""The quantized cache, in the layout of cuda/cache.cu and cuda/cache_q.cuh."""

import torch
from torch import Tensor

BLOCK = 512  # Q_CACHE_BLOCKSIZE_Q of config.h: values that a block of threads packs at once.
_KEY_BITS = {4: 4, 6: 8, 8: 8}
_VALUE_BITS = {4: 4, 6: 4, 8: 8}


def _hadamard() -> Tensor:
    matrix = torch.ones(1, 1)
    while len(matrix) < 32:
        matrix = torch.cat((torch.cat((matrix, matrix), 1), torch.cat((matrix, -matrix), 1)))
    return matrix


_MIX = _hadamard()


def _pack(values: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Returns bytes and scales (one per 32) of values, a flat tensor whose length is a multiple of 64."""
    # 32 threads hold two neighbours each and mix the first ones and the second ones among themselves.
    mixed = torch.einsum("ij,gjp->gip", _MIX, values.float().view(-1, 32, 2)).half().reshape(-1, 32)
    largest = mixed.abs().amax(1, keepdim=True)
    middle = 1 << (bits - 1)
    numbers = torch.nan_to_num(mixed.float() / largest.float() * middle + middle)
    numbers = numbers.round().clamp(0, 2 * middle - 1).to(torch.uint8).view(-1)
    if bits == 4:
        numbers = numbers[0::2] | (numbers[1::2] << 4)
    return numbers, (largest / middle).half().view(-1)


def _unpack(packed: Tensor, scales: Tensor, bits: int) -> Tensor:
    """Returns the values that `_pack` packed, nearly."""
    numbers = torch.stack((packed & 15, packed >> 4), 1).view(-1) if bits == 4 else packed
    mixed = (numbers.float() - (1 << (bits - 1))).view(-1, 32) * scales.float().view(-1, 1)
    return torch.einsum("ij,gjp->gip", _MIX, mixed.view(-1, 32, 2)).reshape(-1) / 32


def _aligned(first: int, last: int, dim: int) -> tuple[int, int]:
    """Widens a range of tokens until its ends are the ends of blocks."""
    while first * dim % BLOCK:
        first -= 1
    while last * dim % BLOCK:
        last += 1
    return first, last


def _ranges(lengths: Tensor, table: Tensor, page_size: int, width: int | None, dim: int) -> list[tuple[int, int]]:
    """Returns the ranges of tokens to convert: `width` after each length, or with None all before it."""
    found = []
    for length, pages in zip(lengths.tolist(), table.tolist(), strict=True):
        for block, page in enumerate(pages):
            start = length - block * page_size
            if width is None:
                # dim < BLOCK is the condition in q_to_fp16_kv_paged_kernel; a larger odd size writes whole blocks too.
                first, last = _aligned(0, min(start, page_size), dim)
            else:
                first, last = _aligned(start, start + width, dim)
            first, last = max(first, 0), min(last, page_size)
            if last > first and (width is not None or length):
                found.append((page * page_size + first, page * page_size + last))
    return found


def _spans(
    states: Tensor, batch: int, offset: int, width: int, page_size: int, lengths: Tensor, table: Tensor, *, all_: bool
) -> list[tuple[int, int]]:
    dim = states.shape[2] * states.shape[3]
    if page_size:
        return _ranges(lengths, table, page_size, None if all_ else width, dim)
    first, last = _aligned(offset, offset, dim)[0], 0
    last = first + _aligned(0, width, dim)[1]
    return [(row * states.shape[1] + first, row * states.shape[1] + last) for row in range(batch)]


def fp16_to_q_kv(
    k_in: Tensor,
    k_out: Tensor,
    k_scales: Tensor,
    v_in: Tensor,
    v_out: Tensor,
    v_scales: Tensor,
    batch_size: int,
    offset: int,
    width: int,
    page_size: int,
    cache_seqlens: Tensor,
    block_table: Tensor,
    wbits: int,
) -> None:
    """Packs the new keys and values."""
    dim = k_in.shape[2] * k_in.shape[3]
    for first, last in _spans(k_in, batch_size, offset, width, page_size, cache_seqlens, block_table, all_=False):
        for source, packed, scales, bits in (
            (k_in, k_out, k_scales, _KEY_BITS[wbits]),
            (v_in, v_out, v_scales, _VALUE_BITS[wbits]),
        ):
            a, b = first * dim, last * dim
            numbers, steps = _pack(source.view(-1)[a:b], bits)
            packed.view(-1)[a * bits // 8 : b * bits // 8] = numbers
            scales.view(-1)[a // 32 : b // 32] = steps


def q_to_fp16_kv(
    k_in: Tensor,
    k_out: Tensor,
    k_scales: Tensor,
    v_in: Tensor,
    v_out: Tensor,
    v_scales: Tensor,
    batch_size: int,
    offset: int,
    width: int,
    page_size: int,
    cache_seqlens: Tensor,
    block_table: Tensor,
    wbits: int,
) -> None:
    """Unpacks the keys and values that were there before."""
    dim = k_out.shape[2] * k_out.shape[3]
    for first, last in _spans(k_out, batch_size, offset, width, page_size, cache_seqlens, block_table, all_=True):
        for packed, target, scales, bits in (
            (k_in, k_out, k_scales, _KEY_BITS[wbits]),
            (v_in, v_out, v_scales, _VALUE_BITS[wbits]),
        ):
            a, b = first * dim, last * dim
            values = _unpack(packed.view(-1)[a * bits // 8 : b * bits // 8], scales.view(-1)[a // 32 : b // 32], bits)
            target.view(-1)[a:b] = values.half()
