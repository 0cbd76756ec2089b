"""Which candidates stay, in which order, and how many of them a budget holds."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.fit import PIECES_MAX, fit
from fimble.prompting.context.rank import WEIGHTS, Ranked, rank
from fimble.prompting.context.rendering import RENDERINGS, Form, Place, Rendering

WHOLE = Rendering(name="whole", place=Place.FILES, form=Form.WHOLE)
SHORT = Rendering(name="short", place=Place.TOP, form=Form.SIGNATURE)


def candidate(
    text: str, *, source: Source = Source.CALLEE, path: str = "a.py", line: int = 0, **fields: object
) -> Candidate:
    return Candidate(
        source=source,
        path=path,
        first_line=line,
        last_line=line + text.count("\n"),
        text=text,
        why="-",
        **fields,  # type: ignore[arg-type]
    )


async def count(lines: Sequence[str]) -> list[int]:
    return [10 * (1 + line.count(" ")) for line in lines]


def names(ranked: Sequence[Ranked]) -> list[str]:
    return [each.candidate.text for each in ranked]


def test_every_source_has_a_weight() -> None:
    assert set(WEIGHTS) == set(Source)
    assert all(0 < weight <= 1 for weight in WEIGHTS.values())


def test_what_is_near_and_certain_comes_first_and_what_is_neither_not_at_all() -> None:
    ranked = rank(
        [
            candidate("def far_away(): ...", source=Source.CALLEE, line=0, nearness=0.4),
            candidate("def guessed(): ...", source=Source.CALLEE, line=10, certainty=0.5),
            candidate("def close_by(): ...", source=Source.CALLEE, line=20),
            candidate("class Listed: ...", line=30, source=Source.MEMBERS),
            candidate("def elsewhere(): ...", source=Source.CALLEE, line=40, nearness=0.2),
        ],
        around="",
    )
    assert names(ranked) == ["class Listed: ...", "def close_by(): ...", "def guessed(): ...", "def far_away(): ..."]


def test_of_the_same_lines_only_the_best_stays() -> None:
    best, other = candidate("def add(): ..."), candidate("def add(): ...", nearness=0.5)
    assert names(rank([other, best], around="")) == ["def add(): ..."]
    assert rank([other, best], around="")[0].candidate is best


def test_copies_of_the_same_text_count_once() -> None:
    copies = [candidate("def compute_total(a, b): ...", path=f"{name}.py") for name in "abc"]
    assert len(rank(copies, around="")) == 1


def test_what_the_prompt_shows_anyway_is_left_out() -> None:
    inside, outside = candidate("def inside(): ...", line=5), candidate("def outside(): ...", line=50)
    assert names(rank([inside, outside], around="", seen=[("a.py", 0, 20)])) == ["def outside(): ..."]
    assert len(rank([inside, outside], around="", seen=[("b.py", 0, 20)])) == 2


def test_what_is_too_like_the_text_around_is_left_out() -> None:
    around = "total = compute_total(first, second)\nprint(total, first)\n"
    echo = candidate("total = compute_total(first, second)\nprint(total, first)", path="b.py")
    other = candidate("def compute_total(left, right):\n    return left + right", path="b.py", line=20)
    assert names(rank([echo, other], around)) == [other.text]


@pytest.mark.parametrize(("tokens_max", "shown"), [(1000, ["a b\nc d\ne f", "g h"]), (100, ["g h"]), (10, [])])
async def test_the_best_that_fit_are_shown(tokens_max: int, shown: list[str]) -> None:
    ranked = [Ranked(candidate("a b\nc d\ne f"), 1.0), Ranked(candidate("g h", line=9), 0.5)]
    assert [piece.text for piece in await fit(ranked, WHOLE, tokens_max, count)] == shown


async def test_what_is_too_long_is_shown_by_its_short_form_or_its_first_lines() -> None:
    long = candidate("\n".join(f"line {number}" for number in range(30)), signature="def long(): ...")
    (piece,) = await fit([Ranked(long, 1.0)], WHOLE, 300, count)
    assert piece.text == "def long(): ..."
    listed = candidate("\n".join(f"line {number}" for number in range(30)))
    (piece,) = await fit([Ranked(listed, 1.0)], SHORT, 300, count)
    assert piece.text == "line 0\nline 1\nline 2\nline 3\nline 4"


async def test_a_rendering_may_want_some_sources_only() -> None:
    ranked = [Ranked(candidate("def f(): ..."), 1.0), Ranked(candidate("f(1)", source=Source.USAGE, line=9), 0.5)]
    assert [piece.text for piece in await fit(ranked, RENDERINGS["call-sites"], 500, count)] == ["f(1)"]


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(0, 600))
async def test_no_budget_is_overdrawn(lengths: list[int], tokens_max: int) -> None:
    ranked = [
        Ranked(candidate("\n".join(["x y"] * length), line=100 * number), 1.0) for number, length in enumerate(lengths)
    ]
    pieces = await fit(ranked, WHOLE, tokens_max, count)
    assert sum(piece.tokens for piece in pieces) <= tokens_max
    assert len(pieces) <= PIECES_MAX
