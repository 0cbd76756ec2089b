"""Turns a request's parts into token ids, and finds a model's fill-in-the-middle tokens.

Text between control tokens is encoded as ordinary text, so that code which spells a control token stays code.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from fimble.engine.messages.frames import ControlPart, TextPart
from fimble.errors import RequestFailed

# The long parts of a prompt come again with every keystroke; 4 MiB of text is a few hundred of them.
CACHE_CHARACTERS_MAX = 4 * 1024 * 1024

# Spellings of (prefix, suffix, middle, repository, file) by family, for models without a card. The card's fields
# explain them; sources: the tokenizer files of Qwen2.5-Coder, StarCoder2, DeepSeek-Coder, CodeGemma, CodeLlama.
FAMILIES = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<repo_name>", "<file_sep>"),
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>", "", ""),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "", ""),
    ("▁<PRE>", "▁<SUF>", "▁<MID>", "", ""),
    ("<PRE>", "<SUF>", "<MID>", "", ""),
)


class Encoder:
    """Encodes parts, and remembers the texts it has seen; used by the worker's thread only."""

    def __init__(self, tokenize: Callable[[str], list[int]], control: Callable[[str], int | None]) -> None:
        self._tokenize = tokenize
        self._control = control
        self._cache: OrderedDict[str, list[int]] = OrderedDict()
        self._characters = 0

    def encode(self, parts: Iterable[TextPart | ControlPart]) -> list[int]:
        """Returns the ids of all parts in order.

        Raises:
            RequestFailed: a control token is not one of this model's.
        """
        ids: list[int] = []
        for part in parts:
            if isinstance(part, ControlPart):
                token_id = self._control(part.token)
                if token_id is None:
                    raise RequestFailed(f"The model has no control token {part.token!r}.")
                ids.append(token_id)
            elif part.text:
                ids.extend(self._encode_text(part.text))
        return ids

    def _encode_text(self, text: str) -> list[int]:
        if (ids := self._cache.get(text)) is not None:
            self._cache.move_to_end(text)
            return ids
        ids = self._tokenize(text)
        self._cache[text] = ids
        self._characters += len(text)
        while self._characters > CACHE_CHARACTERS_MAX:
            oldest, _ = self._cache.popitem(last=False)
            self._characters -= len(oldest)
        return ids


def find_controls(control: Callable[[str], int | None]) -> dict[str, str]:
    """Returns the spellings of a model's own fill-in-the-middle tokens by role, or {} where it has none."""
    for prefix, suffix, middle, repository, file in FAMILIES:
        if all(control(token) is not None for token in (prefix, suffix, middle)):
            roles = {
                "prefix": prefix,
                "suffix": suffix,
                "middle": middle,
                "repository": repository,
                "file": file,
            }
            return {role: token for role, token in roles.items() if token and control(token) is not None}
    return {}
