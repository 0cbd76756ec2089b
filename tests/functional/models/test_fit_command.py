"""`fimble models fit` as a user runs it, with and without an NVIDIA driver."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from fimble.cli.models import app; app()", "fit"]
BIG = "qwen2.5-coder-14b-exl2-4.25"


def fit(*arguments: str, path: Path) -> "subprocess.CompletedProcess[str]":
    # Only what is in `path` is found: no driver of this machine's answers.
    environment = os.environ | {"PATH": str(path), "NO_COLOR": "1"}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def driver(folder: Path, script: str) -> Path:
    program = folder / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    return folder


def test_what_fits_and_what_does_not_is_told_in_the_exit_status_and_in_json(tmp_path: Path) -> None:
    asked = ("--vram", "12GiB", "--context", "16k", "--cache", "fp16", "--json")
    fits = fit(BIG, *asked, path=tmp_path)
    answer = json.loads(fits.stdout)
    assert (fits.returncode, answer["fits"], answer["alternatives"]) == (0, True, [])
    assert answer["total_gib"] == pytest.approx(10.9, abs=0.05)
    too_big = fit(BIG.replace("14b", "32b"), *asked, path=tmp_path)
    answer = json.loads(too_big.stdout)
    assert (too_big.returncode, answer["fits"]) == (1, False)
    assert answer["alternatives"][0]["name"] == BIG


def test_people_see_the_parts_and_what_fits_instead(tmp_path: Path) -> None:
    shown = fit(BIG, "--vram", "11", "--context", "32k", path=tmp_path)
    assert shown.returncode == 1
    told = ("weights", "does not fit 11.0 GiB", "Computed, not measured", "What fits:", "16,384 tokens, q8 cache")
    assert [words for words in told if words not in shown.stdout] == []
    warned = fit("qwen2.5-coder-7b-exl2-4.25", "--vram", "24", "--cache", "q4", path=tmp_path)
    assert "suffers as q4" in warned.stdout


def test_without_a_size_the_driver_is_asked_for_the_largest_card(tmp_path: Path) -> None:
    cards = [
        {"index": "0", "name": "NVIDIA GeForce RTX 3060", "memory.total": "12288", "memory.free": "11000"},
        {"index": "1", "name": "A name, with a comma", "memory.total": "24576", "memory.free": "24000"},
        {"index": "2", "name": "Shared", "memory.total": "[N/A]", "memory.free": "[N/A]"},
    ]
    path = driver(
        tmp_path,
        f"""import sys
fields = sys.argv[1].partition("=")[2].split(",")
for card in {cards}:
    print(", ".join(card.get(field, "[N/A]") for field in fields))""",
    )
    answer = json.loads(fit(BIG, "--json", path=path).stdout)
    assert (answer["vram_gib"], answer["context_tokens"], answer["cache"]) == (24.0, 32_768, "fp16")


@pytest.mark.parametrize("script", ["raise SystemExit(9)", "print('No devices were found')", ""])
def test_without_a_card_it_is_said_what_to_write(tmp_path: Path, script: str) -> None:
    path = driver(tmp_path, script) if script else tmp_path
    told = fit(BIG, path=path)
    assert told.returncode == 1
    assert "--vram 12GiB" in told.stderr
    assert "error" in json.loads(fit(BIG, "--json", path=path).stdout)


@pytest.mark.parametrize(
    "arguments", [("--vram", "lots"), ("--vram=12", "--cache", "q5"), ("--vram=12", "--context=x")]
)
def test_what_cannot_be_read_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    told = fit(BIG, *arguments, path=tmp_path)
    assert told.returncode == 2
    assert "write" in told.stderr
    assert "Traceback" not in told.stderr
