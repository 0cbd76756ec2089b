"""How much is read of a document, by the engine's speed."""

import pytest

from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from fimble.providers.provider import ProviderModel
from tests.unit.features.completion.test_context import query
from tests.unit.features.test_completion import WritingProvider

LINE = "first = second + third\n"
LINE_TOKENS = len(LINE) // 4  # As the fake counts.
LONG = LINE * 4000 + "y = $0\n"


class PacedProvider(WritingProvider):
    """Reads so many tokens in a second."""

    def __init__(self, tokens_per_second: float) -> None:
        super().__init__("x")
        self.tokens_per_second = tokens_per_second

    async def model(self) -> ProviderModel:
        return ProviderModel(card=self.card, context_tokens=32768, prefill_tokens_per_second=self.tokens_per_second)


async def tokens_shown(provider: WritingProvider, settings: CompletionSettings) -> int:
    await Completion(provider, settings).suggest(query(LONG))
    return LINE_TOKENS * sum(part.count(LINE) for part in provider.requests[0].prompt if isinstance(part, str))


@pytest.mark.parametrize(
    ("tokens_per_second", "tokens"), [(20, 256), (60, 512), (190, 512), (500, 1024), (5000, 2048), (0, 512)]
)
async def test_a_faster_engine_is_shown_more(tokens_per_second: float, tokens: int) -> None:
    shown = await tokens_shown(PacedProvider(tokens_per_second), CompletionSettings())
    # Room for the header is left, and the first line lies on a grid.
    assert tokens - 180 <= shown <= tokens


async def test_a_setting_counts_whatever_the_speed() -> None:
    settings = CompletionSettings(prompt_tokens_max=300)
    slow, fast = await tokens_shown(PacedProvider(20), settings), await tokens_shown(PacedProvider(5000), settings)
    assert slow == fast <= 300
