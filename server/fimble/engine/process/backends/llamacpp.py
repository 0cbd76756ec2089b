"""llama.cpp on the CPU or a GPU, through xllamacpp's embedded server.

The server part always listens; it is given a Unix socket in the engine's private folder, which is also the way to
its tokenizer. Generation goes through the in-process call with a streaming callback, which can stop the work
after every chunk of the prompt and after every token.
"""

import contextlib
import gc
import http.client
import json
import math
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from fimble.engine.process.backends.backend import BackendFault, Fragment, LoadProgress, OneAtATime, Run
from fimble.engine.process.backends.given import CANDIDATES, given_start
from fimble.engine.process.backends.slots import Slot, Slots, common_prefix
from fimble.errors import ModelRefused, RequestFailed

# One chunk of a prompt; an urgent request waits for one chunk at most. 64 tokens take about 0.3 s on two cores with
# the 0.5B model, and are read at 92 % of the rate of 512 (see ARCHITECTURE.md, Decisions).
CHUNK_TOKENS = 64
# Somebody who waits for a chunk to end waits no longer than half a second, also on a slow or busy machine: after a
# chunk that took longer than the first of these, chunks are halved; after one below the second, doubled again.
CHUNK_MS_MAX = 450.0
CHUNK_MS_SPARE = 220.0
PIECE_TOKENS_MIN = 16
# One per editor window that types at the same time; they share one pool of cells, so that a slot costs nothing
# until it is used.
SLOTS = 8
TOKENIZE_TIMEOUT_S = 10.0


class LlamaCppBackend(OneAtATime):
    """Runs one GGUF file."""

    name = "llamacpp"

    def __init__(
        self,
        model_file: Path,
        *,
        folder: Path,
        context_tokens: int,
        stop_tokens: tuple[str, ...],
        threads: int = 0,
    ) -> None:
        """Prepares to load `model_file`; `folder` is private and takes the server's socket, `threads` 0 decides."""
        self._model_file = model_file
        self._socket_path = folder / f"llama-{os.getpid()}.sock"
        self._context_tokens = context_tokens
        self._stop_tokens = stop_tokens
        self._threads = threads or default_threads()
        self._server: Any = None
        self._slots = Slots(SLOTS)
        self._piece = CHUNK_TOKENS
        self._stop_ids: frozenset[int] = frozenset()
        self._controls: dict[str, int | None] = {}

    @property
    def context_tokens(self) -> int:
        """The size of the pool of cells; a single prompt may take all of it."""
        return self._context_tokens

    def load(self, progress: LoadProgress) -> None:
        """Reads the model; holds the interpreter's lock for the whole time (xllamacpp 2026.10), so tells nothing."""
        stop_spinning()
        try:
            import xllamacpp  # noqa: PLC0415 - 100 MB of code, wanted in this process and only once a model loads.
        except ImportError as error:
            raise ModelRefused(
                f"llama.cpp cannot be loaded ({error}); run ./scripts/quickstart again, or reinstall xllamacpp."
            ) from error
        self._socket_path.unlink(missing_ok=True)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = os.fspath(self._model_file)
        parameters.hostnames = [os.fspath(self._socket_path)]
        parameters.ui = False
        parameters.endpoint_slots = False
        parameters.verbosity = 0
        parameters.n_ctx = self._context_tokens
        parameters.n_parallel = SLOTS
        parameters.kv_unified = True
        parameters.n_batch = parameters.n_ubatch = CHUNK_TOKENS
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = self._threads
        # The second cache of whole prompts in host memory defaults to 8 GiB; the slots are our cache.
        parameters.cache_ram_mib = 0
        parameters.cache_idle_slots = False
        parameters.warmup = False
        try:
            self._server = xllamacpp.Server(parameters)
        except RuntimeError as error:
            raise ModelRefused(
                f"llama.cpp could not load {self._model_file.name}; run: fimble models verify, and look at the "
                "engine's log for the reason."
            ) from error
        self._slots = Slots(SLOTS)
        self._controls = {}
        self._stop_ids = frozenset(
            token_id for token in self._stop_tokens if (token_id := self.control(token)) is not None
        )

    def unload(self) -> None:
        """Frees the model's memory and the server's socket."""
        self._server = None
        gc.collect()
        self._socket_path.unlink(missing_ok=True)

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of ordinary text."""
        return self._tokenize(text, parse_special=False)

    def control(self, token: str) -> int | None:
        """Returns the id of a control token: a spelling that is one token as a control and several as text."""
        if token not in self._controls:
            as_control = self._tokenize(token, parse_special=True)
            is_control = len(as_control) == 1 and as_control != self._tokenize(token, parse_special=False)
            self._controls[token] = as_control[0] if is_control else None
        return self._controls[token]

    def run(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        """Evaluates the prompt in chunks and decodes, looking at `keep_going` after each."""
        if not run.prompt:
            raise RequestFailed("The prompt is empty.")
        if len(run.prompt) + run.tokens_max > self._context_tokens:
            raise RequestFailed(f"The prompt has {len(run.prompt)} tokens; the model takes {self._context_tokens}.")
        slot = self._slots.choose(run.prompt, run.version_of, is_writing=run.tokens_max > 0)
        if self._read_ahead(run, slot, keep_going):
            self._send(run, slot, keep_going, emit)
        slot.tokens = (run.prompt + run.generated)[: run.cached_tokens + run.evaluated_tokens + len(run.generated)]

    def _read_ahead(self, run: Run, slot: Slot, keep_going: Callable[[], bool]) -> bool:
        """Reads a prompt in pieces while the machine is too slow to read a chunk in time; returns whether to go on.

        The size of llama.cpp's own chunks is fixed when the model is loaded. Each piece is a request of its own and
        costs one more token, which is evaluated again.
        """
        end = common_prefix(slot.tokens, run.prompt)
        cached: int | None = None
        while self._piece < CHUNK_TOKENS and (end := end + self._piece) < len(run.prompt):
            part = Run(prompt=run.prompt[:end], tokens_max=0)
            self._send(part, slot, keep_going, lambda _: None)
            cached = part.cached_tokens if cached is None else cached
            run.cached_tokens = cached
            run.evaluated_tokens = part.cached_tokens + part.evaluated_tokens - run.cached_tokens
            run.prefill_ms += part.prefill_ms
            slot.tokens = run.prompt[: part.cached_tokens + part.evaluated_tokens]
            if part.stop_reason == "interrupted":
                run.stop_reason = "interrupted"
                return False
        return True

    def _send(self, run: Run, slot: Slot, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        """Sends one request, and learns from the time it took how much to read at a time."""
        evaluated_before, ms_before = run.evaluated_tokens, run.prefill_ms
        stream = _Stream(run, self._stop_ids, keep_going, emit)
        self._server.handle_completions(_request(run, slot), stream.on_event)
        if stream.error is not None:
            raise stream.error
        if not run.stop_reason:
            raise BackendFault("llama.cpp ended a request without saying why")
        self._adapt(run.evaluated_tokens - evaluated_before, run.prefill_ms - ms_before)

    def _adapt(self, evaluated_tokens: int, prefill_ms: float) -> None:
        if evaluated_tokens < PIECE_TOKENS_MIN:
            return
        chunk_ms = prefill_ms / math.ceil(evaluated_tokens / self._piece)
        if chunk_ms > CHUNK_MS_MAX:
            self._piece = max(PIECE_TOKENS_MIN, self._piece // 2)
        elif chunk_ms < CHUNK_MS_SPARE:
            self._piece = min(CHUNK_TOKENS, self._piece * 2)

    def _tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        body = json.dumps({"content": _encodable(text), "parse_special": parse_special, "add_special": False})
        connection = _UnixConnection(self._socket_path)
        try:
            connection.request("POST", "/tokenize", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
            return list(answer["tokens"])
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise RequestFailed(f"The model's tokenizer does not answer: {error!r}.") from error
        finally:
            connection.close()


class _Stream:
    """Receives the events of one request; returning True from `on_event` ends the request."""

    def __init__(
        self,
        run: Run,
        stop_ids: frozenset[int],
        keep_going: Callable[[], bool],
        emit: Callable[[Fragment], None],
    ) -> None:
        self._run = run
        self._stop_ids = stop_ids
        self._keep_going = keep_going
        self._emit = emit
        # What earlier pieces of the same prompt have read is in the cache now, but was not when the prompt came.
        self._has_pieces = run.evaluated_tokens > 0
        self._ms_before = run.prefill_ms
        self._left = run.starts_with
        self.error: RequestFailed | BackendFault | None = None

    def on_event(self, event: dict[str, Any]) -> bool:
        if "error" in event:
            message = event["error"].get("message", "unknown")
            self.error = RequestFailed(f"llama.cpp refused the request: {message}.")
            return True
        run = self._run
        timings = event.get("timings", {})
        if "prompt_n" in timings:
            self._on_read(timings["cache_n"], timings["cache_n"] + timings["prompt_n"])
            run.prefill_ms = self._ms_before + timings["prompt_ms"]
        run.decode_ms = timings.get("predicted_ms", run.decode_ms)
        (choice,) = event["choices"]
        if (progress := event.get("prompt_progress")) and not choice["text"]:
            self._on_read(progress["cache"], progress["processed"])
        elif run.tokens_max > 0:
            self._on_tokens(choice, timings.get("predicted_n", 0))
        if run.stop_reason:
            return True
        if choice["finish_reason"]:
            run.stop_reason = choice["finish_reason"]
        elif not self._keep_going():
            run.stop_reason = "interrupted"
            return True
        return False

    def _on_read(self, cached: int, read: int) -> None:
        if not self._has_pieces:
            self._run.cached_tokens = cached
        self._run.evaluated_tokens = max(self._run.evaluated_tokens, read - self._run.cached_tokens)

    def _on_tokens(self, choice: dict[str, Any], generated: int) -> None:
        tokens = (choice.get("logprobs") or {}).get("content", [])
        ids = tuple(token["id"] for token in tokens)
        if not self._stop_ids.isdisjoint(ids):
            self._run.stop_reason = "stop"
            return
        # A character of several tokens comes as one event, which names the last of them only.
        tokens_new = generated - self._run.generated_tokens
        if tokens_new > 0 or choice["text"]:
            self._run.generated.extend(ids)
            self._run.generated_tokens = generated
            probability = sum(self._log_probability(token) for token in tokens)
            self._emit(Fragment(choice["text"], tokens_new, probability))

    def _log_probability(self, token: dict[str, Any]) -> float:
        # llama.cpp writes -inf as the lowest float for a token that sampling had excluded.
        own = max(token["logprob"], -1e4) if math.isfinite(token["logprob"]) else 0.0
        if not self._left:
            return own
        candidates = [(each["token"], each["logprob"]) for each in token.get("top_logprobs", ())]
        given = given_start((token["token"], own), candidates, self._left)
        self._left = self._left[len(token["token"]) :]
        return given


class _UnixConnection(http.client.HTTPConnection):
    """HTTP through the server's Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TOKENIZE_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with contextlib.ExitStack() as stack:
            stack.callback(self.sock.close)
            self.sock.connect(os.fspath(self._path))
            stack.pop_all()


def _quoted(text: str) -> str:
    """Returns a string of llama.cpp's grammar, which has escapes like JSON but no surrogate pairs."""
    return json.dumps(_encodable(text), ensure_ascii=False)


def _encodable(text: str) -> str:
    """Returns text without lone surrogates, which an editor may send in broken text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _request(run: Run, slot: Slot) -> dict[str, Any]:
    """Returns the request's fields; every sampling setting is explicit, since the server's defaults are not ours."""
    fields = {
        "prompt": run.prompt,
        "n_predict": run.tokens_max,
        "stream": True,
        "cache_prompt": True,
        "id_slot": slot.index,
        "temperature": run.temperature,
        "seed": run.seed,
        "samplers": ["top_k", "top_p", "temperature"],
        "top_k": 40,
        "top_p": 0.95,
        "repeat_penalty": 1.0,
        "logprobs": CANDIDATES if run.starts_with else 1,
        "return_progress": True,
        "timings_per_token": True,
    }
    if run.starts_with:
        # Costs no measurable time: llama.cpp checks the grammar only for the token it would choose anyway.
        fields["grammar"] = f"root ::= {_quoted(run.starts_with)} [\\x00-\\U0010FFFF]*"
    return fields


def stop_spinning() -> None:
    """Makes OpenMP's threads sleep while they wait; must be called before llama.cpp is loaded.

    With spinning threads, one other busy process on a two-core machine makes each token wait for a time slice: 58
    tokens/s fall to 19. Without spinning: 53 and 40 (`fimble bench engine --busy 1`; ARCHITECTURE.md, Decisions).
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # GCC's libgomp.
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # LLVM's libomp, which stands in for it (see cli/openmp.py).


def default_threads() -> int:
    """Returns the number of compute threads: the physical cores this process may use.

    Two threads on one core's hyper-threads are slower than one; on a two-core machine two threads decode
    1.2 times and prefill twice as fast as one.
    """
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed))
