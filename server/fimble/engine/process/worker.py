"""The thread that owns the device: loads, goes on with its jobs, lets urgent ones in between, unloads when idle.

A job that must wait for a more urgent one keeps what it has written: its prompt and text are still in the backend's
cache when its turn comes again, so that going on costs one token. Everything that the rest of the engine hears from
here goes through `Listener`, whose methods are called from this thread.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from fimble.engine.messages.frames import Cancelled as CancelledFrame
from fimble.engine.messages.frames import ControlPart, EngineFrame, Evaluated, Piece, State, TextPart, Urgency
from fimble.engine.messages.frames import Done as DoneFrame
from fimble.engine.messages.frames import Failed as FailedFrame
from fimble.engine.process.backends.backend import Backend, Emit, Fragment, Run
from fimble.engine.process.prompt import Encoder, find_controls
from fimble.engine.process.scheduler import Job, Scheduler
from fimble.errors import FimbleError, ModelError, ModelRefused

logger = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 1.0
# After a failed load, requests fail at once for this long, rather than reading the file again with every key.
RETRY_LOAD_AFTER_S = 10.0
# How often clients hear how far loading is.
PROGRESS_INTERVAL_S = 0.5
# The self-test at load: a hole that any fill-in-the-middle model fills, and a text long enough to time.
SELF_TEST_PREFIX = 'def add(a: int, b: int) -> int:\n    """Return the sum of a and b."""\n    return '
SELF_TEST_SUFFIX = "\n\n\nprint(add(1, 2))\n"
SELF_TEST_TOKENS = 6
# Evaluations of fewer tokens than this say little about the rate.
RATE_TOKENS_MIN = 32
RATE_WEIGHT = 0.3


class Listener(Protocol):
    """Hears from the worker; every method is called from the worker's thread."""

    def on_frame(self, client: int, frame: EngineFrame) -> None:
        """A frame for a client."""
        ...

    def on_state(self, state: State, message: str) -> None:
        """The state changed; returns once clients have been told, since loading may freeze the process."""
        ...

    def on_idle(self) -> None:
        """Nobody has used the model for long, and only the end of the process gives its memory back."""
        ...

    def on_fault(self, message: str) -> None:
        """The backend is broken: the process must end."""
        ...


class Worker(threading.Thread):
    """Runs the scheduler's jobs on the backend, as many at once as the backend has places for."""

    def __init__(
        self,
        backend: Backend,
        scheduler: Scheduler,
        listener: Listener,
        *,
        controls: dict[str, str],
        idle_unload_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`controls` are the card's fill-in-the-middle tokens by role; {} asks the tokenizer."""
        super().__init__(name="engine-worker", daemon=True)
        self._backend = backend
        self._scheduler = scheduler
        self._listener = listener
        self._card_controls = controls
        self._idle_unload_s = idle_unload_s
        self._clock = clock
        self._encoder = Encoder(backend.tokenize, backend.control)
        self._jobs: dict[Run, Job] = {}
        self._load_wanted = threading.Event()
        self._stopping = threading.Event()
        self._last_use = clock()
        self._load_failed_at = -RETRY_LOAD_AFTER_S
        self.state = State.UNLOADED
        self.message = ""
        self.controls: dict[str, str] = {}
        self.prefill_tps = 0.0
        self.decode_tps = 0.0
        self._read_tokens = dict.fromkeys(Urgency, 0)
        self.written_tokens = 0
        self.ended_jobs = 0
        self.loads = 0
        self.load_attempts = 0
        self.load_heard = clock()
        self._load_told = -PROGRESS_INTERVAL_S

    @property
    def read_tokens(self) -> dict[Urgency, int]:
        """Prompt tokens that were evaluated until now, by the urgency of their jobs; called from any thread."""
        tokens = dict(self._read_tokens)
        for run, job in tuple(self._jobs.items()):
            tokens[job.urgency] += run.evaluated_tokens
        return tokens

    @property
    def may_load(self) -> bool:
        """False for a while after a failed load."""
        return self._clock() - self._load_failed_at >= RETRY_LOAD_AFTER_S

    def want_load(self) -> None:
        """Asks for the model to be loaded ahead of the first request."""
        self._load_wanted.set()
        self._scheduler.wake()

    def touch(self) -> None:
        """Counts as use of the model."""
        self._last_use = self._clock()

    def stop(self) -> None:
        """Ends the thread after the job at hand, which its owner has cancelled."""
        self._stopping.set()
        self._scheduler.close()

    def run(self) -> None:
        """Serves until `stop`; the second of the engine's two fences that catch everything."""
        try:
            while not self._stopping.is_set():
                self._step()
            self._backend.unload()
        except Exception as error:
            logger.exception("the worker failed")
            self._listener.on_fault(f"{type(error).__name__}: {error}")

    def _step(self) -> None:
        job = self._scheduler.take(0.0 if self._jobs else TAKE_TIMEOUT_S)
        if self._load_wanted.is_set():
            self._load_wanted.clear()
            with contextlib.suppress(ModelError):
                self._ensure_loaded()
        while job is not None:
            self._begin(job)
            job = self._scheduler.take(0.0)
        if self._jobs:
            for run in self._backend.advance(self._should_stop, self._emit):
                self._finish(run)
            self._last_use = self._clock()
        else:
            self._unload_if_idle()

    def _begin(self, job: Job) -> None:
        try:
            self._ensure_loaded()
            if job.cancel_reason:
                self._end(job, CancelledFrame(job.id, job.cancel_reason, job.timings()))
                return
            run = self._run_of(job)
        except FimbleError as error:
            code = "model" if isinstance(error, ModelError) else "request"
            self._end(job, FailedFrame(job.id, code, str(error)))
            return
        # Not told to anyone: whether another window's request runs is no news for this one.
        self.state = State.BUSY
        self._jobs[run] = job
        self._backend.start(run)

    def _run_of(self, job: Job) -> Run:
        prompt = self._encoder.encode(job.parts)
        job.prompt_tokens = len(prompt)
        # What was written before an interruption is encoded anew: the text is what counts, and a character whose
        # first tokens were written only is not in it yet.
        return Run(
            prompt=prompt + (self._backend.tokenize(job.written_text) if job.written_text else []),
            tokens_max=max(0, job.tokens_max - job.written_tokens),
            starts_with=job.starts_with[len(job.written_text) :]
            if job.starts_with.startswith(job.written_text)
            else "",
            temperature=job.temperature,
            seed=job.seed,
            drafts=job.drafts,
            urgency=job.urgency,
            version_of=job.version_of,
        )

    def _should_stop(self, run: Run) -> bool:
        return self._scheduler.should_stop(self._jobs[run])

    def _emit(self, run: Run, fragment: Fragment) -> None:
        job = self._jobs[run]
        if job.cancel_reason:
            return
        job.is_reading = False
        if job.cached_tokens is None:
            job.cached_tokens = min(run.cached_tokens, job.prompt_tokens)
            self._listener.on_frame(job.client, Evaluated(job.id, job.timings(prefill_ms=run.prefill_ms)))
        job.written_tokens += fragment.tokens
        job.written_text += fragment.text
        piece = Piece(job.id, fragment.text, fragment.tokens, fragment.log_probability)
        self._listener.on_frame(job.client, piece)

    def _finish(self, run: Run) -> None:
        if len(self._jobs) == 1:
            self._learn_rates(run)  # Beside others, the times are theirs as well.
        job = self._jobs.pop(run)
        self._read_tokens[job.urgency] += run.evaluated_tokens
        self.written_tokens += run.generated_tokens
        if job.cached_tokens is None:
            job.cached_tokens = min(run.cached_tokens, job.prompt_tokens)
        job.prefill_ms += run.prefill_ms
        job.decode_ms += run.decode_ms
        if run.failure:
            self._end(job, FailedFrame(job.id, "request", run.failure))
        elif job.cancel_reason:
            self._end(job, CancelledFrame(job.id, job.cancel_reason, job.timings()))
        elif run.stop_reason == "interrupted":
            self._scheduler.give_back(job)
        else:
            self._end(job, DoneFrame(job.id, run.stop_reason, job.timings()))

    def _end(self, job: Job, frame: EngineFrame) -> None:
        self.ended_jobs += 1
        self._scheduler.end(job)
        if self.state is State.BUSY and not self._jobs:
            self.state = State.READY
        self._listener.on_frame(job.client, frame)

    def _ensure_loaded(self) -> None:
        if self.state in (State.READY, State.BUSY):
            return
        if not self.may_load:
            raise ModelRefused(self.message)
        started = self.load_heard = self._clock()
        self._load_told = started - PROGRESS_INTERVAL_S
        self._tell(State.LOADING)
        try:
            self._backend.load(self._on_load_progress)
            self._self_test()
        except FimbleError as error:
            self._load_failed_at = self._clock()
            self._backend.unload()
            self.load_attempts += 1
            self._tell(State.FAILED, str(error))
            raise ModelRefused(str(error)) from error
        self.loads += 1
        self.load_attempts += 1
        self._last_use = self._clock()
        logger.info("model loaded in %.2f s, %.0f prompt tokens/s", self._clock() - started, self.prefill_tps)
        self._tell(State.READY)

    def _on_load_progress(self, message: str) -> None:
        self.load_heard = self._clock()
        if self.load_heard - self._load_told >= PROGRESS_INTERVAL_S:
            self._load_told = self.load_heard
            logger.info("loading: %s", message)
            self._tell(State.LOADING, message)

    def _self_test(self) -> None:
        """Fills a tiny hole: shows that the model's fill-in-the-middle works, and measures the prefill rate.

        Raises:
            ModelRefused: the hole stays empty, or control tokens leak into the text.
        """
        self.controls = self._card_controls or find_controls(self._backend.control)
        roles = self.controls
        if not {"prefix", "suffix", "middle"} <= roles.keys():
            self.controls = {}
            return
        parts: list[TextPart | ControlPart] = [
            ControlPart(roles["prefix"]),
            TextPart(SELF_TEST_PREFIX.rstrip(" ")),
            ControlPart(roles["suffix"]),
            TextPart(SELF_TEST_SUFFIX),
            ControlPart(roles["middle"]),
        ]
        written: list[str] = []

        def emit(_: Run, fragment: Fragment) -> None:
            written.append(fragment.text)
            self.load_heard = self._clock()

        self._on_load_progress("a first completion")
        run = Run(prompt=self._encoder.encode(parts), tokens_max=SELF_TEST_TOKENS)
        run_alone(self._backend, run, emit)
        self._learn_rates(run)
        text = "".join(written)
        leaked = [token for token in roles.values() if token in text]
        if leaked or not text.strip():
            raise ModelRefused(
                "The model fails the fill-in-the-middle self-test "
                f"({'it writes control tokens' if leaked else 'it writes nothing'}); choose another model."
            )

    def _learn_rates(self, run: Run) -> None:
        if run.evaluated_tokens >= RATE_TOKENS_MIN and run.prefill_ms > 0:
            rate = run.evaluated_tokens / run.prefill_ms * 1000
            self.prefill_tps = rate if not self.prefill_tps else _mix(self.prefill_tps, rate)
        if run.generated_tokens > 1 and run.decode_ms > 0:
            rate = run.generated_tokens / run.decode_ms * 1000
            self.decode_tps = rate if not self.decode_tps else _mix(self.decode_tps, rate)

    def _unload_if_idle(self) -> None:
        if self.state is State.READY and self._clock() - self._last_use >= self._idle_unload_s:
            logger.info("unloading the model after %.0f s without a request", self._clock() - self._last_use)
            if self._backend.must_end_to_free:
                self._last_use = self._clock()
                self._listener.on_idle()
                return
            self._backend.unload()
            self._encoder = Encoder(self._backend.tokenize, self._backend.control)
            self._tell(State.UNLOADED)

    def _tell(self, state: State, message: str = "") -> None:
        self.state = state
        self.message = message
        self._listener.on_state(state, message)


def run_alone(backend: Backend, run: Run, emit: Emit = lambda _run, _fragment: None) -> None:
    """Runs one prompt to its end on a backend that does nothing else.

    Raises:
        ModelRefused: this prompt cannot be continued.
    """
    backend.start(run)
    while not backend.advance(lambda _: False, emit):
        pass
    if run.failure:
        raise ModelRefused(run.failure)


def _mix(old: float, new: float) -> float:
    return (1 - RATE_WEIGHT) * old + RATE_WEIGHT * new
