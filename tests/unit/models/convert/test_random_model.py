"""Folders with random weights: valid, streamed, and the same for the same seed."""

import json
from pathlib import Path

import numpy as np
import pytest

from fimble.errors import ModelRefused
from fimble.models.convert.architecture import Architecture, Format
from fimble.models.convert.gptq import Packed, restored, unpack
from fimble.models.convert.random_model import write_random_model

safetensors = pytest.importorskip("safetensors", reason="the official parser is not installed")

TINY = Architecture(
    family="qwen2",
    layers=2,
    hidden=128,
    intermediate=256,
    heads=4,
    kv_heads=2,
    head_dim=32,
    vocabulary=320,
    context_tokens=1024,
)


def write(folder: Path, weights: Format, seed: int = 0, architecture: Architecture = TINY) -> Path:
    write_random_model(folder, architecture, weights, tokenizer_json=b"{}", eos_token_id=2, group_size=64, seed=seed)
    return folder / "model.safetensors"


@pytest.mark.parametrize("weights", ["fp16", "gptq"])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, weights: Format) -> None:
    contents = [write(tmp_path / str(index), weights, seed).read_bytes() for index, seed in enumerate((1, 1, 2))]
    assert contents[0] == contents[1] != contents[2]


def test_the_weights_have_the_names_and_the_size_of_trained_ones(tmp_path: Path) -> None:
    with safetensors.safe_open(write(tmp_path / "fp16", "fp16"), "numpy") as file:
        assert set(file.keys()) == {weight.tensor for weight in TINY.weights()}
        plain = file.get_tensor("model.layers.1.mlp.down_proj.weight").astype(np.float32)
        assert file.get_tensor("model.norm.weight").mean() == pytest.approx(1, abs=0.01)
        assert not np.array_equal(plain, file.get_tensor("model.layers.0.mlp.down_proj.weight"))
    with safetensors.safe_open(write(tmp_path / "gptq", "gptq"), "numpy") as file:
        parts = (file.get_tensor(f"model.layers.1.mlp.down_proj.{part}") for part in ("qweight", "qzeros", "scales"))
        quantised = restored(unpack(Packed(*parts)))
        # ExLlamaV2 drops a bias of zeros, and then misses it.
        assert file.get_tensor("model.layers.0.self_attn.q_proj.bias").any()
    assert plain.shape == quantised.shape == (128, 256)
    assert plain.std() == pytest.approx(256**-0.5, rel=0.05)
    assert quantised.std() == pytest.approx(256**-0.5, rel=0.05)
    assert abs(quantised.mean()) < 0.02 * 256**-0.5


def test_the_folder_says_that_it_is_synthetic(tmp_path: Path) -> None:
    write(tmp_path / "out", "gptq")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["fimble_synthetic"] is True
    assert config["quantization_config"]["group_size"] == 64
    assert json.loads((tmp_path / "out" / "generation_config.json").read_text()) == {"eos_token_id": [2]}


def test_a_shape_that_cannot_be_quantised_is_refused(tmp_path: Path) -> None:
    narrow = Architecture(
        family="qwen2", layers=1, hidden=96, intermediate=96, heads=3, kv_heads=3, head_dim=32, vocabulary=320,
        context_tokens=1024,
    )  # fmt: skip
    with pytest.raises(ModelRefused, match="--group-size 32"):
        write(tmp_path / "out", "gptq", architecture=narrow)
    assert write(tmp_path / "out", "fp16", architecture=narrow).is_file()
