"""Which card is taken, and what fits it, before anything is loaded."""

import os
import sys
from pathlib import Path

import pytest

from fimble.errors import ModelRefused
from fimble.models.catalogue import all_cards, find_card
from fimble.models.devices import Device
from fimble.models.fit import GIB
from fimble.models.gpu import find_device, gpu_obstacle, plan

SEVEN = "qwen2.5-coder-7b-exl2-4.25"
SCRIPT = """#!{python}
import sys
fields = sys.argv[1].partition("=")[2].split(",")
for index, free in enumerate({free}):
    card = {{"index": str(index), "uuid": f"GPU-{{index}}", "name": "Test", "memory.total": "24576",
            "memory.free": str(free)}}
    print(", ".join(card.get(field, "[N/A]") for field in fields))
"""


def device(free_gib: float) -> Device:
    return Device(0, "Test Card", 24 * GIB, int(free_gib * GIB))


def choose(free_gib: float, name: str = SEVEN, **wishes: object) -> tuple[int, str]:
    choice = plan(find_card(name), device(free_gib), others=all_cards().values(), **wishes)  # type: ignore[arg-type]
    return choice.context_tokens, choice.cache


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two cards, of which the second has more memory free."""
    script = tmp_path / "nvidia-smi"
    script.write_text(SCRIPT.format(python=sys.executable, free=[4000, 20000]), "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return script


def test_what_is_free_decides_and_what_is_wished_for_is_kept() -> None:
    assert choose(20) == (32_768, "fp16")
    assert choose(6.5) == (32_768, "q8")
    assert choose(20, context_tokens=8192, cache="q8") == (8192, "q8")


def test_what_does_not_fit_is_refused_with_what_does() -> None:
    with pytest.raises(ModelRefused) as refused:
        choose(6.15, context_tokens=32_768, cache="fp16")
    told = str(refused.value)
    assert "needs 6.2 GiB with 32,768 tokens and fp16 cache, and the Test Card has 6.1 of 24.0 GiB free" in told
    assert f"What fits: {SEVEN} with 16,384 tokens, q8 cache; {SEVEN} with 8,192 tokens, fp16 cache" in told
    with pytest.raises(ModelRefused, match="runs without a GPU"):
        choose(0.5)


def test_a_draft_model_needs_room_too() -> None:
    small = find_card("qwen2.5-coder-1.5b-exl2-4.25")
    assert choose(8) == (32_768, "fp16")
    assert choose(8, draft=small)[0] < 32_768


@pytest.mark.usefixtures("cards")
def test_the_card_with_most_memory_free_is_taken_unless_another_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device(None).uuid == "GPU-1"
    assert find_device(0).uuid == "GPU-0"
    with pytest.raises(ModelRefused, match="number 7"):
        find_device(7)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert find_device(None).uuid == "GPU-0"


def test_without_a_card_that_is_the_obstacle(cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No NVIDIA card" not in gpu_obstacle()
    monkeypatch.setenv("PATH", str(cards.parent / "nothing"))
    assert gpu_obstacle() == "No NVIDIA card answers on this machine."
