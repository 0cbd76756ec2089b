"""The cards of a machine, read from what a program of the driver's name prints."""

from pathlib import Path

from fimble.models.devices import Device, nvidia_devices, visible_devices

H200 = "0, GPU-3b1c, 580.65.06, 9.0, NVIDIA H200, 143771, 143000"
PARTS = "1, GPU-77aa, 580.65.06, 9.0, NVIDIA A100, 40GB, PCIe, [N/A], [N/A]"
COMMA = "2, GPU-90ff, 580.65.06, 8.6, NVIDIA RTX, mobile, 8188, 8000"


def program(folder: Path, script: str) -> str:
    path = folder / "smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_cards_are_read_with_all_that_the_driver_tells(tmp_path: Path) -> None:
    smi = program(tmp_path, f"cat <<END\n{H200}\n{PARTS}\n{COMMA}\n\nnonsense\nEND")
    assert nvidia_devices(smi) == [
        Device(0, "NVIDIA H200", 143771 << 20, 143000 << 20, "GPU-3b1c", "580.65.06", (9, 0)),
        Device(2, "NVIDIA RTX, mobile", 8188 << 20, 8000 << 20, "GPU-90ff", "580.65.06", (8, 6)),
    ]


def test_old_drivers_do_not_tell_what_a_card_can(tmp_path: Path) -> None:
    answer = "0, GPU-3b1c, 470.1, Tesla T4, 15360, 15000"
    script = f'case "$1" in *compute_cap*) echo Field is not valid; exit 2;; *) echo "{answer}";; esac'
    assert nvidia_devices(program(tmp_path, script)) == [
        Device(0, "Tesla T4", 15360 << 20, 15000 << 20, "GPU-3b1c", "470.1", None)
    ]


def test_without_a_driver_there_are_no_cards(tmp_path: Path) -> None:
    assert nvidia_devices(str(tmp_path / "absent")) == []
    assert nvidia_devices(program(tmp_path, "echo NVIDIA-SMI has failed; exit 9")) == []
    assert nvidia_devices(program(tmp_path, "printf '\\377\\376'")) == []


def test_only_the_cards_that_cuda_may_see_count() -> None:
    cards = [Device(number, "card", 1, 1, f"GPU-{number}f") for number in range(3)]
    assert visible_devices(cards, {}) == cards
    assert visible_devices(cards, {"CUDA_VISIBLE_DEVICES": "2,0"}) == [cards[2], cards[0]]
    assert visible_devices(cards, {"CUDA_VISIBLE_DEVICES": "GPU-1"}) == [cards[1]]
    assert visible_devices(cards, {"CUDA_VISIBLE_DEVICES": "1,-1,2"}) == [cards[1]]
    assert visible_devices(cards, {"CUDA_VISIBLE_DEVICES": ""}) == []
