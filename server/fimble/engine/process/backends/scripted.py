"""A backend without a model: deterministic text at a chosen speed, for tests, demos and benchmarks of the rest.

`FIMBLE_SCRIPT` may name a JSON file:
`{"lines": [{"when": "def add", "write": "return a + b\\n"}], "otherwise": "pass\\n", "prefill_tps": 0,
"decode_tps": 0, "load_s": 0}`. The first entry whose `when` occurs in the prompt's last 400 characters is written;
a speed of 0 tokens per second means at once.
"""

import os
import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from fimble.engine.process.backends.backend import Fragment, LoadProgress, OneAtATime, Run
from fimble.engine.process.backends.slots import Slots, common_prefix
from fimble.errors import ModelRefused, RequestFailed

CONTROLS = (
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<|im_end|>",
)
CHUNK_TOKENS = 64
_FIRST_CONTROL_ID = 1 << 20
# It is as good as certain of what it writes.
_LOG_PROBABILITY = -1e-6
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class ScriptLine(msgspec.Struct, frozen=True):
    """What to write when the prompt ends with something that contains `when`."""

    when: str
    write: str


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the backend writes, and how fast; speeds in tokens per second, 0 for at once."""

    lines: tuple[ScriptLine, ...] = ()
    otherwise: str = "pass\n"
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    load_s: float = 0.0


class ScriptedBackend(OneAtATime):
    """Writes what its script says."""

    name = "scripted"
    context_tokens = 32768

    def __init__(self, script: Script | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._script = script if script is not None else read_script()
        self._sleep = sleep
        self._slots = Slots(8)
        self._spellings: dict[int, str] = {}

    def load(self, progress: LoadProgress) -> None:
        """Waits as long as the script says."""
        self._sleep(self._script.load_s)

    def unload(self) -> None:
        """Forgets the caches."""
        self._slots = Slots(8)

    def tokenize(self, text: str) -> list[int]:
        """Makes each word, run of spaces and sign one token."""
        ids = []
        for word in _WORD.findall(text):
            token_id = zlib.crc32(word.encode("utf-8", "surrogatepass")) % _FIRST_CONTROL_ID
            self._spellings[token_id] = word
            ids.append(token_id)
        return ids

    def control(self, token: str) -> int | None:
        """Returns the id of one of `CONTROLS`."""
        return _FIRST_CONTROL_ID + CONTROLS.index(token) if token in CONTROLS else None

    def run(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        """Pretends to evaluate the prompt, then writes the script's text token by token."""
        if len(run.prompt) + run.tokens_max > self.context_tokens:
            raise RequestFailed(f"The prompt has {len(run.prompt)} tokens; the model takes {self.context_tokens}.")
        slot = self._slots.choose(run.prompt, run.version_of, is_writing=run.tokens_max > 0)
        known = common_prefix(slot.tokens, run.prompt)
        run.cached_tokens = min(known, max(0, len(run.prompt) - 1))
        started = time.monotonic()
        for at in range(run.cached_tokens, len(run.prompt), CHUNK_TOKENS):
            chunk = min(CHUNK_TOKENS, len(run.prompt) - at)
            self._pause(chunk, self._script.prefill_tps)
            run.evaluated_tokens += chunk
            slot.tokens = run.prompt[: at + chunk]
            if not keep_going():
                run.stop_reason = "interrupted"
                run.prefill_ms = (time.monotonic() - started) * 1000
                return
        run.prefill_ms = (time.monotonic() - started) * 1000
        started = time.monotonic()
        run.stop_reason = self._write(run, keep_going, emit)
        run.decode_ms = (time.monotonic() - started) * 1000
        slot.tokens = run.prompt + run.generated

    def _write(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> str:
        tail = "".join(self._spellings.get(token_id, "") for token_id in run.prompt[-200:])[-400:]
        text = next((line.write for line in self._script.lines if line.when in tail), self._script.otherwise)
        if not text.startswith(run.starts_with):
            text = run.starts_with + text
        words = _WORD.findall(text)
        # Like a model, it goes on where the prompt leaves off: after text that it, or the user, has written.
        known = next((count for count in range(len(words), 0, -1) if tail.endswith("".join(words[:count]))), 0)
        for word in words[known:]:
            if len(run.generated) >= run.tokens_max:
                return "length"
            self._pause(1, self._script.decode_tps)
            (token_id,) = self.tokenize(word)
            run.generated.append(token_id)
            run.generated_tokens += 1
            emit(Fragment(word, 1, _LOG_PROBABILITY))
            if not keep_going():
                return "interrupted"
        return "stop"

    def _pause(self, tokens: int, tokens_per_second: float) -> None:
        if tokens_per_second > 0:
            self._sleep(tokens / tokens_per_second)


def read_script() -> Script:
    """Reads the file that `FIMBLE_SCRIPT` names, or returns the default script.

    Raises:
        ModelRefused: the file cannot be read.
    """
    path = os.environ.get("FIMBLE_SCRIPT")
    if not path:
        return Script()
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Script)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelRefused(f"The script {path} of the scripted model cannot be read: {error}.") from error
