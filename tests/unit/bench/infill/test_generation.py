"""One recording, two gradings: the product's own rules see the same pieces, one after the other."""

from collections.abc import AsyncGenerator, Sequence

from fimble.bench.infill.generation import asked, generate, query, settled, suggested
from fimble.bench.infill.tasks import Split, Task
from fimble.features.completion.suggestion import CompletionQuery
from fimble.models.card import FillInMiddle, ModelCard
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece, Priority, ProviderModel

CARD = ModelCard(
    name="fake",
    title="Fake",
    licence="MIT",
    backend="scripted",
    context_tokens=4096,
    fill_in_middle=FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>"),
)


class FakeModel:
    """Writes the words of its text, one token each, and notes what it was asked."""

    def __init__(self, words: Sequence[str], log_probability: float = 0.0) -> None:
        self.words = words
        self.log_probability = log_probability
        self.requests: list[GenerationRequest] = []

    async def model(self) -> ProviderModel:
        return ProviderModel(card=CARD, context_tokens=4096)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        self.requests.append(request)
        report.stop_reason = "stop"
        for word in [request.starts_with, *self.words]:
            if report.generated_tokens == request.tokens_max:
                report.stop_reason = "length"
                return
            report.generated_tokens += 1
            yield Piece(word, 1, self.log_probability)


def hole(before: str, after: str) -> Task:
    return Task(
        id="SingleLineInfilling/HumanEval/0/L0", split=Split.SINGLE_LINE, before=before, after=after, gold="", test="",
        entry_point="f",
    )  # fmt: skip


async def recorded(model: FakeModel, task: Task, *, is_manual: bool = False) -> tuple[str, str, str, str | None]:
    """Returns the raw text, what is shown, and why it ends or is not shown."""
    wish = await asked(task, model, settled)
    generation = await generate(task, wish, model, tokens_max=200, model="fake", stopped_s=10)
    suggestion, has_other_prompt = await suggested(task, generation, model, settled, is_manual=is_manual)
    assert not has_other_prompt
    return generation.text, suggestion.text, suggestion.stop_reason, suggestion.suppressed_by


async def test_the_model_is_asked_once_and_for_the_prompt_of_the_feature() -> None:
    model = FakeModel(["    return", " 1", "\n", "\n", "def", " g():", "\n"])
    task = hole("def f():\n", "\n\nf()\n")
    raw, shown, rule, suppressed = await recorded(model, task)
    assert raw == "    return 1\n\ndef g():\n"
    assert (shown, rule, suppressed) == ("    return 1", "blank-line", None)
    (request,) = model.requests
    assert (request.priority, request.tokens_max) == (Priority.BENCHMARK, 200)
    # The same prompt as that of a feature that nobody listens to.
    direct = FakeModel([])
    await settled(direct).suggest(_query(task))
    assert request.prompt == direct.requests[0].prompt
    assert request.starts_with == direct.requests[0].starts_with


async def test_text_that_the_document_has_already_is_not_part_of_what_is_written() -> None:
    model = FakeModel(["turn", " 1"])
    raw, shown, _, _ = await recorded(model, hole("def f():\n    re", "\n"))
    assert model.requests[0].starts_with.endswith("re")
    assert raw == shown == "turn 1"


async def test_inside_a_word_there_is_a_raw_text_and_nothing_is_shown() -> None:
    raw, shown, _, suppressed = await recorded(FakeModel(["tur"]), hole("def f():\n    re", "n 1\n"))
    assert (raw, shown, suppressed) == ("tur", "", "inside-word")


async def test_what_the_model_is_not_sure_of_is_shown_by_hand_only() -> None:
    task = hole("def f():\n", "\n")
    words = ["    return", " 1", " +", " 2"]
    unsure = await recorded(FakeModel(words, -0.4), task)
    assert unsure[1] != "    return 1 + 2"
    assert (await recorded(FakeModel(words, -0.4), task, is_manual=True))[1] == "    return 1 + 2"
    assert (await recorded(FakeModel(words, -0.001), task))[1] == "    return 1 + 2"


async def test_the_products_own_limit_holds_for_what_is_shown() -> None:
    words = [f" + {number}" for number in range(100)]
    raw, shown, rule, _ = await recorded(FakeModel(["    x = 0", *words]), hole("def f():\n", "\n"))
    assert raw.endswith("+ 99")
    # 64 tokens, of which the empty start is one here.
    assert (shown, rule) == ("    x = 0" + "".join(words[:62]), "length")


def _query(task: Task) -> CompletionQuery:

    return query(task, is_manual=False)
