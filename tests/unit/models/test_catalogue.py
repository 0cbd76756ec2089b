"""Which cards are found, and under which names."""

from pathlib import Path

import pytest

from fimble import folders
from fimble.errors import ModelCardInvalid, ModelFileWrong, ModelUnknown
from fimble.models import store
from fimble.models.catalogue import all_cards, card_for_file, find_card

USER_CARD = """
name = "{name}"
title = "Mine"
licence = "MIT"
backend = "llamacpp"
context_tokens = 99
"""


def write_user_card(name: str, text: str = USER_CARD) -> None:
    folder = folders.user_cards_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text.format(name=name))


def test_a_shipped_card_is_found_by_its_name(cache: Path) -> None:
    assert find_card("qwen2.5-coder-0.5b").backend == "llamacpp"


def test_a_card_of_the_users_wins_over_a_shipped_one(cache: Path) -> None:
    write_user_card("qwen2.5-coder-0.5b")
    assert find_card("qwen2.5-coder-0.5b").title == "Mine"
    assert all_cards()["qwen2.5-coder-0.5b"].title == "Mine"


@pytest.mark.parametrize(("name", "close"), [("qwen2.5-coder-0.5", "qwen2.5-coder-0.5b"), ("zzz", "models list")])
def test_an_unknown_name_is_answered_with_what_to_do(cache: Path, name: str, close: str) -> None:
    with pytest.raises(ModelUnknown, match=close):
        find_card(name)


@pytest.mark.parametrize("name", ["../models/qwen2.5-coder-0.5b", "*", "", "qwen2.5-coder-0.5b.toml"])
def test_a_name_is_not_a_path_or_a_pattern(cache: Path, name: str) -> None:
    with pytest.raises(ModelUnknown):
        find_card(name)


def test_a_broken_card_of_the_users_is_told_when_named_and_hides_no_others(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_user_card("broken", "name = 3")
    assert "qwen2.5-coder-0.5b" in all_cards()
    assert "broken" in caplog.text
    with pytest.raises(ModelCardInvalid, match=r"broken\.toml"):
        find_card("broken")


def test_a_card_with_an_unsafe_file_name_is_refused(cache: Path) -> None:
    write_user_card("sly", USER_CARD + '[[files]]\nname = "../../.bashrc"\n')
    with pytest.raises(ModelCardInvalid, match="bashrc"):
        find_card("sly")
    write_user_card("plain", USER_CARD + '[[files]]\nname = "bashrc"\n')
    assert find_card("plain").files[0].name == "bashrc"


def test_a_gguf_file_is_a_model_without_a_card(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "some model (1).gguf"
    path.write_bytes(b"GGUF and more")
    card = find_card(str(path))
    assert card.fill_in_middle is None
    assert card.backend == "llamacpp"
    assert store.ready_path(card) == path


def test_a_path_to_no_file_or_to_another_kind_of_file_is_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match=r"there\.gguf"):
        card_for_file(tmp_path / "there.gguf")
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(ModelFileWrong, match="not a GGUF file"):
        card_for_file(tmp_path / "text.gguf")
