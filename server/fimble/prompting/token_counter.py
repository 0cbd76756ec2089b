"""Counts the tokens of lines, remembering those it has seen: between two keystrokes nearly all lines are the same."""

from collections import OrderedDict
from collections.abc import Sequence

from fimble.providers.provider import Provider

LINES_REMEMBERED_MAX = 20_000


class TokenCounter:
    """Counts with one provider's model."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def count(self, lines: Sequence[str]) -> list[int]:
        """Returns the number of tokens of each line, its line end included.

        Counted line by line, the sum is at most a few tokens above the count of the joined text: tokens seldom
        span a line end.
        """
        unknown = list({line for line in lines if line not in self._counts})
        if unknown:
            counted = await self._provider.count_tokens([f"{line}\n" for line in unknown])
            self._counts.update(zip(unknown, counted, strict=True))
        counts = [self._counts[line] for line in lines]
        while len(self._counts) > LINES_REMEMBERED_MAX:
            self._counts.popitem(last=False)
        return counts

    def forget(self) -> None:
        """Forgets all counts; needed when another model answers."""
        self._counts.clear()
