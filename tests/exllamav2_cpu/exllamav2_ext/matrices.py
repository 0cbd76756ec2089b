"""Quantized matrices, unpacked when they are made."""

from dataclasses import dataclass

import torch
from exllamav2_ext.handles import given, keep, objects
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix as it was before it was packed, (inputs, outputs)."""

    weight: Tensor
    bias: Tensor | None

    def apply(self, x: Tensor) -> Tensor:
        output = torch.matmul(x.half().reshape(-1, self.weight.shape[0]), self.weight)
        return output if self.bias is None else output + self.bias


def make_q_matrix(
    q_weight: Tensor,
    q_perm: Tensor,
    q_invperm: Tensor,
    q_scale: Tensor,
    q_scale_max: Tensor,
    q_groups: Tensor,
    q_group_map: Tensor,
    gptq_qzeros: Tensor,
    gptq_scales: Tensor,
    gptq_g_idx: Tensor,
    bias: Tensor,
    temp_dq: Tensor,
    max_dq_rows: int,
) -> int:
    """Unpacks a matrix in the format of GPTQ (4 bits) or EXL2."""
    if (zeros := given(gptq_qzeros)) is not None:
        weight = _gptq(q_weight, zeros, gptq_scales, given(gptq_g_idx))
    else:
        weight = _exl2(q_weight, given(q_perm), q_scale, q_scale_max, q_groups)
    # With each output's inputs next to each other, as in an unquantized layer, torch multiplies ten times as fast.
    return keep(Matrix(weight.half().T.contiguous().T, given(bias)))


def _nibbles(packed: Tensor, dim: int) -> Tensor:
    """Unpacks eight 4-bit numbers from each int32 along a dimension, the lowest bits first."""
    parts = torch.stack([(packed >> shift) & 15 for shift in range(0, 32, 4)], dim + 1)
    return parts.flatten(dim, dim + 1)


def _gptq(q_weight: Tensor, zeros: Tensor, scales: Tensor, g_idx: Tensor | None) -> Tensor:
    numbers = _nibbles(q_weight, 0)
    if g_idx is None:
        group_size = 1
        while group_size * scales.shape[0] < numbers.shape[0]:
            group_size *= 2
        g_idx = torch.arange(numbers.shape[0]) // group_size
    groups = g_idx.long()
    # What is stored is one less than the zero point.
    return (numbers - (_nibbles(zeros, 1) + 1)[groups]).float() * scales.float()[groups]


def _exl2(q_weight: Tensor, perm: Tensor | None, q_scale: Tensor, scale_max: Tensor, q_groups: Tensor) -> Tensor:
    bits_and_rows = q_groups.long().view(-1, 2)
    steps = (_nibbles(q_scale, 1) + 1).float().square() * scale_max.float().unsqueeze(1)
    parts = []
    for group, (bits, first) in enumerate(bits_and_rows.tolist()):
        last = bits_and_rows[group + 1, 1] if group + 1 < len(bits_and_rows) else q_weight.shape[0]
        words = q_weight[first:last].long() & 0xFFFFFFFF
        stream = ((words.unsqueeze(1) >> torch.arange(32).view(1, 32, 1)) & 1).flatten(0, 1)
        numbers = (stream.view(-1, bits, stream.shape[1]) << torch.arange(bits).view(1, bits, 1)).sum(1)
        parts.append((numbers - (1 << (bits - 1))).float() * steps[group])
    packed = torch.cat(parts)
    if perm is None:
        return packed
    weight = torch.empty_like(packed)
    weight[perm.long() & 0xFFFF] = packed
    return weight


def make_group_map(q_groups: Tensor, num_qrows: int) -> Tensor:
    """Returns, per row of a matrix, its group and how many rows of it are left."""
    pairs = q_groups.long().view(-1, 2).tolist()
    ends = [first for _, first in pairs[1:]] + [num_qrows]
    result = []
    for group, ((bits, first), end) in enumerate(zip(pairs, ends, strict=True)):
        rows = (end - first) * 32 // bits
        result += [number for row in range(rows) for number in (group, rows - row)]
    return torch.tensor(result, dtype=torch.short)


def tensor_remap(tensor: Tensor, index: Tensor) -> None:
    """Puts the columns of a packed EXL2 matrix into another order, in place."""
    tensor.copy_(tensor[:, index.long()])


def tensor_remap_4bit(tensor: Tensor, index: Tensor) -> None:
    """Does so with eight columns to a number, as scales are packed."""
    parts = _nibbles(tensor, 1)[:, index.long()].unflatten(1, (-1, 8)).long()
    packed = sum(parts[..., i] << (4 * i) for i in range(8))
    tensor.copy_(torch.where(packed >= 2**31, packed - 2**32, packed))  # type: ignore[arg-type,operator]


def free_q_matrix(handle: int) -> None:
    """Forgets a matrix."""
    objects.pop(handle, None)


free_q_attn = free_q_mlp = free_q_matrix


def reconstruct(handle: int, output: Tensor) -> None:
    """Writes the unpacked matrix."""
    output.copy_(objects[handle].weight)


def gemm_half_q_half(a: Tensor, handle: int, c: Tensor, force_cuda: bool) -> None:
    """Multiplies rows with a matrix and adds its bias."""
    c.copy_(objects[handle].apply(a))
