"""The whole way: spots and a source archive from the disk, the scripted engine in its own process, both reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fimble.bench.crossfile.make import make_spots
from fimble.bench.crossfile.spots import write_spots
from tests.unit.bench.crossfile.shop import archived_package

COMMAND = [
    sys.executable,
    "-P",
    "-c",
    "import typer; from fimble.cli.bench_crossfile import crossfile; typer.run(crossfile)",
]


@pytest.fixture
def prepared(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command's arguments for the made-up package; the engine always writes the same."""
    script = {"lines": [], "otherwise": "cheapest(self.stock)\n\n\nclass Next:\n    pass\n"}
    (tmp_path / "script.json").write_text(json.dumps(script))
    monkeypatch.setenv("FIMBLE_SCRIPT", str(tmp_path / "script.json"))
    _, package = archived_package(tmp_path)
    spots = make_spots([package], tmp_path, seed=1, offline=tmp_path)
    write_spots(spots, tmp_path / "spots.json")
    return ["--model", "scripted", "--spots", str(tmp_path / "spots.json"), "--packages", str(tmp_path)]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_a_run_prints_the_named_fields_and_writes_both_reports(prepared: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = command(*prepared, "--render", "near,short", "--out", str(out), "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    for arm in ("off", "oracle"):
        assert result[arm]["n"] == 4
        for name in ("exact", "first_line", "edit_similarity", "identifier_f1", "overrun"):
            low, high = result[arm][f"{name}_95"]
            assert low <= result[arm][name] <= high
    assert set(result["renderings"]) == {"near", "short"}
    assert result["off"]["raw"]["overrun"] == 1.0
    assert result["settings"]["model_sha256"] == []
    assert json.loads((out / "crossfile.json").read_text()) == result
    assert "## By package" in (out / "crossfile.md").read_text()
    # Header and two renderings next to `off` for each of the four spots.
    assert len((out / "answers.jsonl").read_text().splitlines()) == 1 + 3 * 4


def test_a_model_that_is_shown_no_context_says_so_unless_a_rendering_is_named(prepared: list[str]) -> None:
    ended = command(*prepared, "--arms", "on")
    assert ended.returncode == 1
    assert "name a rendering to try (--render)" in ended.stderr
    ended = command(*prepared, "--arms", "off,on", "--render", "near", "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["on/near"]["n"] == 4
    assert result["differences"]["on/near - off"]["shown"]["n"] == 4


@pytest.mark.parametrize("wrong", [["--arms", "of"], ["--render", "nearer"], ["--part", "both"]])
def test_what_does_not_exist_is_refused_before_anything_starts(prepared: list[str], wrong: list[str]) -> None:
    ended = command(*prepared, *wrong)
    assert ended.returncode == 2
    assert "scripted" not in ended.stderr


def test_a_model_whose_probabilities_cannot_be_asked_for_is_refused(prepared: list[str], tmp_path: Path) -> None:
    ended = command(*prepared, "--likelihood", "--out", str(tmp_path / "out"))
    assert ended.returncode == 1
    assert "does not run by llama.cpp" in ended.stderr
    # What was found is kept next to what a run without --likelihood keeps.
    assert (tmp_path / "out" / "likelihoods.jsonl").exists()
    assert not (tmp_path / "out" / "answers.jsonl").exists()
