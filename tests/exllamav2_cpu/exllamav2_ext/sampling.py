"""Drawing a token; the steps and their order are those of ext_sampling.cpp and cpp/sampling.cpp."""

import heapq
from typing import Any

import numpy as np
import torch
from exllamav2_ext.handles import given
from torch import Tensor


def fast_fill_cpu_ones_bool(tensor: Tensor) -> None:
    """Fills a mask with True."""
    tensor.fill_(True)


def fast_fadd_cpu(a: Tensor, b: Tensor) -> None:
    """Adds b to each row of a."""
    a.view(-1, b.numel()).add_(b.view(-1))


def fast_copy_cpu(dst: Tensor, src: Tensor) -> None:
    """Copies."""
    dst.copy_(src)


def logit_filter_exclusive(mask: Tensor, lists: list[list[int]]) -> None:
    """Takes all tokens from each row's mask that are not in its list."""
    for row, tokens in zip(mask, lists, strict=True):
        if not len(tokens):
            raise IndexError("An empty list of tokens.")
        kept = torch.zeros_like(row)
        kept[torch.as_tensor(tokens)] = True
        row.logical_and_(kept)


def apply_rep_penalty(
    sequence: Tensor,
    penalty: float,
    sustain: int,
    decay: int,
    frequency: float,
    presence: float,
    logits: Tensor,
) -> None:
    """Lowers the scores of tokens that occurred, most for the latest ones."""
    for tokens, scores in zip(sequence.tolist(), logits.view(sequence.shape[0], -1), strict=True):
        steady = len(tokens) if sustain == -1 else sustain
        step = [(1 - penalty) / decay, -frequency / decay, -presence / decay] if decay else [0.0, 0.0, 0.0]
        rates = [penalty, frequency, presence]
        seen: set[int] = set()
        for token in reversed(tokens[max(0, len(tokens) - steady - decay) :]):
            if 0 <= token < len(scores):
                if token not in seen:
                    seen.add(token)
                    score = scores[token]
                    scores[token] = (score / rates[0] if score > 0 else score * rates[0]) - rates[2]
                scores[token] -= rates[1]
            steady -= 1
            if steady < 0:
                rates = [rate + change for rate, change in zip(rates, step, strict=True)]


def sample_basic(
    logits: Tensor,
    temperature: float,
    top_k: int,
    top_p: float,
    top_a: float,
    min_p: float,
    tfs: float,
    typical: float,
    random: float,
    output_tokens: Tensor,
    output_probs: Tensor,
    output_kprobs: Tensor,
    output_ktokens: Tensor,
    logit_filter: Tensor,
    mirostat: bool,
    mirostat_mu: list[float],
    mirostat_tau: float,
    mirostat_eta: float,
    post_temperature: float,
    xtc_mask: Tensor,
    xtc_probability: float,
    xtc_threshold: float,
    min_temp: float,
    max_temp: float,
    temp_exponent: float,
    smoothing_factor: float,
    skew: float,
) -> list[float]:
    """Draws a token per row, logits (batch, 1, vocabulary), with `random` in 0..1 as the point of the distribution."""
    if (
        top_a > 0
        or 0 < tfs < 1
        or 0 < typical < 1
        or mirostat
        or xtc_probability > 0
        or max_temp > min_temp
        or smoothing_factor > 0
        or skew != 0
    ):
        raise NotImplementedError("The stand-in samples by temperature, top_k, top_p and min_p only.")
    if temperature < 0.01:
        temperature, top_k = 1.0, 1
    for row in range(logits.shape[0]):
        scores = logits[row].reshape(-1).numpy().astype(np.float32, copy=True)
        if (mask := given(logit_filter)) is not None:
            scores[~mask[row].numpy()] = -np.inf
        weights = np.exp((scores - scores.max()) / np.float32(temperature))
        probs = weights / weights.sum()
        tokens = np.arange(len(probs))
        if 0 < top_k < len(probs):
            tokens = np.array([scores.argmax()]) if top_k == 1 else np.lexsort((-tokens, -probs))[:top_k]
            probs = probs[tokens] / probs[tokens].sum()
        if len(tokens) > 1 and 0 < top_p < 1:
            tokens, probs = _top_p(tokens, probs, top_p)
        if len(tokens) > 1 and 0 < min_p < 1:
            kept = probs >= probs.max() * min_p
            tokens, probs = tokens[kept], probs[kept] / probs[kept].sum()
        if len(tokens) > 1 and post_temperature != 1:
            probs = probs ** (1 / post_temperature)
            probs /= probs.sum()
        if given(output_kprobs) is not None:
            order = np.argsort(-probs, kind="stable")
            tokens, probs = tokens[order], probs[order]
            _write_top(tokens, probs, output_ktokens[row, 0], output_kprobs[row, 0])
        # The sums of float32 may stay a little below 1; ext_sampling.cpp shrinks the random point as well.
        index = min(int(np.searchsorted(np.cumsum(probs), random * 0.9998)), len(probs) - 1)
        while index and probs[index] == 0:
            index -= 1
        output_tokens[row, 0], output_probs[row, 0] = int(tokens[index]), float(probs[index])
        if logits.shape[0] > 1:
            point = random
            for _ in range(10):
                point = ((point + 1.337 + random) ** 2) % 1.0
            random = point
    return mirostat_mu


def _top_p(tokens: Any, probs: Any, top_p: float) -> tuple[Any, Any]:
    """Keeps likely tokens whose sum stays within top_p, at least one; which ones depends on their order, as there."""
    heap: list[tuple[float, int]] = []
    total = 0.0
    for prob, token in zip(probs.tolist(), tokens.tolist(), strict=True):
        if prob < 1e-6 or (total > top_p and prob < heap[0][0]):
            continue
        heapq.heappush(heap, (prob, token))
        total += prob
        while total > top_p and len(heap) > 1:
            total -= heapq.heappop(heap)[0]
    heap.sort(reverse=True)
    kept = np.array([prob for prob, _ in heap], dtype=np.float32)
    return np.array([token for _, token in heap]), kept / kept.sum()


def _write_top(tokens: Any, probs: Any, output_tokens: Tensor, output_probs: Tensor) -> None:
    """Writes the likeliest tokens; where there are too few, unlikely ones with probability 0 fill the rest."""
    top = [(int(t), float(p)) for t, p in zip(tokens, probs, strict=True) if p > 0][: len(output_tokens)]
    used, other = {token for token, _ in top}, 0
    while len(top) < len(output_tokens):
        if other not in used:
            top.append((other, 0.0))
        other += 1
    output_tokens.copy_(torch.tensor([token for token, _ in top]))
    output_probs.copy_(torch.tensor([prob for _, prob in top]))
