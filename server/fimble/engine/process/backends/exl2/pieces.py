"""The texts of a vocabulary's tokens, sorted at load, so that the tokens that may begin a given text are found at once.

It is what lets a prompt end at a token's boundary while the user's text ends inside a token ("token healing").
"""

import bisect

# The highest code point: sorts after every text with the same start.
_LAST = "\U0010ffff"


class Pieces:
    """The texts of all tokens by id; control tokens and parts of characters have no text of their own."""

    def __init__(self, texts: list[str]) -> None:
        """`texts` is indexed by token id; `\\ufffd` marks what is no whole character."""
        self._texts = texts
        known = [(text, token_id) for token_id, text in enumerate(texts) if text and "\ufffd" not in text]
        known.sort()
        self._sorted = [text for text, _ in known]
        self._ids = [token_id for _, token_id in known]

    def text(self, token_id: int) -> str:
        """Returns the text of a token, empty for an id that the vocabulary does not have."""
        return self._texts[token_id] if 0 <= token_id < len(self._texts) else ""

    def beginning(self, text: str) -> list[int]:
        """Returns the ids, ascending, of all tokens that start with `text` or that `text` starts with."""
        found = self._between(text, text + _LAST)
        for length in range(1, len(text)):
            found += self._between(text[:length], text[:length] + "\0")
        return sorted(found)

    def _between(self, first: str, last: str) -> list[int]:
        low = bisect.bisect_left(self._sorted, first)
        return self._ids[low : bisect.bisect_left(self._sorted, last, low)]
