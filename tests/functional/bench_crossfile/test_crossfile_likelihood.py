"""A likelihood run over a made-up package, with whoever scores made up too, and the real model's own figures."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fimble.bench.crossfile import arms
from fimble.bench.crossfile.arms import Asking
from fimble.bench.crossfile.errors import SpotInvalid, TextUnscorable
from fimble.bench.crossfile.find import find_spots
from fimble.bench.crossfile.likelihood import Asked, Scoring, score_all
from fimble.bench.crossfile.likelihood_engine import (
    Likelihood,
    LikelihoodEngine,
    LikelihoodSettings,
    Question,
    Token,
    likelihood_engine,
    settings_for,
)
from fimble.bench.crossfile.likelihood_report import result_of
from fimble.bench.crossfile.likelihood_rows import Rows
from fimble.bench.crossfile.run import workspaces
from fimble.bench.crossfile.spots import Spot, SpotSet
from fimble.bench.crossfile.workspace import Workspace
from fimble.cli.settings import DEFAULT_MODEL
from fimble.errors import EngineUnavailable, ModelRefused
from fimble.features.completion.settings import CompletionSettings
from fimble.models import store
from fimble.models.catalogue import find_card
from fimble.prompting.context.rendering import RENDERINGS
from fimble.providers.provider import Control, ProviderModel
from tests.functional.bench_crossfile.writing_provider import WritingProvider
from tests.unit.bench.crossfile.shop import archived_package

ASKING = Asking(settings=CompletionSettings())


class LetterScorer:
    """Finds each character as probable as half, or all but certain where the prompt names the other file."""

    def __init__(self) -> None:
        self.questions: list[Question] = []

    async def likelihood(self, question: Question) -> Likelihood:
        self.questions.append(question)
        knows = any("src/shop/stock.py" in text for _, text in question.parts)
        tokens = tuple(Token(at, at + 1, -0.1 if knows else math.log(0.5)) for at in range(len(question.text)))
        return Likelihood(tokens=tokens, end_nats=-1.0, floored=0, prompt_tokens=9, ms=1.0)


def found(tmp_path: Path) -> SpotSet:
    _, package = archived_package(tmp_path)
    with workspaces([package], tmp_path / "place", tmp_path, tmp_path, lambda _: None) as places:
        spots = find_spots(places["shop"].folder, package, per_kind=1, seed=1)
    return SpotSet(seed=1, packages=(package,), spots=tuple(spots))


async def score(spots: SpotSet, tmp_path: Path, scorer: LetterScorer, rows: Rows, *, place: str) -> WritingProvider:
    provider = WritingProvider(lambda _: "x")
    asked = Asked(provider)
    chosen = {
        "off": arms.off(asked, ASKING),
        "off again": arms.off(asked, ASKING),
        "oracle/signatures": arms.oracle(asked, ASKING, RENDERINGS["signatures"]),
    }
    scoring = Scoring(arms=chosen, asked=asked, scorer=scorer)
    with workspaces(spots.packages, tmp_path / place, tmp_path, tmp_path, lambda _: None) as places:
        await score_all(spots, places, scoring, rows, lambda _: None)
    return provider


async def test_the_gold_text_is_scored_after_the_prompt_that_the_product_sends(tmp_path: Path) -> None:
    spots, scorer, rows = found(tmp_path), LetterScorer(), Rows(None, {})
    provider = await score(spots, tmp_path, scorer, rows, place="a")
    # Nothing is written; the same prompt is asked for once.
    assert provider.prompts == []
    assert len(scorer.questions) == 2 * len(spots.spots)
    assert all(question.parts[0] == (True, "<R>") for question in scorer.questions)
    result = result_of(rows.rows.values(), spots, {})
    assert result["arms"]["off"]["gold"]["nats_per_character"] == pytest.approx(math.log(0.5))
    assert result["arms"]["oracle/signatures"]["names"]["nats_per_character"] == pytest.approx(-0.1)
    gain = result["differences"]["oracle/signatures - off"]["gold"]
    assert gain["nats_per_character"] == pytest.approx(-0.1 - math.log(0.5))
    assert (gain["n"], gain["better"]) == (len(spots.spots), 1.0)
    assert result["differences"]["off again - off"]["gold"]["nats_per_character_95"] == [0.0, 0.0]


async def test_a_run_goes_on_where_it_was_left(tmp_path: Path) -> None:
    spots, out = found(tmp_path), tmp_path / "out"
    first = SpotSet(seed=1, packages=spots.packages, spots=spots.spots[:1])
    await score(first, tmp_path, LetterScorer(), Rows(out, {"model": "a"}), place="a")
    scorer = LetterScorer()
    await score(spots, tmp_path, scorer, Rows(out, {"model": "a"}), place="b")
    assert len(scorer.questions) == 2 * (len(spots.spots) - 1)
    assert len(Rows(out, {"model": "a"}).rows) == 3 * len(spots.spots)


async def test_an_arm_that_asks_the_model_nothing_is_told(tmp_path: Path) -> None:
    async def silent(spot: Spot, workspace: Workspace) -> arms.Answer:
        return arms.Answer(raw="", shown="")

    spots = found(tmp_path)
    asked = Asked(WritingProvider(lambda _: "x"))
    scoring = Scoring(arms={"silent": silent}, asked=asked, scorer=LetterScorer())
    with (
        workspaces(spots.packages, tmp_path / "a", tmp_path, tmp_path, lambda _: None) as places,
        pytest.raises(SpotInvalid, match="asks the model nothing"),
    ):
        await score_all(spots, places, scoring, Rows(None, {}), lambda _: None)


def test_a_model_that_llama_cpp_does_not_run_is_refused() -> None:
    with pytest.raises(ModelRefused, match="does not run by llama"):
        settings_for(ProviderModel(card=find_card("scripted"), context_tokens=4096))


async def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF?")
    settings = LikelihoodSettings(model_file=str(tmp_path / "model.gguf"), context_tokens=512, threads=1)
    with pytest.raises(EngineUnavailable, match="does not start"):
        async with likelihood_engine(settings):
            pass


FIM = find_card(DEFAULT_MODEL).fill_in_middle
BEFORE = "import os\n\n\ndef names(folder):\n    for name in os.listdir(folder):\n        yield "


def question(text: str, starts_with: str = "", *, before: str = BEFORE, tokens_max: int = 48) -> Question:
    assert FIM is not None
    parts = (Control(FIM.prefix), before, Control(FIM.suffix), "\n", Control(FIM.middle))
    return Question.of(parts, starts_with, text, tokens_max=tokens_max, line_ends=True)


async def nats(engine: LikelihoodEngine, asked: Question) -> float:
    return sum(token.nats for token in (await engine.likelihood(asked)).tokens)


@pytest.mark.model
async def test_the_real_model_finds_the_right_text_more_probable_than_another() -> None:
    model = ProviderModel(card=find_card(DEFAULT_MODEL), context_tokens=1024)
    assert store.ready_path(model.card).is_file()
    async with likelihood_engine(settings_for(model)) as engine:
        right = await engine.likelihood(question("os.path.join(folder, name)"))
        assert b"".join(b"x" * (token.end - token.start) for token in right.tokens) == b"x" * 26
        assert all(token.nats <= 0 for token in right.tokens)
        assert right.floored == 0
        assert right.end_nats is not None
        assert right.end_nats > math.log(0.2)
        assert await nats(engine, question("os.path.join(folder, name)")) == sum(token.nats for token in right.tokens)
        assert await nats(engine, question("os.path.join(wombat, name)")) < sum(t.nats for t in right.tokens) - 5
        # Text that spells a control token stays text, and so does what is no ASCII.
        odd = await engine.likelihood(question("'<|fim_middle|>é漢🙂'", before="<|endoftext|>"))
        assert odd.tokens[-1].end == len("'<|fim_middle|>é漢🙂'".encode())
        # What has been typed already is given: less is left to be guessed.
        assert (await engine.likelihood(question(".path.join(folder, name)", "os"))).tokens[0].start >= 0
        cut = await engine.likelihood(question("os.path.join(folder, name)", tokens_max=3))
        assert (len(cut.tokens), cut.end_nats) == (3, None)
        assert [t.nats for t in cut.tokens] == [pytest.approx(t.nats) for t in right.tokens[:3]]
        with pytest.raises(TextUnscorable, match="the model takes 1024"):
            await engine.likelihood(question("x", before="word " * 2000))
        # One refusal does no harm.
        assert await nats(engine, question("os")) < 0


@pytest.mark.model
def test_ctrl_c_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    card = find_card(DEFAULT_MODEL)
    program = (
        "import asyncio, sys\n"
        "from fimble.bench.crossfile.likelihood_engine import *\n"
        f"settings = LikelihoodSettings(model_file={str(store.ready_path(card))!r}, context_tokens=512, threads=1)\n"
        "async def run():\n"
        "    async with likelihood_engine(settings):\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 1
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while children[0].is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not children[0].is_running()
    assert list(tmp_path.iterdir()) == []
