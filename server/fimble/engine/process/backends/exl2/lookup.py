"""Guesses the next tokens from the place where the last ones stood before: cheap drafts for text that is copied.

The idea is prompt lookup decoding (apoorvumang/prompt-lookup-decoding); the guesses are verified by the model, so that
a wrong one costs time and nothing else.
"""

# Two tokens recur by chance all the time in code; three rarely do.
MATCH_TOKENS = 3


class PromptLookup:
    """What has been read and written so far, by its runs of `MATCH_TOKENS` tokens."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        self._copied_from = 0

    def extend(self, tokens: list[int]) -> None:
        """Adds what follows."""
        start = max(0, len(self._tokens) - MATCH_TOKENS)
        self._tokens += tokens
        # The last run gets its place with the token that follows it: a run must not find itself.
        for at in range(start, len(self._tokens) - MATCH_TOKENS):
            self._places[tuple(self._tokens[at : at + MATCH_TOKENS])] = at + MATCH_TOKENS

    def guess(self, tokens_max: int) -> list[int]:
        """Returns up to `tokens_max` tokens that followed the last ones before; none where they are new."""
        last = tuple(self._tokens[-MATCH_TOKENS:])
        # Who copies a text goes on copying that one, also where a line of it occurs elsewhere too.
        if self._copied_from and tuple(self._tokens[self._copied_from - MATCH_TOKENS : self._copied_from]) == last:
            place = self._copied_from
        else:
            place = self._places.get(last, 0)
        guess = self._tokens[place : place + tokens_max] if place else []
        self._copied_from = place
        return guess

    def advance(self, tokens: list[int]) -> None:
        """Adds what was written, and follows along the text that it was guessed from."""
        if self._copied_from:
            self._copied_from += len(tokens)
        self.extend(tokens)

    def __len__(self) -> int:
        return len(self._tokens)
