"""Which tokens of a gold text count for which share, and what is asked."""

import pytest

from fimble.bench.crossfile.likelihood import Asked, question_of, shares
from fimble.bench.crossfile.likelihood_engine import Likelihood, Token
from fimble.bench.crossfile.likelihood_rows import Share
from fimble.bench.crossfile.spots import Definition, Kind, Spot
from fimble.bench.crossfile.workspace import Hole
from fimble.providers.provider import Control, GenerationReport, GenerationRequest
from tests.functional.bench_crossfile.writing_provider import WritingProvider

GOLD = "stock.add(item,\n    count=2)"
HOLE = Hole(before="def f(stock, item):\n    ", gold=GOLD, after="\n")


def spot(*names: str, kind: Kind = "line") -> Spot:
    definitions = tuple(Definition("b.py", 1, 2, name) for name in names)
    return Spot(package="p", path="a.py", offset=24, length=len(GOLD), kind=kind, definitions=definitions)


def likelihood(*texts: str, before: int = 0) -> Likelihood:
    """Every token's log-probability is minus its number from 1; the first begins `before` bytes early."""
    tokens, at = [], -before
    for number, text in enumerate(texts, 1):
        tokens.append(Token(at, at + len(text.encode()), -float(number)))
        at += len(text.encode())
    return Likelihood(tokens=tuple(tokens), end_nats=None, floored=0, prompt_tokens=9, ms=1.0)


def test_shares_are_the_tokens_that_touch_their_characters() -> None:
    found = likelihood("stock", ".add", "(item", ",\n", "    count", "=", "2)")
    assert shares(found, GOLD, HOLE, spot("Stock.add"), {"add", "count", "item"}) == {
        "gold": Share(characters=28, tokens=7, nats=-28.0),
        # Up to the comma, in whose token the new line is.
        "first_line": Share(characters=15, tokens=4, nats=-10.0),
        "names": Share(characters=3, tokens=1, nats=-2.0),
        # Of the definitions' words, `item` stands in the file already.
        "new_names": Share(characters=8, tokens=2, nats=-7.0),
    }


def test_what_lies_behind_the_last_token_does_not_count() -> None:
    found = shares(likelihood("stock", ".ad"), GOLD, HOLE, spot("Stock.add"), {"count"})
    assert found["gold"] == Share(characters=8, tokens=2, nats=-3.0)
    # Of the name two of three characters were looked at; of `count`, none.
    assert found["names"] == Share(characters=2, tokens=1, nats=-2.0)
    assert "new_names" not in found


def test_characters_are_counted_not_bytes_and_a_token_across_the_start_counts() -> None:
    hole = Hole(before="x = ", gold="é('ü')", after="")
    found = shares(likelihood(" é", "('", "ü", before=1), hole.gold, hole, spot("é"), ())
    assert found["gold"] == Share(characters=4, tokens=3, nats=-6.0)
    assert found["names"] == Share(characters=1, tokens=1, nats=-1.0)


def test_a_class_is_named_where_its_initialiser_is_used() -> None:
    hole = Hole(before="", gold="Item(1)", after="")
    found = shares(likelihood("Item", "(", "1", ")"), hole.gold, hole, spot("Item.__init__"), ())
    assert found["names"] == Share(characters=4, tokens=1, nats=-1.0)


def test_the_first_line_is_the_first_with_something_in_it() -> None:
    hole = Hole(before="def f():", gold="\n    a\n    b", after="")
    found = shares(likelihood("\n   ", " a", "\n   ", " b"), hole.gold, hole, spot("f"), ())
    assert found["first_line"] == Share(characters=6, tokens=2, nats=-3.0)


@pytest.mark.parametrize(
    ("kind", "after", "line_ends"),
    [("line", "\n", True), ("call", "\r\nx", True), ("line", "", True), ("call", ")\n", False), ("body", "\n", False)],
)
def test_a_new_line_ends_what_stands_at_the_end_of_a_line(kind: Kind, after: str, *, line_ends: bool) -> None:
    request = GenerationRequest(prompt=("a", Control("<M>")), tokens_max=64, starts_with="(")
    question = question_of(request, Hole(before="", gold="a\r\nb", after=after), spot("f", kind=kind))
    assert question.line_ends is line_ends
    assert question.parts == ((False, "a"), (True, "<M>"))
    assert (question.starts_with, question.text) == ("(", "a\nb")


async def test_the_first_request_for_writing_is_kept_and_nothing_is_written() -> None:
    provider = WritingProvider(lambda _: "x")
    asked = Asked(provider)
    requests = [GenerationRequest(prompt=(text,), tokens_max=tokens) for text, tokens in (("a", 0), ("b", 9), ("c", 9))]
    for request in requests:
        assert [piece async for piece in asked.generate(request, GenerationReport())] == []
    assert asked.take() == requests[1]
    assert asked.take() is None
    assert provider.prompts == []
    assert (await asked.model()).card.name == "fake"
