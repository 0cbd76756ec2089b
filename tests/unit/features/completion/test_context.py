"""What the model is shown of other places: when it is collected, where it goes, and that it stays where it is."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fimble.features.completion.context import NOTHING, Context, comment_of
from fimble.features.completion.feature import Completion
from fimble.features.completion.known_names import KnownNames
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery
from fimble.index.queries.attributes import Attributes
from fimble.models.card import ContextStyle, FillInMiddle, ModelCard
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.fit import Piece
from fimble.providers.provider import Control, ProviderModel
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text
from tests.unit.features.test_completion import WritingProvider

FIM = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>", repository="<R>", file="<F>")
FILES = ContextStyle(rendering="repository", tokens=100, evidence="-")
COMMENTS = ContextStyle(rendering="signatures", tokens=100, evidence="-")
ADD = Candidate(source=Source.CALLEE, path="b.py", first_line=3, last_line=3, text="def add(): ...", why="it is called")


class GivingContext:
    """Gives `candidates`, and keeps where it was asked."""

    def __init__(self, *candidates: Candidate) -> None:
        self.candidates_given: Sequence[Candidate] = candidates
        self.known: dict[str, Attributes] = {}
        self.offsets: list[int] = []

    async def candidates(self, snapshot: Snapshot, offset: int, budget_s: float) -> Sequence[Candidate]:
        self.offsets.append(offset)
        return self.candidates_given

    async def known_names(self, snapshot: Snapshot, offset: int, owners: tuple[str, ...]) -> KnownNames:
        return {owner: self.known.get(owner) for owner in owners}


class PacedProvider:
    """Another provider with a reading rate, in tokens per second."""

    def __init__(self, inner: WritingProvider, tokens_per_second: float) -> None:
        self.inner, self.tokens_per_second = inner, tokens_per_second
        self.count_tokens, self.generate = inner.count_tokens, inner.generate

    async def model(self) -> ProviderModel:
        return replace(await self.inner.model(), prefill_tokens_per_second=self.tokens_per_second)


def provider(style: ContextStyle | None) -> WritingProvider:
    made = WritingProvider("x", FIM)
    made.card = ModelCard(
        name="fake", title="-", licence="-", backend="scripted", context_tokens=4096, fill_in_middle=FIM, context=style
    )
    return made


def query(document: str, *, is_manual: bool = True) -> CompletionQuery:
    offset = document.index("$0")
    text = Text.from_string(document.replace("$0", "", 1))
    snapshot = Snapshot(uri="file:///a.py", path="a.py", language="python", version=1, text=text)
    return CompletionQuery(snapshot=snapshot, offset=offset, repository="r", window="w", is_manual=is_manual)


def piece(name: str, text: str = "text", tokens: int = 10) -> Piece:
    candidate = Candidate(
        source=Source.DEFINITION, path="b.py", first_line=0, last_line=0, text=text, why="-", name=name
    )
    return Piece(candidate, text, tokens)


async def test_files_stand_in_front_of_the_own_file() -> None:
    writing = provider(FILES)
    completion = Completion(writing, CompletionSettings(), context=GivingContext(ADD))
    suggestion = await completion.suggest(query("y = $0\n"))
    parts = writing.requests[0].prompt
    assert parts[:6] == (Control("<R>"), "r\n", Control("<F>"), "b.py\ndef add(): ...\n", Control("<F>"), "a.py\n")
    (item,) = suggestion.context
    assert (item.path, item.first_line, item.why) == ("b.py", 3, "it is called")
    assert item.tokens > 0


async def test_comments_stand_in_the_text_before_the_hole() -> None:
    writing = provider(COMMENTS)
    await Completion(writing, CompletionSettings(), context=GivingContext(ADD)).suggest(query("import a\ny = $0\n"))
    assert "# b.py\n# def add(): ...\nimport a\n" in writing.requests[0].prompt


async def test_a_model_that_gains_nothing_is_shown_nothing() -> None:
    writing, context = provider(None), GivingContext(ADD)
    suggestion = await Completion(writing, CompletionSettings(), context=context).suggest(query("y = $0\n"))
    assert suggestion.context == ()
    assert context.offsets == []


async def test_whoever_wants_no_other_files_gets_none() -> None:
    writing, context = provider(FILES), GivingContext(ADD)
    completion = Completion(writing, CompletionSettings(is_context_on=False), context=context)
    assert (await completion.suggest(query("y = $0\n"))).context == ()
    assert context.offsets == []


async def test_nobody_who_types_waits_for_context() -> None:
    writing, context = provider(FILES), GivingContext(ADD)
    completion = Completion(writing, CompletionSettings(), context=context)
    suggestion = await completion.suggest(query("y = $0\n", is_manual=False))
    assert (suggestion.text, suggestion.context) == ("x", ())
    assert context.offsets == []


async def test_in_a_pause_the_context_is_read_and_used_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fimble.features.completion.session.PAUSE_S", 0.0)
    writing, context = provider(FILES), GivingContext(ADD)
    completion = Completion(writing, CompletionSettings(), context=context)
    await completion.suggest(query("y = $0\n", is_manual=False))
    async with asyncio.timeout(5):
        while not (await completion.suggest(query("y = a$0\n", is_manual=False))).context:
            await asyncio.sleep(0)
    assert Control("<F>") in writing.requests[-1].prompt
    assert "b.py\ndef add(): ...\n" in writing.requests[-1].prompt


@pytest.mark.parametrize(("style", "is_kept"), [(COMMENTS, False), (FILES, True)])
async def test_far_away_only_files_in_front_stay(style: ContextStyle, *, is_kept: bool) -> None:
    writing, context = provider(style), GivingContext(ADD)
    completion = Completion(writing, CompletionSettings(), context=context)
    await completion.suggest(query("y = $0\n" + "x = 1\n" * 200))
    context.candidates_given = ()
    there = await completion.suggest(query("y = \n" + "x = 1\n" * 200 + "z = $0"))
    assert bool(there.context) is is_kept
    near = Completion(writing, CompletionSettings(), context=GivingContext(ADD))
    await near.suggest(query("y = $0\nz = 1\n"))
    assert (await near.suggest(query("y = 2\nz = $0\n", is_manual=False))).context


async def test_whoever_presses_the_key_while_typing_gets_the_context_too() -> None:
    writing, context = provider(COMMENTS), GivingContext(ADD)
    completion = Completion(PacedProvider(writing, 1.0), CompletionSettings(), context=context)
    document = "x = 1\n" * 300
    assert (await completion.suggest(query(f"{document}y = $0\n", is_manual=False))).context == ()
    assert (await completion.suggest(query(f"{document}y = $0\n"))).context


def test_what_was_read_stays_in_front_and_new_pieces_follow() -> None:
    old, new = Context((piece("a"), piece("b"))), Context((piece("c"), piece("b")))
    assert [each.candidate.name for each in old.joined(new, 100).pieces] == ["a", "b", "c"]
    assert old.joined(NOTHING, 100) is not NOTHING
    assert old.joined(NOTHING, 100).pieces == old.pieces


def test_where_both_do_not_fit_or_contradict_the_newer_ones_stay() -> None:
    old = Context((piece("a"), piece("b")))
    assert old.joined(Context((piece("c"),)), 25).pieces == (piece("c"),)
    assert old.joined(Context((piece("a", "changed"),)), 100).pieces == (piece("a", "changed"),)


@pytest.mark.parametrize(
    ("language", "comment"),
    [
        ("python", ("# ", "")),
        ("typescriptreact", ("// ", "")),
        ("rust", ("// ", "")),
        ("lua", ("-- ", "")),
        ("haskell", ("-- ", "")),
        ("css", ("/* ", " */")),
        ("html", ("<!-- ", " -->")),
        ("unheard-of", ("// ", "")),
    ],
)
def test_comments_are_those_of_the_language(language: str, comment: tuple[str, str]) -> None:
    assert comment_of(language) == comment
