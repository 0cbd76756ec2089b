"""Chooses which of a backend's key-value caches a prompt continues.

Several editors share one model; each of them profits only if its own prompt of a moment ago is still there.
"""

from dataclasses import dataclass, field

# A slot is continued when at least this share of the prompt is already in it; otherwise the prompt takes the
# slot that was used longest ago, so that a short common head (the same repository) does not cost another
# editor its cache.
REUSE_SHARE_MIN = 0.5


@dataclass(slots=True)
class Slot:
    """What one cache holds, as far as we know; the backend may have dropped it meanwhile, which only costs time."""

    index: int
    tokens: list[int] = field(default_factory=list)
    last_used: int = 0


class Slots:
    """The backend's caches, with the tokens that each holds."""

    def __init__(self, count: int) -> None:
        self._slots = [Slot(index) for index in range(count)]
        self._uses = 0

    def choose(self, prompt: list[int]) -> Slot:
        """Returns the slot in which `prompt` should be evaluated, and marks it as used."""
        shared = {slot.index: common_prefix(slot.tokens, prompt) for slot in self._slots}
        best = max(self._slots, key=lambda slot: (shared[slot.index], -slot.last_used))
        if shared[best.index] < REUSE_SHARE_MIN * min(len(prompt), max(1, len(best.tokens))):
            best = min(self._slots, key=lambda slot: slot.last_used)
        self._uses += 1
        best.last_used = self._uses
        return best


def common_prefix(one: list[int], other: list[int]) -> int:
    """Returns how many tokens two sequences share at their start."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    low, high = 0, length
    # Slices compare in C, so that halving beats a Python loop over a thousand tokens.
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
