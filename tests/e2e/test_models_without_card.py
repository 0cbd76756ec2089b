"""A GGUF file that has no card works from its tokenizer."""

from pathlib import Path

import pytest

from .test_real_model import DOCUMENT, complete

pytestmark = pytest.mark.model


def test_a_file_without_a_card_is_completed_with_its_own_control_tokens(
    default_model: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'model = "{default_model}"\n')
    monkeypatch.setenv("FIMBLE_CONFIG", str(config))
    file = tmp_path / "stats.py"
    before, after = DOCUMENT.split("$0")
    file.write_text(before + after)
    row, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    assert str(complete(f"{file}:{row}:{column}")["text"]).startswith("m(")
