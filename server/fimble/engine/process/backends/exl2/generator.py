"""ExLlamaV2's dynamic generator with what it lacks: true probabilities, drafts per job, a start that is given.

Imports exllamav2 and torch, and is itself imported only once a model is loaded.
"""

from collections.abc import Callable
from typing import Any

import torch
from exllamav2.generator import ExLlamaV2DynamicGenerator, ExLlamaV2DynamicJob, ExLlamaV2Sampler
from exllamav2.generator.filters import ExLlamaV2Filter

from fimble.engine.process.backends.exl2.lookup import PromptLookup
from fimble.engine.process.backends.exl2.pieces import Pieces

# Guesses per step of one job, at most; and rows of a step over which the weights are unpacked as a whole, which makes
# a step several times as slow (MAX_Q_GEMM_ROWS of q_gemm.cu).
DRAFT_TOKENS = 12
ROWS_MAX = 32


class Generator(ExLlamaV2DynamicGenerator):  # type: ignore[misc]
    """Guesses ahead for those jobs only that ask for it, and only where there is something to guess.

    The original guesses for all jobs or none, by a trie that takes 30 ms to build for 6,000 tokens.
    """

    def iterate_ngram_gen(self, results: list[dict[str, Any]]) -> torch.Tensor | None:
        """Returns guesses of shape (jobs that write, n), n at most `DRAFT_TOKENS`; None where there are none."""
        writing = [job for job in self.active_jobs if job.is_prefill_done()]
        width = min(DRAFT_TOKENS, ROWS_MAX // max(1, len(writing)) - 1)
        guesses = [job.guess(width) if width > 0 else [] for job in writing]
        longest = max(map(len, guesses), default=0)
        if not longest:
            return None
        # What fills the shorter rows up is verified like a guess, so that any token will do.
        return torch.tensor([guess + [0] * (longest - len(guess)) for guess in guesses], dtype=torch.long)


class Job(ExLlamaV2DynamicJob):  # type: ignore[misc]
    """Knows the probabilities of what it writes before sampling changed them, and may guess ahead."""

    def __init__(self, *, drafts: bool, **settings: Any) -> None:
        """`settings` are those of the original."""
        super().__init__(**settings)
        self._lookup = PromptLookup() if drafts else None
        self._log_probability = 0.0

    def receive_logits(self, logits: torch.Tensor) -> tuple[Any, ...]:
        """Samples, and adds the sampled token's log-probability under the model, given what has been typed of it.

        The original reports probabilities after top-k, of which greedy sampling leaves one: 1.0.
        """
        # Columns beyond the vocabulary are padding.
        row = logits[0, 0, : self.generator.tokenizer.get_vocab_size()]
        # Where the user has typed a token's first letters, only those that go with them are left to choose from.
        allowed = self.filters[0].next()[0] if self.filters else None
        sum_of_all = torch.logsumexp(row if allowed is None else row[allowed], dim=-1)
        sampled: tuple[Any, ...] = super().receive_logits(logits)
        self._log_probability += float(row[int(sampled[0])] - sum_of_all)
        return sampled

    def take_log_probability(self) -> float:
        """Returns the sum over the tokens since the last call (natural logarithm)."""
        taken, self._log_probability = self._log_probability, 0.0
        return taken

    def guess(self, tokens_max: int) -> list[int]:
        """Returns tokens that may come next; none if the job does not guess."""
        if self._lookup is None:
            return []
        known = len(self._lookup)
        tokens = self.sequences[0].sequence_ids.torch()[0, known:].tolist()
        if known:
            self._lookup.advance(tokens)
        else:
            self._lookup.extend(tokens)
        return self._lookup.guess(tokens_max)

    @property
    def prompt_tokens_read(self) -> int:
        """How much of the prompt is in the cache, whether it was read now or found there."""
        return min(int(self.sequences[0].kv_position), len(self.sequences[0].input_ids))

    @property
    def prompt_tokens_found(self) -> int:
        """How much of the prompt was in the cache already."""
        return int(self.cached_pages * self.generator.page_size + self.cached_tokens)


class StartsWith(ExLlamaV2Filter):  # type: ignore[misc]
    """Allows only tokens that spell a given text, and everything once it is spelled."""

    def __init__(self, pieces: Pieces, tokenize: Callable[[str], list[int]], text: str) -> None:
        super().__init__(None, None)
        self._pieces = pieces
        self._tokenize = tokenize
        self._left = text
        self._forced: list[int] = []

    def begin(self, prefix_str: str) -> None:
        """Nothing to do: the text is known from the start."""

    def feed(self, token: torch.Tensor) -> None:
        """Takes the token that was chosen, of shape (1, 1)."""
        if self._forced:
            self._forced.pop(0)
        else:
            self._left = self._left[len(self._pieces.text(int(token))) :]

    def next(self) -> tuple[list[int] | None, list[int] | None]:
        """Returns the allowed tokens, and those that end the text: none do."""
        if self._left and not self._forced and not self._pieces.beginning(self._left):
            # It goes on with a character of several tokens, which have no text of their own.
            self._forced, self._left = self._tokenize(self._left), ""
        allowed = self._forced[:1] or (self._pieces.beginning(self._left) if self._left else [])
        return (allowed, []) if allowed else (None, None)


def sampling(temperature: float) -> ExLlamaV2Sampler.Settings:
    """Returns explicit settings: the original's default is a temperature of 0.8 with a repetition penalty.

    Those for temperatures above 0 are the ones of the llama.cpp backend.
    """
    if temperature <= 0:
        return ExLlamaV2Sampler.Settings(temperature=1.0, top_k=1, top_p=0.0, min_p=0.0, token_repetition_penalty=1.0)
    return ExLlamaV2Sampler.Settings(
        temperature=temperature, top_k=40, top_p=0.95, min_p=0.0, token_repetition_penalty=1.0
    )
