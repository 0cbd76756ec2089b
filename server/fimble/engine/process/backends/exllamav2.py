"""ExLlamaV2 on an NVIDIA GPU: EXL2 and GPTQ models, several requests at once over one paged cache.

The dynamic generator does the work, a step at a time; its own asynchronous wrapper is not used, since it stops for
good after one exception. What opens a model is in `exl2`, so that another generator of the same shape (ExLlamaV3) needs
a file like this one and nothing else.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fimble.engine.process.backends.backend import Emit, Fragment, LoadProgress, Run, ShouldStop
from fimble.errors import RequestFailed

# Requests that run together: their rows stay below what makes ExLlamaV2 unpack whole matrices (see exl2/generator).
RUNS_MAX = 8
# The cache holds three of the longest prompts, so that a chat does not push out what an editor will type along.
LONGEST_SHARE = 3
PAGE_TOKENS = 256


@dataclass(kw_only=True)
class OpenModel:
    """A model in memory: ExLlamaV2's generator, the way to its vocabulary, and how to let go of it.

    `tokenize` takes all text as ordinary text; `control` returns ids of control tokens by their spelling. `make_job`
    makes a job of a run and its number of further tokens; `context_tokens` is the longest prompt plus continuation,
    `draft_tokens` how far is guessed ahead at most.
    """

    generator: Any
    make_job: Callable[[Run, int], Any]
    tokenize: Callable[[str], list[int]]
    control: Callable[[str], int | None]
    context_tokens: int
    draft_tokens: int
    vram_bytes: Callable[[], int]
    close: Callable[[], None]


def longest_prompt(cache_tokens: int) -> int:
    """Returns how long a prompt and its continuation may be together.

    A third of the cache, or 4,096 tokens where that is more; one page is left for guesses ahead.
    """
    third = cache_tokens // LONGEST_SHARE // PAGE_TOKENS * PAGE_TOKENS
    return min(cache_tokens - PAGE_TOKENS, max(third, 4096))


class ExLlamaV2Backend:
    """Runs one model folder on one GPU."""

    name = "exllamav2"
    runs_max = RUNS_MAX
    # A CUDA context takes about half a gigabyte and lives as long as its process.
    must_end_to_free = True

    def __init__(self, open_model: Callable[[LoadProgress], OpenModel]) -> None:
        """`open_model` loads."""
        self._open_model = open_model
        self._model: OpenModel | None = None
        self._jobs: dict[Run, Any] = {}
        self._ended: list[Run] = []

    @property
    def context_tokens(self) -> int:
        """The longest prompt plus continuation; 0 until the model is loaded."""
        return self._model.context_tokens if self._model is not None else 0

    @property
    def vram_bytes(self) -> int:
        """What ExLlamaV2 has taken of the GPU's memory, without the CUDA context."""
        return self._model.vram_bytes() if self._model is not None else 0

    def load(self, progress: LoadProgress) -> None:
        """Opens the model."""
        self._model = self._open_model(progress)

    def unload(self) -> None:
        """Lets go of the model; the CUDA context stays until the process ends."""
        self._jobs.clear()
        if self._model is not None:
            self._model.close()
        self._model = None

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of ordinary text."""
        return self._opened.tokenize(text)

    def control(self, token: str) -> int | None:
        """Returns the id of a control token by its spelling."""
        return self._opened.control(token)

    def start(self, run: Run) -> None:
        """Queues the run in the generator; what cannot run ends with the next step."""
        model = self._opened
        longest = self.context_tokens
        if not run.prompt:
            self._refuse(run, "The prompt is empty.")
        elif len(run.prompt) + run.tokens_max > longest:
            self._refuse(run, f"The prompt has {len(run.prompt)} tokens; the model takes {longest}.")
        else:
            # A prompt that is only to be read needs one step of writing: its last token is read there.
            # With guesses ahead, a job ends that many tokens early (dynamic.py, receive_sample, 0.3.2).
            job = model.make_job(run, max(1, run.tokens_max) + model.draft_tokens)
            model.generator.enqueue(job)
            self._jobs[run] = job

    def advance(self, should_stop: ShouldStop, emit: Emit) -> list[Run]:
        """Reads one chunk of each prompt that is not read yet, then writes one step of all others."""
        for run in [run for run in self._jobs if should_stop(run)]:
            self._interrupt(run)
        if self._jobs:
            for result in self._opened.generator.iterate():
                run = result["identifier"]
                if result["stage"] == "streaming" and run in self._jobs:
                    self._on_written(run, result, emit)
            self._make_room()
        ended, self._ended = self._ended, []
        return ended

    @property
    def _opened(self) -> OpenModel:
        if self._model is None:
            raise RequestFailed("The model is not loaded.")
        return self._model

    def _refuse(self, run: Run, why: str) -> None:
        run.stop_reason, run.failure = "failed", why
        self._ended.append(run)

    def _make_room(self) -> None:
        """Ends the least urgent run early where a more urgent one finds no free pages in the cache."""
        waiting = self._opened.generator.pending_jobs
        urgency = min((job.identifier.urgency for job in waiting), default=None)
        if urgency is not None:
            others = [run for run, job in self._jobs.items() if run.urgency > urgency and job not in waiting]
            if others:
                self._interrupt(max(others, key=lambda run: run.urgency))

    def _interrupt(self, run: Run) -> None:
        """Ends a run early; what it has read stays in the cache's pages until others need them."""
        job = self._jobs.pop(run)
        self._opened.generator.cancel(job)
        self._account(run, job)
        run.stop_reason = "interrupted"
        self._ended.append(run)

    def _on_written(self, run: Run, result: dict[str, Any], emit: Emit) -> None:
        job = self._jobs[run]
        self._account(run, job)
        ids = result["token_ids"][0].tolist() if "token_ids" in result else []
        if run.tokens_max:
            text = result.get("text", "")
            if ids or text:
                run.generated += ids
                run.generated_tokens += len(ids)
                emit(run, Fragment(text, len(ids), job.take_log_probability()))
        elif not result["eos"]:
            self._opened.generator.cancel(job)
        if result["eos"] or not run.tokens_max:
            del self._jobs[run]
            is_full = result.get("eos_reason") == "max_new_tokens" or not run.tokens_max
            run.stop_reason = "length" if is_full else "stop"
            self._ended.append(run)

    def _account(self, run: Run, job: Any) -> None:
        """Fills in what the run has cost until now; the generator's times are seconds of the wall clock."""
        run.cached_tokens = min(job.prompt_tokens_found, len(run.prompt))
        if job.time_first_prefill is None:
            return
        read = len(run.prompt) if job.time_first_token is not None else job.prompt_tokens_read
        run.evaluated_tokens = max(0, read - run.cached_tokens)
        now = time.time()
        run.prefill_ms = ((job.time_first_token or now) - job.time_first_prefill) * 1000
        if job.time_first_token is not None:
            run.decode_ms = ((job.time_last_token or now) - job.time_first_token) * 1000
