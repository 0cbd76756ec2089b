"""Code-like text of a given number of tokens: what benchmarks let the engine read and editors type."""

import random
import secrets
from typing import Final

from fimble.engine.client.engine import Engine

_WORDS: Final = ("value", "index", "total", "result", "config", "left", "right", "node", "item", "count")
# An engine that others use as well has still in its cache what the last benchmark made it read.
_RUN: Final = secrets.token_hex(4)


async def sample_code(engine: Engine, tokens: int, seed: int) -> str:
    """Returns text of about `tokens` tokens of the engine's model; no other seed, nor another process, starts so."""
    lines = [f"# benchmark {_RUN} {seed}", *sample_lines(max(0, tokens - 1), seed)]
    total = 0
    for number, count in enumerate(await engine.count_tokens([f"{line}\n" for line in lines])):
        total += count
        if total >= tokens:
            return "\n".join(lines[: number + 1])
    return "\n".join(lines)


def sample_lines(count: int, seed: int) -> list[str]:
    """Returns lines of code; the same seed gives the same lines."""
    source = random.Random(seed)  # noqa: S311 - test data, not a secret.
    lines: list[str] = []
    while len(lines) < count:
        one, two, three = source.choices(_WORDS, k=3)
        lines.append(f"{one}_{source.randrange(10_000)} = {two}({three}, {source.randrange(100)})")
    return lines
