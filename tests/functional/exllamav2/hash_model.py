"""A model whose every key is a hash of all tokens before it: any wrongly reused cache page changes what it writes.

Its vocabulary is the numbers: token 17 is spelled `17,`. ExLlamaV2's real generator runs it on the CPU.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from exllamav2.attn import ExLlamaV2Attention

from fimble.engine.process.backends.backend import LoadProgress, Run
from fimble.engine.process.backends.exl2.generator import DRAFT_TOKENS, Generator, Job, StartsWith, sampling
from fimble.engine.process.backends.exl2.pieces import Pieces
from fimble.engine.process.backends.exllamav2 import OpenModel, longest_prompt

VOCABULARY = 500
STOP = 499
CONTROL = "<|control|>"
CONTROL_ID = 498
PEAK = 5.0
_MODULUS = (1 << 61) - 1
_START = 7


def chain(before: int, token: int) -> int:
    """Returns the key after `token`, given the one before it."""
    return (before * 1_000_003 + token * 7919 + 12_345) % _MODULUS


def next_token(key: int, last: int) -> int:
    """Returns what follows: mostly one more, so that guesses ahead come true; now and then anything, rarely the end."""
    if key % 97 == 0:
        return STOP
    return (last + 1) % 40 if key % 8 else key % 40


def truth(prompt: list[int], tokens_max: int) -> list[int]:
    """Returns what the model writes after `prompt`, without its end."""
    key = _START
    for token in prompt:
        key = chain(key, token)
    written: list[int] = []
    last = prompt[-1]
    while len(written) < tokens_max and (last := next_token(key, last)) != STOP:
        written.append(last)
        key = chain(key, last)
    return written


def spell(tokens: list[int]) -> str:
    """Returns the text of tokens."""
    return "".join(f"{token}," for token in tokens)


def read(text: str) -> list[int]:
    """Returns the tokens of a text; what is no number becomes the last ordinary token."""
    return [int(part) if part.isdigit() and int(part) < CONTROL_ID else CONTROL_ID - 1 for part in text.split(",")[:-1]]


class HashCache:
    """One key per place; what the generator needs of ExLlamaV2's cache."""

    batch_size = 1

    def __init__(self, tokens: int) -> None:
        self.max_seq_len = tokens
        self.current_seq_len = 0
        self.keys = torch.zeros(1, tokens, 1, 1, dtype=torch.long)
        self.copies = 0

    def all_tensors(self) -> list[torch.Tensor]:
        return [self.keys]

    def copy_states(self, target: "HashCache", start: int, count: int, to: int, to_count: int, *rows: int) -> None:
        self.copies += 1
        target.keys[:, to : to + to_count] = self.keys[:, start : start + count].clone()


class ForgetfulCache(HashCache):
    """Copies one key too few, as a wrong page table would."""

    def copy_states(self, target: HashCache, start: int, count: int, to: int, to_count: int, *rows: int) -> None:
        super().copy_states(target, start, count - 1, to, to_count - 1, *rows)


class HashModel:
    """Computes keys and the logits that follow from them; `breaks_at` forward passes are computed, then it fails."""

    def __init__(self, tokens: int, shift: int = 0) -> None:
        self.config = SimpleNamespace(
            vocab_size=VOCABULARY,
            max_input_len=2048,
            max_batch_size=1,
            max_seq_len=tokens,
            no_flash_attn=False,
            arch=SimpleNamespace(lm=SimpleNamespace(mrope=False)),
        )
        self.read_tokens: list[int] = []
        self.rows: list[int] = []
        self.breaks_at: int | None = None
        self.on_forward: Callable[[], None] = lambda: None
        self._shift = shift

    def forward_chunk(
        self,
        input_ids: torch.Tensor,
        attn_params: Any,
        cache: HashCache,
        preprocess_only: bool = False,
        **_: Any,
    ) -> dict[str, torch.Tensor]:
        self.on_forward()
        if self.breaks_at is not None:
            self.breaks_at -= 1
            if self.breaks_at < 0:
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
        assert isinstance(attn_params, ExLlamaV2Attention.PagedParams)
        jobs, length = input_ids.shape
        (self.read_tokens if preprocess_only else self.rows).append(jobs * length)
        padded = (VOCABULARY + 31) // 32 * 32
        logits = torch.zeros(jobs, length, padded)
        for job in range(jobs):
            places = attn_params.block_index[job].tolist()
            past, size = int(attn_params.cache_seqlens[job]), attn_params.page_size

            def place(at: int, places: list[int] = places, size: int = size) -> int:
                return int(places[at // size] * size + at % size)

            key = int(cache.keys[0, place(past - 1), 0, 0]) if past else _START
            for at, token in enumerate(input_ids[job].tolist()):
                key = chain(key, token)
                cache.keys[0, place(past + at), 0, 0] = key
                logits[job, at, (next_token(key, token) + self._shift) % VOCABULARY] = PEAK
        return {"logits": logits}


class HashTokenizer:
    """What the generator and the sampler ask of ExLlamaV2's tokenizer."""

    eos_token_id = STOP
    pieces = [f"{token}," for token in range(CONTROL_ID)] + ["", ""]

    def get_vocab_size(self) -> int:
        return VOCABULARY

    def get_id_to_piece_list(self, _: bool = False) -> list[str]:
        return self.pieces

    def decode(self, *_: Any, **__: Any) -> list[str]:
        raise AssertionError("only whole characters are written")


class Opened:
    """A hash model behind the real generator; counts how often it was opened and closed."""

    def __init__(
        self,
        *,
        cache_tokens: int = 8192,
        chunk: int = 512,
        cache: type[HashCache] = HashCache,
        draft_shift: int | None = None,
    ) -> None:
        self.cache_tokens, self._chunk, self._cache, self._draft_shift = cache_tokens, chunk, cache, draft_shift
        self.opened = self.closed = 0
        self.on_open: Callable[[HashModel], None] = lambda _: None
        self.model = HashModel(cache_tokens)
        self.cache = cache(cache_tokens)

    def __call__(self, progress: LoadProgress) -> OpenModel:
        progress("1 of 1 layers")
        self.opened += 1
        self.model, self.cache = HashModel(self.cache_tokens), self._cache(self.cache_tokens)
        self.on_open(self.model)
        draft = {}
        if self._draft_shift is not None:
            draft = {
                "draft_model": HashModel(self.cache_tokens, self._draft_shift),
                "draft_cache": HashCache(self.cache_tokens),
            }
        generator = Generator(
            model=self.model,
            cache=self.cache,
            tokenizer=HashTokenizer(),
            max_batch_size=8,
            max_q_size=16,
            max_chunk_size=self._chunk,
            num_draft_tokens=DRAFT_TOKENS,
            use_ngram_draft=not draft,
            max_sampling_threads=1,
            filter_background_eval=False,
            paged=True,
            **draft,
        )
        pieces = Pieces(HashTokenizer.pieces)

        def make_job(run: Run, tokens_max: int) -> Job:
            return Job(
                drafts=run.drafts,
                input_ids=torch.tensor([run.prompt], dtype=torch.long),
                max_new_tokens=tokens_max,
                stop_conditions=[STOP],
                gen_settings=sampling(run.temperature),
                seed=run.seed,
                filters=[StartsWith(pieces, read, run.starts_with)] if run.starts_with else [],
                identifier=run,
            )

        return OpenModel(
            generator=generator,
            make_job=make_job,
            tokenize=read,
            control=lambda token: CONTROL_ID if token == CONTROL else None,
            context_tokens=longest_prompt(self.cache_tokens),
            draft_tokens=DRAFT_TOKENS,
            vram_bytes=lambda: 0,
            close=self._close,
        )

    def _close(self) -> None:
        self.closed += 1
