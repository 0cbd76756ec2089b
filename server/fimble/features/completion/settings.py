"""How much is read, written and shown per suggestion."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """How much is read and written per suggestion, in the model's tokens.

    At most `prompt_tokens_max` are shown of the document (0: by the engine's speed, see `layout`), and besides what the
    model's card says of other places. Where the user has just come, only what can be read within `latency_target_ms`
    is read at first (0: 400 on a GPU, 900 elsewhere), the rest in the first pause. Of a text that nobody asked for,
    only that beginning is shown of which at most `wrong_characters_max` characters are expected to be wrong, as the
    model sees it. With `is_context_on`, code from other places is shown to the model if its card says that it helps.
    """

    prompt_tokens_max: int = 0
    tokens_max: int = 64
    latency_target_ms: int = 0
    wrong_characters_max: float = 1.0
    is_context_on: bool = True
