"""The figures of a likelihood run."""

import json
from pathlib import Path

import pytest

from fimble.bench.crossfile.likelihood_report import difference, page, result_of, write_report
from fimble.bench.crossfile.likelihood_rows import Row, Share
from fimble.bench.crossfile.spots import Definition, Kind, Spot, SpotSet
from tests.unit.bench.crossfile.shop import package


def spot(number: int, kind: Kind = "line") -> Spot:
    definitions = (Definition("b.py", 1, 2, "f"),)
    return Spot(package="shop", path="a.py", offset=number, length=3, kind=kind, definitions=definitions)


SPOTS = SpotSet(seed=1, packages=(package("00"),), spots=(spot(1), spot(2), spot(3, "body"), spot(4, "body")))


def row(of: Spot, arm: str, nats: float, *, name_nats: float | None = None, end_nats: float | None = None) -> Row:
    shares = {"gold": Share(characters=10, tokens=5, nats=nats)}
    if name_nats is not None:
        shares["names"] = Share(characters=2, tokens=1, nats=name_nats)
    return Row(
        spot=of.id,
        package=of.package,
        kind=of.kind,
        arm=arm,
        shares=shares,
        end_nats=end_nats,
        floored=1 if nats < -50 else 0,
        prompt_tokens=100,
        ms=20.0,
    )


OFF = [row(one, "off", -10.0 * number, name_nats=-1.0) for number, one in enumerate(SPOTS.spots, 1)]
NEAR = [row(one, "near", -10.0 * number + 5.0) for number, one in enumerate(SPOTS.spots[:3], 1)]


def test_means_are_over_spots() -> None:
    found = result_of(OFF, SPOTS, {"model": "fake"})["arms"]["off"]
    assert (found["n"], found["prompt_tokens"], found["ms"]) == (4, 100, 20)
    assert (found["gold"]["nats_per_character"], found["gold"]["nats_per_token"]) == (-2.5, -5.0)
    low, high = found["gold"]["nats_per_character_95"]
    assert low < -2.5 < high
    # No token was too improbable to tell; nothing is known of the ends.
    assert (found["floored"], found["end"]) == (0.0, {"n": 0, "nats": None, "nats_95": None})


def test_the_share_of_tokens_that_are_too_improbable_is_told() -> None:
    found = result_of([row(SPOTS.spots[0], "off", -99.0)], SPOTS, {})
    assert found["arms"]["off"]["floored"] == pytest.approx(0.2)


def test_differences_are_paired_by_spot() -> None:
    result = result_of([*OFF, *NEAR], SPOTS, {})
    found = result["differences"]["near - off"]
    assert found["gold"]["n"] == 3
    assert found["gold"]["nats_per_character"] == pytest.approx(0.5)
    # Each spot gains the same, so that nothing is uncertain, however much the spots differ.
    assert found["gold"]["nats_per_character_95"] == [pytest.approx(0.5), pytest.approx(0.5)]
    assert (found["gold"]["better"], found["gold"]["worse"]) == (1.0, 0.0)
    assert found["names"] == {
        "n": 0,
        "nats_per_character": None,
        "nats_per_character_95": None,
        "nats_per_token": None,
        "nats_per_token_95": None,
        "better": None,
        "worse": None,
    }
    assert result["kinds"]["line"]["near - off"]["gold"]["n"] == 2
    assert set(result["kinds"]) == {"line", "body"}


def test_the_best_arm_is_named_with_how_far_the_others_are_from_it() -> None:
    top = [row(one, "top", -10.0 * number + 6.0) for number, one in enumerate(SPOTS.spots, 1)]
    found = result_of([*OFF, *NEAR, *top], SPOTS, {})["best"]
    assert found["arm"] == "top"
    assert list(found["differences"]) == ["near - top"]
    assert found["differences"]["near - top"]["gold"]["nats_per_character"] == pytest.approx(-0.1)
    assert found["differences"]["near - top"]["gold"]["worse"] == 1.0
    assert result_of(OFF, SPOTS, {})["best"] is None


def test_an_arm_that_is_the_same_gains_and_loses_nowhere() -> None:
    rows = {one.spot: one for one in OFF}
    found = difference(rows, rows)["gold"]
    assert (found["nats_per_character"], found["nats_per_character_95"]) == (0.0, [0.0, 0.0])
    assert (found["better"], found["worse"]) == (0.0, 0.0)


def test_ends_are_compared_where_both_have_one() -> None:
    ours = {"a": row(SPOTS.spots[0], "near", -1.0, end_nats=-1.0), "b": row(SPOTS.spots[1], "near", -1.0)}
    theirs = {"a": row(SPOTS.spots[0], "off", -1.0, end_nats=-3.0), "b": row(SPOTS.spots[1], "off", -1.0)}
    assert difference(ours, theirs)["end"] == {"n": 1, "nats": 2.0, "nats_95": [2.0, 2.0], "better": 1.0, "worse": 0.0}


def test_rows_of_other_spots_do_not_count() -> None:
    assert result_of(OFF, SpotSet(seed=1, packages=(), spots=SPOTS.spots[:2]), {})["arms"]["off"]["n"] == 2


def test_the_page_has_a_line_for_every_arm_and_difference(tmp_path: Path) -> None:
    result = result_of([*OFF, *NEAR], SPOTS, {"model": "fake"})
    write_report(result, tmp_path)
    text = (tmp_path / "likelihood.md").read_text()
    assert text == "\n".join(page(result)) + "\n"
    lines = text.splitlines()
    assert "| off | 4 | -2.500 | - | -0.500 | - | - | 100 | 20 |" in lines
    gain = "+0.500 [+0.500, +0.500] (100%)"
    assert f"| near - off | {gain} | - | - | - | +1.000 [+1.000, +1.000] (100%) | - |" in lines
    assert f"| body | near - off | 1 | {gain} | - | - | - |" in lines
    assert json.loads((tmp_path / "likelihood.json").read_text())["settings"]["gold_tokens_max"] == 48


def test_without_the_arm_off_there_are_no_differences() -> None:
    result = result_of(NEAR, SPOTS, {})
    assert (result["differences"], result["kinds"]) == ({}, {})
    assert not any("Differences" in line for line in page(result))
