"""The bound that memory sets: how many bytes each token needs, and how fast this machine moves bytes.

To write a token, all weights are read once (but for the embedding, of which it is one row) and the attention cache of
all tokens before it. Nothing that computes one token at a time can be faster than that.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from fimble.errors import ModelRefused
from fimble.models.card import CacheKind, ModelCard
from fimble.models.fit import gpu_need
from fimble.models.memory import cache_bytes, weights_bytes

COPIED_BYTES: Final = 256 << 20
"""Far more than any cache of a processor holds."""
_REPEATS: Final = 5


def bytes_per_token(card: ModelCard, context_tokens: int, cache: CacheKind) -> int | None:
    """Returns what is read to write one token after `context_tokens`; None where the card does not say enough.

    Of a GGUF file it is all of the file, since the embedding is often the output matrix as well.
    """
    try:
        weights = gpu_need(card, 0, cache).weights if card.backend == "exllamav2" else weights_bytes(card)
    except ModelRefused:
        return None
    return weights + (cache_bytes(card.shape, context_tokens, cache) if card.shape is not None else 0)


def host_bandwidth(copied_bytes: int = COPIED_BYTES) -> float:
    """Returns the bytes per second that this machine's processors read and write together while they copy."""
    threads = max(1, os.cpu_count() or 1)
    size = copied_bytes // threads
    pairs = [(np.zeros(size, dtype=np.uint8), np.ones(size, dtype=np.uint8)) for _ in range(threads)]
    best_s = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_REPEATS):
            started = time.perf_counter()
            # numpy lets go of the interpreter's lock while it copies.
            list(pool.map(lambda pair: np.copyto(*pair), pairs))
            best_s = min(best_s, time.perf_counter() - started)
    return 2 * size * threads / best_s
