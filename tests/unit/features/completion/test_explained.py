"""What a suggestion tells of how it came about."""

import pytest

from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from tests.unit.features.completion.test_context import ADD, FILES, GivingContext, provider, query


async def test_the_parts_of_the_prompt_are_told_in_their_order() -> None:
    completion = Completion(provider(FILES), CompletionSettings(), context=GivingContext(ADD))
    suggestion = await completion.suggest(query("import a\n\ny = $0\nz = 1\n"))
    sections = suggestion.explanation.sections
    assert [(section.name, section.path, section.first_line, section.last_line) for section in sections] == [
        ("context: callee", "b.py", 3, 3),
        ("text before the anchor", "a.py", 0, 1),
        ("typed since the anchor", "a.py", 2, 2),
        ("text after the cursor", "a.py", 2, 4),
    ]
    assert sections[0].why == "it is called"


async def test_times_and_confidence_are_told() -> None:
    explanation = (await Completion(provider(None)).suggest(query("y = $0\n", is_manual=False))).explanation
    assert [name for name, _ in explanation.stages_ms] == [
        "lay out the prompt",
        "read a new place",
        "queue",
        "read the rest of the prompt",
        "write",
    ]
    # The fake is sure of each piece by exp(-0.001).
    assert explanation.mean_log_probability == pytest.approx(-0.001)
    assert explanation.expected_wrong_characters == pytest.approx(0.001, rel=0.01)
    assert explanation.wrong_characters_max == 1.0


async def test_who_asks_by_a_key_has_no_limit() -> None:
    explanation = (await Completion(provider(None)).suggest(query("y = $0\n"))).explanation
    assert explanation.wrong_characters_max is None
