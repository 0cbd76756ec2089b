"""Chooses which of a backend's key-value caches a prompt continues.

Several editors share one model; each of them profits only if its own prompt of a moment ago is still there.
"""

from dataclasses import dataclass, field

# A slot is continued when at least this share of the prompt is already in it; otherwise the prompt takes the
# slot that was used longest ago, so that a short common head (the same repository) does not cost another
# editor its cache.
REUSE_SHARE_MIN = 0.5
# Of an earlier version of the same prompt, whose rest nobody needs any more, less is enough: more than a head.
REUSE_TOKENS_MIN = 64


@dataclass(slots=True)
class Slot:
    """What one cache holds, as far as we know; the backend may have dropped it meanwhile, which only costs time.

    `version_of` is that of the run which filled it last; `is_written_from` tells that this run wrote something, and
    none of the same version has done so elsewhere since.
    """

    index: int
    tokens: list[int] = field(default_factory=list)
    last_used: int = 0
    version_of: str = ""
    is_written_from: bool = False


class Slots:
    """The backend's caches, with the tokens that each holds."""

    def __init__(self, count: int) -> None:
        self._slots = [Slot(index) for index in range(count)]
        self._uses = 0

    def choose(self, prompt: list[int], version_of: str = "", *, is_writing: bool = True) -> Slot:
        """Returns the slot in which `prompt` should be evaluated, and marks it as used.

        Prompts with the same `version_of` (not empty) replace one another: they show the same document. One that is
        only read (`is_writing` is false) leaves alone what the document's newest text was written from, since more is
        written from there until all of the other one has been read.
        """
        shared = {slot.index: common_prefix(slot.tokens, prompt) for slot in self._slots}

        def nearness(slot: Slot) -> tuple[int, int]:
            return shared[slot.index], -slot.last_used

        best = max(self._slots, key=nearness)
        if shared[best.index] < REUSE_SHARE_MIN * min(len(prompt), max(1, len(best.tokens))):
            oldest = min(self._slots, key=lambda slot: slot.last_used)
            versions = [slot for slot in self._slots if version_of and slot.version_of == version_of]
            best = max(
                (slot for slot in versions if is_writing or not slot.is_written_from), key=nearness, default=oldest
            )
            if shared[best.index] < REUSE_TOKENS_MIN:
                best = oldest
        self._uses += 1
        best.last_used = self._uses
        if is_writing:
            for slot in self._slots:
                slot.is_written_from = slot.is_written_from and slot.version_of != version_of
        best.version_of = version_of
        best.is_written_from = is_writing
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
