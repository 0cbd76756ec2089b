"""What a backend is: it loads one model, counts tokens, and goes on with one or several runs, a step at a time.

`tokenize` may be called from any thread, everything else from the worker's only.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from fimble.errors import RequestFailed


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one step of decoding wrote: text (possibly empty), its number of tokens, their log-probabilities' sum."""

    text: str
    tokens: int
    log_probability: float


@dataclass(eq=False, slots=True, kw_only=True)
class Run:
    """One prompt to continue: what to do, and (filled in while it runs) what it cost.

    `prompt` is token ids; `generated` are those of what was written, as far as the backend tells them. The text
    written starts with `starts_with`, which lets a
    prompt end at a token boundary while the user's text ends inside a token ("token healing", the idea of
    guidance-ai/guidance). With `drafts`, text that the prompt has already is guessed ahead where the backend can;
    where there is no room for all runs, those of lower `urgency` (a greater number) wait. Prompts with the same
    `version_of` (not empty) replace one another, so that one may take the other's place in a cache.
    Times are milliseconds. `stop_reason` is `stop`, `length`, `interrupted` where it was asked to stop, or `failed`
    where this prompt cannot be continued; then `failure` says why.
    """

    prompt: list[int]
    tokens_max: int
    starts_with: str = ""
    temperature: float = 0.0
    seed: int = 0
    drafts: bool = False
    version_of: str = ""
    urgency: int = 0
    cached_tokens: int = 0
    evaluated_tokens: int = 0
    generated: list[int] = field(default_factory=list)
    generated_tokens: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    stop_reason: str = ""
    failure: str = ""


LoadProgress = Callable[[str], None]
"""Is told, in a few words, how far loading has got; the longest silence between two calls is watched."""

ShouldStop = Callable[[Run], bool]
Emit = Callable[[Run, Fragment], None]


class Backend(Protocol):
    """Runs one model on one device."""

    name: str
    runs_max: int
    """How many runs it goes on with at once."""
    must_end_to_free: bool
    """Whether the memory of a device comes back only with the end of the process."""

    def load(self, progress: LoadProgress) -> None:
        """Reads the model; may take long and may hold the interpreter's lock meanwhile.

        Raises:
            ModelRefused: the model cannot be loaded; the message says why and what to do.
        """
        ...

    def unload(self) -> None:
        """Frees the memory; `load` may be called again."""
        ...

    @property
    def context_tokens(self) -> int:
        """The longest prompt plus continuation that fits."""
        ...

    @property
    def vram_bytes(self) -> int:
        """The memory of a device that is in use, 0 where there is none."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of ordinary text: no spelling in it becomes a control token."""
        ...

    def control(self, token: str) -> int | None:
        """Returns the id of a control token by its spelling, or None where the model has no such token."""
        ...

    def start(self, run: Run) -> None:
        """Takes a run, of at most `runs_max` at a time; nothing is computed yet."""
        ...

    def advance(self, should_stop: ShouldStop, emit: Emit) -> list[Run]:
        """Goes on with every run that was started, by a step or to its end, and returns those that ended.

        A run ends within one chunk of its prompt or one token once `should_stop` is true of it.

        Raises:
            BackendFault: the backend is broken and its process must end.
        """
        ...


class OneAtATime:
    """What makes a backend of one that continues a single prompt from start to end, in one call."""

    runs_max = 1
    must_end_to_free = False
    vram_bytes = 0
    _started: Run | None = None

    def start(self, run: Run) -> None:
        """Takes the one run."""
        self._started = run

    def advance(self, should_stop: ShouldStop, emit: Emit) -> list[Run]:
        """Runs it to its end."""
        run, self._started = self._started, None
        if run is None:
            return []
        try:
            self.run(run, lambda: not should_stop(run), lambda fragment: emit(run, fragment))
        except RequestFailed as error:
            run.stop_reason, run.failure = "failed", str(error)
        return [run]

    @abstractmethod
    def run(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        """Continues `run.prompt`, and stops within one chunk or one token once `keep_going` returns False.

        Raises:
            RequestFailed: this prompt cannot be continued; the backend itself is well.
            BackendFault: the backend is broken and its process must end.
        """


class BackendFault(Exception):
    """The backend can no longer be trusted; the process ends and is started anew (crash-only)."""
