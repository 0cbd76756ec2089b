"""How much is read, written and shown per suggestion."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """How much is read and written per suggestion, in the model's tokens.

    A prompt of `prompt_tokens_max` takes about three seconds on two cores when nothing is cached. So where the user
    has just come, only what can be read within `latency_target_ms` is read at first (0: 400 on a GPU, 900 elsewhere),
    and the rest in the first pause. Of a text that nobody asked for, only that beginning is shown of which at most
    `wrong_characters_max` characters are expected to be wrong, as the model sees it. With `is_context_on`, code from
    other places is shown to the model if its card says that it helps.
    """

    prompt_tokens_max: int = 512
    tokens_max: int = 64
    latency_target_ms: int = 0
    wrong_characters_max: float = 1.0
    is_context_on: bool = True
