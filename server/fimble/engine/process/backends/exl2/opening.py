"""Loads a model folder into ExLlamaV2 0.3.2 on one device, with every setting that its defaults get wrong.

Imports exllamav2 and torch only once a model is loaded. Tested on the CPU with a stand-in for the compiled extension;
on a GPU by `tests/gpu`.
"""

import contextlib
import gc
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fimble.engine.process.backends.backend import LoadProgress, Run
from fimble.engine.process.backends.exl2 import attention
from fimble.engine.process.backends.exl2.files import Prepared, prepare
from fimble.engine.process.backends.exl2.pieces import Pieces
from fimble.engine.process.backends.exl2.vocabulary import Vocabulary
from fimble.engine.process.backends.exllamav2 import RUNS_MAX, OpenModel, longest_prompt
from fimble.engine.process.prompt import find_controls
from fimble.errors import ModelRefused
from fimble.folders import make_private
from fimble.models.card import CacheKind

logger = logging.getLogger(__name__)

# An urgent request waits for one chunk; each chunk of more than 32 tokens unpacks all weights once, an estimated
# 30 ms of a 7B model on an RTX 3090, so that much smaller chunks would cost more than they spare.
CHUNK_TOKENS = 512
# The longest step of writing that the generator makes room for: one token and the guesses ahead.
STEP_TOKENS_MAX = 16
# Guesses of a draft model per step; each costs a pass of that model (exllamav2's own default).
DRAFT_MODEL_TOKENS = 4

_CACHES: dict[CacheKind, str] = {
    "fp16": "ExLlamaV2Cache",
    "q8": "ExLlamaV2Cache_Q8",
    "q6": "ExLlamaV2Cache_Q6",
    "q4": "ExLlamaV2Cache_Q4",
}


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What to open and how.

    `folder` is private to this engine. `cache_tokens` is a multiple of 256. `advice` is said when memory runs out
    although it should have been enough. `take_device` claims the device for as long as the model is open; `build`
    makes sure that ExLlamaV2's extension is compiled.
    """

    model: Path
    folder: Path
    cache_tokens: int
    cache: CacheKind
    stop_tokens: tuple[str, ...]
    advice: str = ""
    draft_model: Path | None = None
    take_device: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
    build: Callable[[LoadProgress], None] = lambda _: None


def open_model(opening: Opening, progress: LoadProgress) -> OpenModel:
    """Returns the model in memory, after one pass of full length.

    Raises:
        ModelRefused: it cannot be loaded here, or does not fit; the message says what to do.
        ModelFileMissing: the folder lacks a file.
        ModelFileWrong: a file is damaged.
    """
    with ExitStack() as stack:
        stack.enter_context(opening.take_device())
        progress("checking the files")
        prepared = prepare(opening.model, opening.folder)
        draft = prepare(opening.draft_model, make_private(opening.folder / "draft")) if opening.draft_model else None
        opening.build(progress)
        progress("starting ExLlamaV2")
        stack.callback(_free)
        try:
            return _Loaded(opening, prepared, draft, progress).as_open(stack.pop_all())
        except Exception as error:
            if _is_out_of_memory(error):
                raise ModelRefused(
                    f"The GPU's memory is not enough for {opening.model.name}. {opening.advice}"
                ) from error
            if isinstance(error, ImportError | RuntimeError | AssertionError | ValueError | KeyError | OSError):
                logger.exception("ExLlamaV2 could not load %s", opening.model)
                raise ModelRefused(
                    f"ExLlamaV2 could not load {opening.model.name}: {_first_line(error)}. Run: fimble doctor"
                ) from error
            raise


class _Loaded:
    """The parts of a model in memory."""

    def __init__(self, opening: Opening, prepared: Prepared, draft: Prepared | None, progress: LoadProgress) -> None:
        import exllamav2  # noqa: PLC0415 - takes seconds, and is there only on machines with a GPU.
        import torch  # noqa: PLC0415

        from fimble.engine.process.backends.exl2 import generator  # noqa: PLC0415 - imports exllamav2.

        kind = attention.install(exllamav2)
        logger.info("exllamav2 %s, torch %s, attention by %s", exllamav2.__version__, torch.__version__, kind)
        self._torch = torch
        self._generator_module = generator
        self._models: list[Any] = []
        self._stops: list[int] = []
        self.cache_tokens = opening.cache_tokens
        self.context_tokens = min(longest_prompt(opening.cache_tokens), prepared.positions_max)
        self.draft_tokens = DRAFT_MODEL_TOKENS if draft else generator.DRAFT_TOKENS
        model, cache = self._load(exllamav2, prepared, opening, progress)
        settings: dict[str, Any] = {"use_ngram_draft": draft is None}
        if draft is not None:
            draft_model, draft_cache = self._load(exllamav2, draft, opening, progress)
            settings |= {"draft_model": draft_model, "draft_cache": draft_cache}
        tokenizer = exllamav2.ExLlamaV2Tokenizer(model.config)
        progress("sorting the vocabulary")
        self.pieces = Pieces(tokenizer.get_id_to_piece_list(False))
        self.vocabulary = Vocabulary((prepared.folder / "tokenizer.json").read_text("utf-8"))
        self.generator = generator.Generator(
            model=model,
            cache=cache,
            tokenizer=tokenizer,
            max_batch_size=RUNS_MAX,
            max_q_size=STEP_TOKENS_MAX,
            max_chunk_size=CHUNK_TOKENS,
            num_draft_tokens=self.draft_tokens,
            max_sampling_threads=1,
            filter_background_eval=False,
            paged=True,
            **settings,
        )
        spellings = (*opening.stop_tokens, *find_controls(self.vocabulary.control).values())
        known = (self.vocabulary.control(token) for token in spellings)
        self._stops = sorted({*prepared.eos_ids, *(token_id for token_id in known if token_id is not None)})
        progress("a pass of full length")
        self._pass_of_full_length()

    def as_open(self, stack: ExitStack) -> OpenModel:
        def close() -> None:
            for model in self._models:
                model.unload()
            self._models.clear()
            stack.close()

        return OpenModel(
            generator=self.generator,
            make_job=self._make_job,
            tokenize=self.vocabulary.tokenize,
            control=self.vocabulary.control,
            context_tokens=self.context_tokens,
            draft_tokens=self.draft_tokens,
            vram_bytes=self._vram_bytes,
            close=close,
        )

    def _load(self, exllamav2: Any, prepared: Prepared, opening: Opening, progress: LoadProgress) -> tuple[Any, Any]:
        config = exllamav2.ExLlamaV2Config(str(prepared.folder))
        config.arch_compat_overrides()
        # The length of the tables of rotary embeddings; a draft model's may not be shorter (dynamic.py, __init__).
        config.max_seq_len = max(self.context_tokens, CHUNK_TOKENS)
        config.max_input_len = CHUNK_TOKENS
        config.max_attention_size = CHUNK_TOKENS**2
        config.max_output_len = STEP_TOKENS_MAX
        # Room to unpack one matrix: without this it is the output matrix, up to 1.1 GB (linear.py, temp_dq_size).
        config.max_dq_size = prepared.hidden * prepared.intermediate
        model = exllamav2.ExLlamaV2(config)
        self._models.append(model)
        name = prepared.source.name
        model.load(callback=lambda done, total: progress(f"{name}, {done} of {total} parts"))
        attention.refuse_unsupported(model)
        return model, getattr(exllamav2, _CACHES[opening.cache])(model, max_seq_len=opening.cache_tokens)

    def _make_job(self, run: Run, tokens_max: int) -> Any:
        starts_with = self._generator_module.StartsWith(self.pieces, self.vocabulary.tokenize, run.starts_with)
        return self._generator_module.Job(
            drafts=run.drafts,
            input_ids=self._torch.tensor([run.prompt], dtype=self._torch.long),
            max_new_tokens=tokens_max,
            stop_conditions=self._stops,
            gen_settings=self._generator_module.sampling(run.temperature),
            seed=run.seed,
            filters=[starts_with] if run.starts_with else [],
            identifier=run,
        )

    def _pass_of_full_length(self) -> None:
        """Reads the last chunk of the longest prompt and writes for all runs at once: what takes the most memory.

        The cache's contents do not matter, since no page of it is known to hold anything.
        """
        torch, generator = self._torch, self.generator
        longest = self.context_tokens
        chunk = min(CHUNK_TOKENS, longest - 1)
        pages = torch.arange(self.cache_tokens // generator.page_size, dtype=torch.int32)
        for rows, tokens, is_reading in ((1, chunk, True), (RUNS_MAX, 1, False)):
            generator.model.forward_chunk(
                input_ids=torch.zeros((rows, tokens), dtype=torch.long),
                attn_params=generator.get_paged_params(
                    rows,
                    # Each row of a batch has pages of its own, as far as there are enough.
                    torch.stack([pages.roll(-row * len(pages) // rows) for row in range(rows)]),
                    torch.full((rows,), longest - tokens, dtype=torch.int32),
                    tokens,
                ),
                cache=generator.cache,
                preprocess_only=is_reading,
            )
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def _vram_bytes(self) -> int:
        return int(self._torch.cuda.memory_reserved()) if self._torch.cuda.is_available() else 0


def _free() -> None:
    """Gives back what torch keeps of memory that nothing uses any more."""
    import torch  # noqa: PLC0415 - see above.

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _is_out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or "out of memory" in str(error).lower()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()[:200]}" if lines else type(error).__name__
