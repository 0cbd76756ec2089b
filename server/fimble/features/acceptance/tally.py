"""Counts what became of questions: answered or not, how fast, and why nothing was shown.

Counted in memory and stored now and then, since there is a question with every key.
"""

import math
from collections import Counter
from typing import Final

from fimble.features.completion.suggestion import Suggestion

ASKED: Final = "asked"
ANSWERED: Final = "answered"
EMPTY: Final = "empty"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"
SUPPRESSED: Final = "suppressed:"
LATENCY: Final = "latency:"

STATES: Final = ("ready", "warm", "partly", "cold")
"""How much of an answer was there: all of it was written before; 90 %, 10 % of the prompt were cached; less."""
_WARM_SHARE: Final = 0.9
_COLD_SHARE: Final = 0.1
# Latencies are counted in steps of 5 %, which is finer than they repeat.
_STEP: Final = math.log(1.05)


def state_of(suggestion: Suggestion) -> str:
    """Returns which of the `STATES` an answer is of."""
    if suggestion.generated_tokens == 0:
        return "ready"
    share = suggestion.cached_tokens / max(1, suggestion.prompt_tokens)
    return "warm" if share >= _WARM_SHARE else "cold" if share < _COLD_SHARE else "partly"


def count_answer(counts: Counter[str], suggestion: Suggestion) -> None:
    """Counts an answer, with or without text."""
    if suggestion.text:
        counts[ANSWERED] += 1
        counts[f"{LATENCY}{state_of(suggestion)}:{_step_of(suggestion.latency_ms)}"] += 1
    else:
        counts[EMPTY] += 1
        counts[f"{SUPPRESSED}{suggestion.suppressed_by or 'empty'}"] += 1


def latency_at(steps: dict[int, int], share: float) -> float | None:
    """Returns the latency in ms below which a share of the answers is, from their counts by step."""
    left = math.ceil(share * sum(steps.values()))
    for step, count in sorted(steps.items()):
        left -= count
        if left <= 0:
            return round(math.exp(step * _STEP), 1)
    return None


def latency_steps(counts: dict[str, int]) -> dict[str, dict[int, int]]:
    """Returns for each of the `STATES` how many answers took how long, by step."""
    steps: dict[str, dict[int, int]] = {state: {} for state in STATES}
    for name, count in counts.items():
        if name.startswith(LATENCY):
            _, state, step = name.split(":")
            if state in steps:
                steps[state][int(step)] = count
    return steps


def _step_of(latency_ms: float) -> int:
    return round(math.log(max(latency_ms, 1.0)) / _STEP)
