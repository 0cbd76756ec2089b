"""A whole run over a made-up package with a provider that writes what the test says."""

import json
from pathlib import Path

import pytest

from fimble.bench.crossfile import arms
from fimble.bench.crossfile.arms import Asking
from fimble.bench.crossfile.errors import ArmUnavailable, ResultsOther
from fimble.bench.crossfile.find import find_spots
from fimble.bench.crossfile.report import page, result_of, write_report
from fimble.bench.crossfile.run import ANSWERS_FILE, Answers, ask_all, workspaces
from fimble.bench.crossfile.spots import SpotSet
from fimble.features.completion.settings import CompletionSettings
from fimble.prompting.context.rendering import RENDERINGS
from tests.functional.bench_crossfile.writing_provider import WritingProvider
from tests.unit.bench.crossfile.shop import COUNTER, archived_package

ASKING = Asking(settings=CompletionSettings())
PAST_THE_HOLE = "\n\n\nclass Next:\n    pass\n"


def found(tmp_path: Path) -> SpotSet:
    _, package = archived_package(tmp_path)
    with workspaces([package], tmp_path / "place", tmp_path, tmp_path, lambda _: None) as places:
        spots = find_spots(places["shop"].folder, package, per_kind=1, seed=1)
    return SpotSet(seed=1, packages=(package,), spots=tuple(spots))


async def ask(spots: SpotSet, tmp_path: Path, provider: WritingProvider, answers: Answers, *, place: str) -> None:
    chosen = {
        "off": arms.off(provider, ASKING),
        "oracle/signatures": arms.oracle(provider, ASKING, RENDERINGS["signatures"]),
    }
    with workspaces(spots.packages, tmp_path / place, tmp_path, tmp_path, lambda _: None) as places:
        await ask_all(spots, places, chosen, answers, lambda _: None)


def gold_of(spots: SpotSet, prompt: str) -> str:
    """Returns the text that is missing in the prompt, as a model would that has seen the file."""
    before, after = prompt.split("<P>")[1].split("<M>", maxsplit=1)[0].split("<S>")
    kept = "\n".join(line for line in before.split("\n") if not line.startswith("# "))
    (spot,) = [
        spot
        for spot in spots.spots
        if COUNTER[: spot.offset].startswith(kept) and COUNTER[spot.offset + spot.length :].startswith(after)
    ]
    return COUNTER[spot.offset : spot.offset + spot.length]


async def test_a_model_that_knows_the_text_is_exact_once_the_product_has_cut_what_is_past_the_hole(
    tmp_path: Path,
) -> None:
    spots = found(tmp_path)
    provider = WritingProvider(lambda prompt: gold_of(spots, prompt) + PAST_THE_HOLE)
    answers = Answers(None, {})
    await ask(spots, tmp_path, provider, answers, place="a")
    result = result_of(answers.rows.values(), spots, {"model": "fake"})
    for name in ("off", "oracle"):
        assert (result[name]["n"], result[name]["exact"], result[name]["overrun"]) == (len(spots.spots), 1.0, 0.0)
        assert (result[name]["raw"]["exact"], result[name]["raw"]["overrun"]) == (0.0, 1.0)
        assert result[name]["exact_95"][1] == pytest.approx(1.0)
    assert result["oracle"]["rendering"] == "signatures"
    assert result["differences"]["oracle/signatures - off"]["shown"]["exact"] == 0.0


async def test_only_the_oracle_sees_what_the_other_file_defines(tmp_path: Path) -> None:
    spots = found(tmp_path)
    provider = WritingProvider(lambda prompt: "known()" if "# src/shop/stock.py" in prompt else "unknown()")
    answers = Answers(None, {})
    await ask(spots, tmp_path, provider, answers, place="a")
    raw = {(arm, row.answer.raw) for (_, arm), row in answers.rows.items()}
    assert raw == {("off", "unknown()"), ("oracle/signatures", "known()")}
    # One request each: what the product reads ahead, or writes for later, is not asked of the model.
    assert len(provider.prompts) == 2 * len(spots.spots)


async def test_no_prompt_holds_the_gold_text(tmp_path: Path) -> None:
    spots = found(tmp_path)
    provider = WritingProvider(lambda _: "x")
    chosen = {name: arms.oracle(provider, ASKING, render) for name, render in RENDERINGS.items()}
    with workspaces(spots.packages, tmp_path / "a", tmp_path, tmp_path, lambda _: None) as places:
        for spot in spots.spots:
            gold = COUNTER[spot.offset : spot.offset + spot.length]
            for arm in chosen.values():
                await arm(spot, places["shop"])
                assert gold not in provider.prompts[-1] or COUNTER.count(gold) > 1


async def test_a_run_goes_on_where_it_was_left(tmp_path: Path) -> None:
    spots, out = found(tmp_path), tmp_path / "out"
    first = SpotSet(seed=1, packages=spots.packages, spots=spots.spots[:1])
    await ask(first, tmp_path, WritingProvider(lambda _: "x"), Answers(out, {"model": "a"}), place="a")
    with (out / ANSWERS_FILE).open("ab") as file:
        file.write(b'{"spot": "half a li')
    provider = WritingProvider(lambda _: "x")
    answers = Answers(out, {"model": "a"})
    await ask(spots, tmp_path, provider, answers, place="b")
    assert len(provider.prompts) == 2 * (len(spots.spots) - 1)
    assert len(Answers(out, {"model": "a"}).rows) == 2 * len(spots.spots)


async def test_answers_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    Answers(tmp_path, {"model": "a", "commit": "1"})
    with pytest.raises(ResultsOther, match="another model"):
        Answers(tmp_path, {"model": "b", "commit": "1"})
    assert Answers(tmp_path, {"model": "a", "commit": "1"}).rows == {}


async def test_the_products_own_context_finds_what_the_gold_text_uses_and_never_the_gold_text(tmp_path: Path) -> None:
    spots = found(tmp_path)
    provider = WritingProvider(lambda _: "x")
    arm = arms.on(provider, ASKING, RENDERINGS["signatures"])
    shown = set()
    with workspaces(spots.packages, tmp_path / "a", tmp_path, tmp_path, lambda _: None) as places:
        for spot in spots.spots:
            answer = await arm(spot, places["shop"])
            gold = COUNTER[spot.offset : spot.offset + spot.length]
            assert (answer.context_tokens > 0) is ("# src/shop/stock.py" in provider.prompts[-1])
            assert gold not in provider.prompts[-1] or COUNTER.count(gold) > 1
            if answer.context_tokens:
                shown.add(spot.kind)
    # Where nothing says what will be called, little is certain enough.
    assert "call" in shown


async def test_a_model_that_is_shown_no_context_has_no_arm_with_it(tmp_path: Path) -> None:
    spots = found(tmp_path)
    arm = arms.on(WritingProvider(lambda _: "x"), ASKING)
    with (
        workspaces(spots.packages, tmp_path / "a", tmp_path, tmp_path, lambda _: None) as places,
        pytest.raises(ArmUnavailable, match="--render"),
    ):
        await arm(spots.spots[0], places["shop"])


async def test_the_report_has_both_forms(tmp_path: Path) -> None:
    spots = found(tmp_path)
    answers = Answers(None, {})
    await ask(spots, tmp_path, WritingProvider(lambda _: "x = ("), answers, place="a")
    result = result_of(answers.rows.values(), spots, {"model": "fake"})
    write_report(result, tmp_path / "out")
    read = json.loads((tmp_path / "out" / "crossfile.json").read_text())
    assert read["off"]["n"] == len(spots.spots)
    assert read["off"]["parse_valid"] == 0.0
    assert read["off"]["hallucinated_names"] is None
    text = (tmp_path / "out" / "crossfile.md").read_text()
    assert "| off | 4 | 4 |" in text
    assert "| oracle, signatures | 4 | 4 |" in text
    assert next(iter(page(result))) == "# Completion across files"
