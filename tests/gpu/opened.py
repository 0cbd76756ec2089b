"""A model opened in this process, and what its output is compared with: the same weights in plain torch."""

import contextlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fimble.engine.process.backends.backend import Fragment, Run
from fimble.engine.process.backends.exl2.opening import Opening, open_model
from fimble.engine.process.backends.exllamav2 import ExLlamaV2Backend, OpenModel
from fimble.models.card import CacheKind

STEP_TOKENS = 16
CACHE_TOKENS = 8192


@dataclass
class Opened:
    """A backend, with the model inside of it."""

    backend: ExLlamaV2Backend
    model: OpenModel

    def write(self, prompts: Sequence[list[int]], tokens: int) -> list[tuple[Run, float]]:
        """Continues all prompts, as many at once as there are places; returns the runs with their log-probabilities."""
        runs = [Run(prompt=prompt, tokens_max=tokens) for prompt in prompts]
        sums = dict.fromkeys(runs, 0.0)

        def emit(run: Run, fragment: Fragment) -> None:
            sums[run] += fragment.log_probability

        waiting = list(runs)
        running = 0
        while waiting or running:
            while waiting and running < self.backend.runs_max:
                self.backend.start(waiting.pop(0))
                running += 1
            for run in self.backend.advance(lambda _: False, emit):
                assert not run.failure
                running -= 1
        return list(sums.items())

    def perplexity(self, ids: Sequence[int]) -> float:
        """Reads a text in steps through the paged cache, as the generator does, and returns its perplexity."""
        import torch

        generator = self.model.generator
        pages = torch.arange(generator.cache.max_seq_len // generator.page_size, dtype=torch.int32).unsqueeze(0)
        total = 0.0
        for start in range(0, len(ids) - 1, STEP_TOKENS):
            step = torch.tensor([ids[start : start + STEP_TOKENS]], dtype=torch.long)
            past = torch.tensor([start], dtype=torch.int32)
            answer = generator.model.forward_chunk(
                input_ids=step,
                attn_params=generator.get_paged_params(1, pages, past, step.shape[1]),
                cache=generator.cache,
            )
            following = torch.tensor(ids[start + 1 : start + 1 + step.shape[1]])
            logits = answer["logits"][0, : len(following)].float().cpu()
            total -= float(logits.log_softmax(-1).gather(1, following.unsqueeze(1)).sum())
        return math.exp(total / (len(ids) - 1))


@contextlib.contextmanager
def opened(
    folder: Path, place: Path, *, cache: CacheKind = "fp16", cache_tokens: int = CACHE_TOKENS
) -> Iterator[Opened]:
    """Opens a model for as long as the context lasts; `place` is an empty folder."""
    found: list[OpenModel] = []

    def open_it(progress: Any) -> OpenModel:
        opening = Opening(model=folder, folder=place, cache_tokens=cache_tokens, cache=cache, stop_tokens=())
        found.append(open_model(opening, progress))
        return found[0]

    backend = ExLlamaV2Backend(open_it)
    backend.load(lambda _: None)
    try:
        yield Opened(backend, found[0])
    finally:
        backend.unload()


class Reference:
    """The model of a folder with fp16 weights, in float32 and without a cache."""

    def __init__(self, folder: Path) -> None:
        import torch
        from safetensors.torch import load_file

        from tests.exllamav2_cpu.tiny_model import Shape

        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        weights: dict[str, Any] = {}
        for file in sorted(folder.glob("*.safetensors")):
            weights |= load_file(file, device=self._device)
        weights.setdefault("lm_head.weight", weights["model.embed_tokens.weight"])
        self._weights = weights
        self._shape = Shape(
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            heads=config["num_attention_heads"],
            key_heads=config["num_key_value_heads"],
            head_size=config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"],
            inner=config["intermediate_size"],
            vocabulary=config["vocab_size"],
            context=config["max_position_embeddings"],
            tied=config["tie_word_embeddings"],
            rope_theta=config["rope_theta"],
            epsilon=config["rms_norm_eps"],
        )

    def following(self, prompt: list[int], output: list[int]) -> tuple[list[float], float]:
        """Returns by how much another token was better, for each of the output; and the log-probability of all."""
        import torch

        from tests.exllamav2_cpu import tiny_model

        with torch.inference_mode(), torch.device(self._device):
            logits = tiny_model.logits(self._weights, self._shape, prompt + output)[len(prompt) - 1 : -1]
            tokens = torch.tensor(output).unsqueeze(1)
            chosen = logits.gather(1, tokens).squeeze(1)
            return (logits.amax(1) - chosen).tolist(), float(logits.log_softmax(-1).gather(1, tokens).sum())
