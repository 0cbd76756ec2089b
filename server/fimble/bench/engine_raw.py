"""What the engine adds to ExLlamaV2: the same prompts by its own generator, in a process without socket or scheduler.

That process also measures how fast the card copies, since only there is torch.
"""

import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from fimble.bench.sample_code import sample_code
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import Done, Generate, Piece, TextPart, Urgency
from fimble.errors import RequestFailed

_PROMPT_TOKENS: Final = 512
_TOKENS: Final = 128
_TIMEOUT_S: Final = 600.0


class RawRun(msgspec.Struct, frozen=True):
    """One continued prompt: milliseconds per token after the first, and the text."""

    token_ms: float
    text: str


class RawQuestion(msgspec.Struct, frozen=True):
    """What the child is asked: prompts, and how many tokens to write after each."""

    prompts: list[str]
    tokens: int


class RawAnswer(msgspec.Struct, frozen=True):
    """What the child answers; `bandwidth` is bytes per second, read and written together."""

    runs: list[RawRun]
    bandwidth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Time per token over the raw generator's; whether both wrote the same; and the card's bandwidth."""

    ratio: float | None
    has_same_text: bool
    bandwidth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Prompts, and what the engine wrote after them."""

    question: RawQuestion
    runs: list[RawRun]

    @classmethod
    async def of_engine(cls, engine: Engine, *, repeats: int) -> "Raw":
        """Lets the engine continue some prompts, one after the other; a first one, that does not count, warms up."""
        length = min(_PROMPT_TOKENS, (await engine.status()).context_tokens // 2)
        prompts = [await sample_code(engine, length, seed=7_000_000 + repeat) for repeat in range(repeats + 1)]
        runs = [await _run(engine, prompt, _TOKENS) for prompt in prompts]
        return cls(question=RawQuestion(prompts=prompts, tokens=_TOKENS), runs=runs)


async def measure_overhead(model: str, options: Sequence[str], raw: Raw) -> Overhead:
    """Continues the same prompts without the engine; `options` are those with which it ran.

    Raises:
        RequestFailed: the child failed.
    """
    command = [sys.executable, "-P", "-m", "fimble", "bench", "raw-generator", "--model", model, *options]
    answer = await _ask(command, raw.question)
    pairs = list(zip(raw.runs, answer.runs, strict=True))[1:]
    ratios = [ours.token_ms / theirs.token_ms for ours, theirs in pairs if theirs.token_ms]
    return Overhead(
        ratio=statistics.median(ratios) if ratios else None,
        has_same_text=[run.text for run in raw.runs] == [run.text for run in answer.runs],
        bandwidth=answer.bandwidth,
    )


async def _ask(command: Sequence[str], question: RawQuestion) -> RawAnswer:
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            output, errors = await child.communicate(msgspec.json.encode(question))
    except TimeoutError as error:
        raise RequestFailed(f"The raw generator did not answer within {_TIMEOUT_S:.0f} s.") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    lines = output.splitlines()
    try:
        # Others may print before it: exllamav2 does while it compiles.
        return msgspec.json.decode(lines[-1] if lines else b"", type=RawAnswer)
    except msgspec.DecodeError as error:
        said = errors.decode("utf-8", "replace").strip().splitlines()
        raise RequestFailed(f"The raw generator failed: {said[-1] if said else 'it said nothing'}") from error


async def _run(engine: Engine, prompt: str, tokens: int) -> RawRun:
    request = Generate(id=0, parts=[TextPart(prompt)], tokens_max=tokens, urgency=Urgency.BENCHMARK)
    text = ""
    written = first_tokens = 0
    first = last = 0.0
    async with contextlib.aclosing(engine.generate(request)) as frames:
        async for frame in frames:
            if isinstance(frame, Piece):
                last = time.perf_counter()
                text += frame.text
                written += frame.tokens
                if not first:
                    first, first_tokens = last, frame.tokens
            elif isinstance(frame, Done):
                break
    later = written - first_tokens
    return RawRun(token_ms=(last - first) / later * 1000 if later else 0.0, text=text)
