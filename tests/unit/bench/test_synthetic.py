"""Models with random weights have the sizes and the bits that were asked for, and no fill-in-the-middle tokens."""

import json
from pathlib import Path

import pytest

from fimble.bench.synthetic import (
    SHAPES,
    blocks_by_bits,
    is_synthetic,
    synthetic_architecture,
    tokenizer_of_words,
    write_synthetic,
)
from fimble.engine.process.prompt import find_controls
from fimble.errors import ModelRefused, ModelUnknown
from fimble.models.convert.architecture import Architecture
from fimble.models.folder import card_for_folder

SMALL = Architecture(
    family="qwen2",
    layers=1,
    hidden=256,
    intermediate=896,
    heads=4,
    kv_heads=2,
    head_dim=64,
    vocabulary=2048,
    context_tokens=4096,
    is_tied=True,
)


@pytest.mark.parametrize(
    ("inputs", "bits", "blocks"),
    [
        (512, 4.03125, [(4, 128)] * 4),
        (512, 4.53125, [(5, 128)] * 2 + [(4, 128)] * 2),
        (512, 5.03125, [(5, 128)] * 4),
        (512, 2.0, [(2, 128)] * 4),
        (512, 6.0, [(6, 128)] * 4),
        (224, 4.0, [(4, 128), (4, 96)]),
    ],
)
def test_the_bits_are_mixed_of_two_widths_the_finer_first(
    inputs: int, bits: float, blocks: list[tuple[int, int]]
) -> None:
    assert blocks_by_bits(inputs, bits) == blocks


# Of the model cards' sizes; heads as in the models' own configurations on Hugging Face.
@pytest.mark.parametrize(("shape", "heads"), list(zip(SHAPES, (14, 12, 28, 40, 40), strict=True)))
def test_each_shape_is_that_of_the_published_model(shape: str, heads: int) -> None:
    architecture = synthetic_architecture(shape)
    assert architecture.heads == heads
    assert architecture.heads * architecture.head_dim == architecture.hidden


def test_a_shape_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ModelUnknown, match=r"the shapes are qwen2\.5-coder-0\.5b, "):
        synthetic_architecture("../qwen2.5-coder-7b")


@pytest.mark.parametrize(("kind", "expected"), [("exl2", 4.25), ("gptq", 4.18)])
def test_a_written_model_has_the_bits_that_were_asked_for(tmp_path: Path, kind: str, expected: float) -> None:
    folder = tmp_path / "made"
    write_synthetic(folder, SMALL, kind=kind, bits=4.25)
    shape = card_for_folder(folder).shape
    assert shape is not None
    assert shape.bits_per_weight == pytest.approx(expected, abs=0.15)
    assert is_synthetic(str(folder))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        write_synthetic(tmp_path / name, SMALL, kind="exl2", bits=4.0, seed=seed)
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_bits_that_exl2_does_not_have_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="2 to 6 bits"):
        write_synthetic(tmp_path / "made", SMALL, kind="exl2", bits=7.5)
    assert not list(tmp_path.iterdir())


def test_the_tokenizer_has_no_tokens_around_a_hole_so_that_nobody_expects_sense() -> None:
    content = json.loads(tokenizer_of_words(2048))
    tokens = content["model"]["vocab"] | {token["content"]: token["id"] for token in content["added_tokens"]}
    assert sorted(tokens.values()) == list(range(2048))
    assert find_controls(tokens.get) == {}


def test_other_models_are_not_taken_for_synthetic(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 8}', "utf-8")
    assert not is_synthetic(str(tmp_path))
    assert not is_synthetic(str(tmp_path / "nothing"))
    assert not is_synthetic("qwen2.5-coder-0.5b")
