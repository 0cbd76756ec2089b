"""Attention over a paged cache of keys and values, in plain torch.

What `flash_attn.flash_attn_with_kvcache` does for ExLlamaV2's paged mode, on machines without flash-attn. Knows
nothing of ExLlamaV2; attention.py puts it in place. Nothing here waits for the device as long as the caller gives a
`Layout`, which is the same for all layers of one forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

# The fused kernels that take a mask read its rows in steps of 16 bytes; torch copies a mask of another width for
# every layer (pad_bias in torch's aten/src/ATen/native/transformers/attention.cpp, torch 2.13).
MASK_WIDTH = 16
# Up to so many new tokens per sequence, the sequences of a batch share one call with an explicit mask. ExLlamaV2's
# generator asks for at most 16 at once (max_q_size in its generator/dynamic.py); prompts it reads one by one.
SHORT_QUERY = 32


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the keys of one forward pass lie in the cache; a cell is the place of one token, page * size + offset."""

    key_lengths: tuple[int, ...]
    """Keys per sequence, the new ones included."""
    first_cell: int | None
    """Set if there is one sequence and its cells follow one another, so that its keys need no copy."""
    cells: Tensor | None
    """The cell of each key, int64 (batch, width); a shorter sequence repeats its last cell up to the width."""
    new_cells: Tensor | None
    """The cells of the new keys, int64 (batch * query length); None if they are written by somebody else."""
    bias: Tensor | None
    """What is added to the scores, (batch, 1, rows, width); None where no mask is needed, or a causal one will do."""


def lay_out(
    block_table: Tensor,
    past: Tensor,
    *,
    pages: Sequence[int] | None,
    past_lengths: Sequence[int],
    query_length: int,
    page_size: int,
    groups: int,
    dtype: Any,
    appends: bool,
) -> Layout:
    """Returns the layout for one forward pass, without waiting for the device.

    Args:
        block_table: The page of each block of each sequence, int (batch, blocks), on the device of the cache.
        past: Keys per sequence before this pass, int (batch), on the device of the cache.
        pages: The first row of the block table on the host; needed for a single sequence only.
        past_lengths: `past` on the host.
        query_length: New tokens per sequence.
        page_size: Tokens per page.
        groups: Query heads per key head.
        dtype: The type of the queries.
        appends: Whether `paged_attention` is to write the new keys and values.
    """
    import torch  # noqa: PLC0415 - wanted only where a model runs on a GPU.

    key_lengths = tuple(length + query_length for length in past_lengths)
    longest = max(key_lengths)
    if longest > block_table.shape[1] * page_size:
        # On a GPU, an index out of range ends the process.
        raise ValueError(f"{longest} keys do not fit the {block_table.shape[1]} pages of the block table.")
    first_cell = None
    if len(key_lengths) == 1 and pages is not None:
        blocks = -(-longest // page_size)
        if all(pages[i] == pages[0] + i for i in range(blocks)):
            first_cell = pages[0] * page_size
            if not appends:
                return Layout(key_lengths, first_cell, None, None, None)
    new_positions = past.long().unsqueeze(1) + torch.arange(query_length, device=block_table.device)
    new_cells = _cells(block_table, new_positions, page_size).flatten() if appends else None
    if first_cell is not None:
        return Layout(key_lengths, first_cell, None, new_cells, None)
    if len(key_lengths) == 1:
        positions = torch.arange(longest, device=block_table.device).unsqueeze(0)
        return Layout(key_lengths, None, _cells(block_table, positions, page_size), new_cells, None)

    width = -(-longest // MASK_WIDTH) * MASK_WIDTH
    positions = torch.arange(width, device=block_table.device).expand(len(key_lengths), width)
    # What lies beyond the end of a sequence may be another request's, and infinite, and infinity times a weight of
    # zero is not a number. So the masked places are filled with a key of the sequence itself.
    cells = _cells(block_table, torch.minimum(positions, new_positions[:, -1:]), page_size)
    bias = None
    if query_length <= SHORT_QUERY:
        hidden = positions.unsqueeze(1) > new_positions.unsqueeze(2)
        bias = torch.zeros(hidden.shape, dtype=dtype, device=block_table.device).masked_fill_(hidden, float("-inf"))
        # One row per query row of `_packed`; with a single query they are all the same.
        bias = (bias if query_length == 1 else bias.repeat(1, groups, 1)).unsqueeze(1)
    return Layout(key_lengths, None, cells, new_cells, bias)


def _cells(block_table: Tensor, positions: Tensor, page_size: int) -> Tensor:
    """Returns the cells of positions, int64 (batch, n)."""
    return block_table.gather(1, positions // page_size).long() * page_size + positions % page_size


def paged_attention(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    k: Tensor | None,
    v: Tensor | None,
    *,
    cache_seqlens: Tensor,
    block_table: Tensor,
    softmax_scale: float,
    layout: Layout | None = None,
) -> Tensor:
    """Returns the causal attention of new queries over a paged cache, (batch, query length, heads, head size).

    The last query sees all keys of its sequence, the one before it all but the last, and so on.

    Args:
        q: Queries, (batch, query length, heads, head size).
        k_cache: Keys, (pages, page size, key heads, head size); gets the new ones if `k` is given.
        v_cache: Values, likewise.
        k: New keys, (batch, query length, key heads, head size); None if they are in the cache already.
        v: New values, likewise.
        cache_seqlens: Keys in the cache per sequence, (batch): without the new ones if `k` is given, else with them.
        block_table: The page of each block of each sequence, (batch, blocks).
        softmax_scale: What scores are multiplied by.
        layout: What `lay_out` returned for this pass; without it this function waits for the device.
    """
    query_length = q.shape[1]
    groups = q.shape[2] // k_cache.shape[2]
    if layout is None:
        past = cache_seqlens if k is not None else cache_seqlens - query_length
        layout = lay_out(
            block_table,
            past,
            pages=block_table[0].tolist(),
            past_lengths=past.tolist(),
            query_length=query_length,
            page_size=k_cache.shape[1],
            groups=groups,
            dtype=q.dtype,
            appends=k is not None,
        )
    keys, values = k_cache.view(-1, *k_cache.shape[2:]), v_cache.view(-1, *v_cache.shape[2:])
    if k is not None and v is not None:
        keys.index_copy_(0, layout.new_cells, k.flatten(0, 1))
        values.index_copy_(0, layout.new_cells, v.flatten(0, 1))

    if layout.first_cell is not None:
        end = layout.first_cell + layout.key_lengths[0]
        return causal_attention(
            q, keys[layout.first_cell : end].unsqueeze(0), values[layout.first_cell : end].unsqueeze(0), softmax_scale
        )
    keys, values = _gather(keys, layout.cells), _gather(values, layout.cells)
    if len(layout.key_lengths) == 1:
        return causal_attention(q, keys, values, softmax_scale)
    if layout.bias is not None:
        return _packed(q, keys, values, layout.bias, softmax_scale)
    return _one_by_one(q, keys, values, layout.key_lengths, softmax_scale)


def _gather(rows: Tensor, cells: Any) -> Tensor:
    """Returns copies of the rows, (batch, width, key heads, head size)."""
    return rows.index_select(0, cells.flatten()).view(*cells.shape, *rows.shape[1:])


def _one_by_one(q: Tensor, keys: Tensor, values: Tensor, key_lengths: Sequence[int], scale: float) -> Tensor:
    """Attends to long queries of several sequences, for which a mask would be larger than the keys."""
    import torch  # noqa: PLC0415 - wanted only where a model runs on a GPU.

    outputs = [
        causal_attention(q[i : i + 1], keys[i : i + 1, :length], values[i : i + 1, :length], scale)
        for i, length in enumerate(key_lengths)
    ]
    return torch.cat(outputs)


def causal_attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """Returns the attention of queries that are the last of their sequence, (batch, query length, heads, head size).

    Args:
        q: Queries, (batch, query length, heads, head size).
        k: Keys, (batch, keys, key heads, head size).
        v: Values, likewise.
        scale: What scores are multiplied by.
    """
    import torch  # noqa: PLC0415 - wanted only where a model runs on a GPU.
    from torch.nn.attention.bias import causal_lower_right  # noqa: PLC0415 - see above.
    from torch.nn.functional import scaled_dot_product_attention  # noqa: PLC0415 - see above.

    query_length, groups = q.shape[1], q.shape[2] // k.shape[2]
    if query_length == 1:
        return _packed(q, k, v, None, scale)
    queries, keys, values = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    if groups > 1 and q.is_cuda and torch.cuda.get_device_capability(q.device) < (8, 0):
        # Before Ampere there is no flash kernel, and the memory-efficient one wants as many key heads as query heads
        # (torch 2.11 and 2.13, sdp_utils.cpp); without either, torch would build the whole matrix of scores.
        keys, values = keys.repeat_interleave(groups, dim=1), values.repeat_interleave(groups, dim=1)
        groups = 1
    output = scaled_dot_product_attention(
        queries,
        keys,
        values,
        causal_lower_right(query_length, k.shape[1]),
        scale=scale,
        enable_gqa=groups > 1,
    )
    # The layout depends on the kernel that torch chose, and callers look at the result in another shape.
    return output.transpose(1, 2).contiguous()


def _packed(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """Attends with the query heads of one key head as rows of one matrix.

    So there are as many heads on both sides, which is what the kernels that take a mask ask for, and each key is read
    once for all of its query heads.
    """
    from torch.nn.functional import scaled_dot_product_attention  # noqa: PLC0415 - wanted only where a model runs.

    batch, query_length, heads, head_size = q.shape
    key_heads = k.shape[2]
    rows = q.view(batch, query_length, key_heads, heads // key_heads, head_size).permute(0, 2, 3, 1, 4)
    output = scaled_dot_product_attention(
        rows.reshape(batch, key_heads, -1, head_size), k.transpose(1, 2), v.transpose(1, 2), bias, scale=scale
    )
    output = output.view(batch, key_heads, heads // key_heads, query_length, head_size).permute(0, 3, 1, 2, 4)
    return output.reshape(q.shape).contiguous()
