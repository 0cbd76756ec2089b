"""A folder of safetensors as a model: its shape and what it takes of a card's memory."""

import json
import struct
from pathlib import Path

import pytest

from fimble.errors import ModelFileWrong, ModelUnknown
from fimble.models.catalogue import find_card, is_path
from fimble.models.fit import GIB, gpu_need

HIDDEN, LAYERS, INNER, VOCABULARY = 64, 2, 128, 1000
CONFIG = {
    "model_type": "qwen2",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 32768,
}
MATRICES = LAYERS * (HIDDEN * 64 * 2 + 2 * HIDDEN * 32 + 3 * HIDDEN * INNER)


def write(folder: Path, tensors: dict[str, int], config: object = CONFIG) -> Path:
    """Writes a folder whose tensors have these sizes in bytes, without their contents."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    header, at = {}, 0
    for name, size in tensors.items():
        header[name] = {"dtype": "F16", "shape": [size // 2], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    return folder


def test_the_need_is_that_of_the_files(tmp_path: Path) -> None:
    weights = {
        "model.embed_tokens.weight": 2 * HIDDEN * VOCABULARY,
        "lm_head.qweight": HIDDEN * VOCABULARY,
        "model.layers.0.mlp.up_proj.qweight": MATRICES // 2,
    }
    card = find_card(str(write(tmp_path / "my-model", weights)))
    assert (card.name, card.backend, card.context_tokens, card.cache_kinds) == (
        "my-model",
        "exllamav2",
        32768,
        ("fp16", "q8"),
    )
    assert card.shape is not None
    assert (card.shape.bits_per_weight, card.shape.head_bits, card.shape.tied_embeddings) == (4.0, 8.0, False)
    # The embedding stays in the machine's memory; what is on the card are the other two.
    assert gpu_need(card, 1024).weights == MATRICES // 2 + HIDDEN * VOCABULARY


def test_a_tied_embedding_is_on_the_card_as_the_output_matrix(tmp_path: Path) -> None:
    weights = {"model.embed_tokens.weight": 2 * HIDDEN * VOCABULARY, "model.layers.0.x.weight": 2 * MATRICES}
    wide = CONFIG | {"model_type": "llama", "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 16}
    assert find_card(str(write(tmp_path / "wide", weights, wide))).cache_kinds == ("fp16", "q8", "q6", "q4")
    card = find_card(str(write(tmp_path / "tied", weights, CONFIG | {"model_type": "llama"})))
    assert card.shape is not None
    assert (card.shape.bits_per_weight, card.shape.head_bits, card.shape.tied_embeddings) == (16.0, 16.0, True)
    assert card.cache_kinds == ("fp16", "q8"), "few keys per token suffer from a coarse cache"
    assert gpu_need(card, 1024).weights == 2 * MATRICES + 2 * HIDDEN * VOCABULARY
    assert gpu_need(card, 1024).total < GIB


def test_a_path_is_told_from_a_name() -> None:
    assert [is_path(name) for name in ("x.gguf", "./x", "/models/x", "~/x", "qwen2.5-coder-0.5b", "..")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "config",
    [{}, [], CONFIG | {"hidden_size": "64"}, CONFIG | {"hidden_size": 0}, CONFIG | {"num_attention_heads": 0}],
)
def test_a_config_that_makes_no_sense_is_refused(tmp_path: Path, config: object) -> None:
    with pytest.raises(ModelFileWrong, match=r"config\.json"):
        find_card(str(write(tmp_path / "model", {"a": 2}, config)))


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 7, b"\xff" * 64, struct.pack("<Q", 10) + b"not json  ", struct.pack("<Q", 2) + b"[]"]
)
def test_a_file_that_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "model", {"a": 2})
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFileWrong, match="not a safetensors file"):
        find_card(str(folder))


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match=r"no config\.json"):
        find_card(str(tmp_path))
    folder = write(tmp_path / "model", {"a": 2})
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelUnknown, match="no safetensors"):
        find_card(str(folder))
