"""A model's tokenizer with the difference between text and control tokens kept, whatever the text spells.

In many tokenizer files, Qwen's among them, the fill-in-the-middle tokens are "not special", and would be found inside
a user's code; here every added token counts as special, and special tokens are not looked for in text.
"""

import json
from typing import Any


class Vocabulary:
    """Turns text into ids, and the spelling of a control token into its id."""

    def __init__(self, tokenizer_json: str) -> None:
        """`tokenizer_json` is the content of a model's tokenizer.json."""
        import tokenizers  # noqa: PLC0415 - comes with fimble[gpu].

        description: dict[str, Any] = json.loads(tokenizer_json)
        added = description.get("added_tokens") or []
        for token in added:
            token["special"] = True
        self._controls = frozenset(str(token["content"]) for token in added)
        self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(description))
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of ordinary text."""
        encodable = text.encode("utf-8", "replace").decode("utf-8")  # An editor may send halves of surrogate pairs.
        return list(self._tokenizer.encode(encodable, add_special_tokens=False).ids)

    def control(self, token: str) -> int | None:
        """Returns the id of a control token by its spelling, or None where the model has no such token."""
        return int(self._tokenizer.token_to_id(token)) if token in self._controls else None
