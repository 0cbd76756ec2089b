"""ExLlamaV2's own generator on a model that `opening` has loaded: what our loop is compared with, and the card itself.

For `fimble bench engine` only; imports exllamav2 and torch.
"""

import time
from typing import Final

import torch
from exllamav2.generator import ExLlamaV2DynamicGenerator, ExLlamaV2DynamicJob, ExLlamaV2Sampler

from fimble.engine.process.backends.backend import Run
from fimble.engine.process.backends.exl2.opening import CHUNK_TOKENS, STEP_TOKENS_MAX
from fimble.engine.process.backends.exllamav2 import RUNS_MAX, OpenModel

_COPIES: Final = 20
_COPY_REPEATS: Final = 3


def continue_raw(model: OpenModel, prompts: list[str], tokens: int) -> list[tuple[float, str]]:
    """Returns milliseconds per token after the first, and the text, of each prompt continued greedily and alone."""
    ours = model.generator
    generator = ExLlamaV2DynamicGenerator(
        model=ours.model,
        cache=ours.cache,
        tokenizer=ours.tokenizer,
        max_batch_size=RUNS_MAX,
        max_chunk_size=CHUNK_TOKENS,
        max_q_size=STEP_TOKENS_MAX,
        max_sampling_threads=1,
        filter_background_eval=False,
        paged=True,
    )
    return [_continue(generator, model, model.tokenize(prompt), tokens) for prompt in prompts]


def copy_bandwidth(copied_bytes: int) -> float:
    """Returns the bytes per second that the device reads and writes together while it copies."""
    is_cuda = torch.cuda.is_available()
    source = torch.ones(copied_bytes, dtype=torch.uint8, device="cuda" if is_cuda else "cpu")
    target = torch.empty_like(source)
    best_s = float("inf")
    for _ in range(_COPY_REPEATS):
        if is_cuda:
            torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(_COPIES):
            target.copy_(source)
        if is_cuda:
            torch.cuda.synchronize()
        best_s = min(best_s, time.perf_counter() - started)
    return 2 * copied_bytes * _COPIES / best_s


def _continue(
    generator: ExLlamaV2DynamicGenerator, model: OpenModel, prompt: list[int], tokens: int
) -> tuple[float, str]:
    # One of ours, that is not run, knows which tokens end a text.
    stops = list(model.make_job(Run(prompt=prompt, tokens_max=tokens), tokens).stop_tokens)
    generator.enqueue(
        ExLlamaV2DynamicJob(
            input_ids=torch.tensor([prompt], dtype=torch.long),
            max_new_tokens=tokens,
            stop_conditions=stops,
            gen_settings=ExLlamaV2Sampler.Settings.greedy(),
        )
    )
    text = ""
    first = last = 0.0
    written = first_tokens = 0
    while generator.num_remaining_jobs():
        for result in generator.iterate():
            if result["stage"] == "streaming" and ("token_ids" in result or result.get("text")):
                last = time.perf_counter()
                text += result.get("text", "")
                written += result["token_ids"].shape[-1] if "token_ids" in result else 0
                if not first:
                    first, first_tokens = last, written
    later = written - first_tokens
    return ((last - first) / later * 1000 if later else 0.0), text
