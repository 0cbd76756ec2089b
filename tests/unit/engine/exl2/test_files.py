"""What of a model's folder ExLlamaV2 gets to see, and which folders it never sees."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("safetensors", reason="the GPU packages are not installed")

import numpy as np
from safetensors.numpy import save_file

from fimble.engine.process.backends.exl2.files import prepare
from fimble.errors import ModelError, ModelFileMissing, ModelFileWrong, ModelRefused
from tests.unit.engine.exl2.tiny_models import Arrays, arrays, config, exl2, gptq, tokenizer, write_model

HAS_EXLLAMAV2 = importlib.util.find_spec("exllamav2") is not None


def seen(folder: Path, into: Path) -> dict[str, Any]:
    """Returns the config.json that ExLlamaV2 gets."""
    return dict(json.loads((prepare(folder, into).folder / "config.json").read_text()))


def refused(folder: Path, into: Path) -> str:
    with pytest.raises(ModelError) as caught:
        prepare(folder, into)
    assert not (into / "exl2-model").exists(), "nothing half-made is left"
    message = str(caught.value)
    assert message.endswith((".", "'", "folder.")) or "run:" in message
    return message


def test_a_sound_folder_becomes_one_of_links_and_json(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    prepared = prepare(folder, tmp_path)
    assert sorted(path.name for path in prepared.folder.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert (prepared.folder / "model.safetensors").resolve() == folder / "model.safetensors"
    assert prepared.folder.stat().st_mode & 0o077 == 0
    assert (prepared.kind, prepared.hidden, prepared.intermediate, prepared.vocabulary) == ("fp16", 64, 96, 128)
    assert (prepared.layers, prepared.heads, prepared.kv_heads, prepared.head_dim) == (2, 4, 2, 16)
    assert (prepared.positions_max, prepared.has_tied_embeddings, prepared.eos_ids) == (4096, False, (2,))
    # Per layer 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96 numbers and two norms; one norm more, and the head.
    body = 2 * (2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96 + 2 * 64) + 64)
    assert (prepared.card_bytes, prepared.head_bytes) == (body + 2 * 64 * 128, 2 * 64 * 128)
    assert prepared.file_bytes == (folder / "model.safetensors").stat().st_size


@pytest.mark.parametrize(("packing", "kind"), [(gptq, "gptq"), (exl2, "exl2")])
def test_packed_models_are_told_apart(tmp_path: Path, packing: Any, kind: str) -> None:
    prepared = prepare(write_model(tmp_path / "model", tensors=arrays(packing)), tmp_path)
    assert prepared.kind == kind
    assert prepared.card_bytes < prepare(write_model(tmp_path / "plain"), tmp_path).card_bytes


def test_a_model_without_a_head_is_tied_and_takes_its_embedding_twice(tmp_path: Path) -> None:
    tensors = arrays(with_head=False)
    prepared = prepare(write_model(tmp_path / "tied", config(tie_word_embeddings=True), tensors), tmp_path)
    assert (prepared.has_tied_embeddings, prepared.head_bytes) == (True, 2 * 64 * 128)
    # transformers leaves the setting out where it is true.
    assert seen(write_model(tmp_path / "unsaid", config(tie_word_embeddings=None), tensors), tmp_path)[
        "tie_word_embeddings"
    ]
    assert "lm_head" in refused_after(write_model(tmp_path / "lost", config(), tensors), tmp_path)


def refused_after(folder: Path, into: Path) -> str:
    shutil.rmtree(into / "exl2-model")
    return refused(folder, into)


def test_the_folder_of_a_killed_engine_is_replaced_and_no_link_followed(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    stale = tmp_path / "exl2-model"
    stale.mkdir()
    (stale / "other.safetensors").symlink_to(folder / "model.safetensors")
    (stale / "other").symlink_to(folder)
    (stale / "old.json").write_text("{}")
    prepared = prepare(folder, tmp_path)
    assert not (prepared.folder / "other.safetensors").is_symlink()
    assert not (prepared.folder / "old.json").exists()
    shutil.rmtree(stale)
    stale.symlink_to(folder)
    assert not prepare(folder, tmp_path).folder.is_symlink()
    assert (folder / "model.safetensors").exists(), "the model itself is left alone"


def test_a_model_store_of_links_is_followed_to_the_files(tmp_path: Path) -> None:
    real = write_model(tmp_path / "blobs")
    store = tmp_path / "snapshot"
    store.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (store / name).symlink_to(Path("..") / "blobs" / name)
    link = prepare(store, tmp_path).folder / "model.safetensors"
    assert Path(os.readlink(link)) == real / "model.safetensors", "it leads past the store's own link"
    (real / "model.safetensors").unlink()
    shutil.rmtree(tmp_path / "exl2-model")
    assert "link to nothing" in refused(store, tmp_path)


ROPES: list[tuple[dict[str, Any], float, dict[str, Any] | None, int]] = [
    ({}, 1e6, None, 4096),
    ({"rope_theta": None}, 1e4, None, 4096),
    ({"rope_theta": None, "rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}, 5e5, None, 4096),
    ({"rope_theta": 5e5, "rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}, 5e5, None, 4096),
    (
        {"rope_theta": None, "rope_parameters": {kind: {"rope_theta": 7e5} for kind in ("full_attention", "other")}},
        7e5,
        None,
        4096,
    ),
    (
        {"rope_theta": None, "rope_parameters": {"rope_theta": 2e4, "rope_type": "linear", "factor": 4}},
        2e4,
        {"rope_type": "linear", "factor": 4.0},
        4096,
    ),
    ({"rope_scaling": {"type": "linear", "factor": 2.0}}, 1e6, {"rope_type": "linear", "factor": 2.0}, 4096),
    (
        {
            "rope_scaling": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            }
        },
        1e6,
        {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        4096,
    ),
    ({"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}}, 1e6, None, 1024),
]


@pytest.mark.parametrize(("changes", "theta", "scaling", "positions"), ROPES)
def test_positions_are_written_as_exllamav2_reads_them(
    tmp_path: Path, changes: dict[str, Any], theta: float, scaling: dict[str, Any] | None, positions: int
) -> None:
    document = seen(write_model(tmp_path / "model", config(**changes)), tmp_path)
    assert (document["rope_theta"], document.get("rope_scaling")) == (theta, scaling)
    assert document["max_position_embeddings"] == positions
    assert "rope_parameters" not in document


@pytest.mark.parametrize(
    ("architecture", "changes", "positions"),
    [
        ("MistralForCausalLM", {"sliding_window": 1024}, 1024),
        ("MistralForCausalLM", {"sliding_window": None}, 4096),
        ("LlamaForCausalLM", {"sliding_window": 1024}, 4096),
        ("LlamaForCausalLM", {"sliding_window": 512, "layer_types": ["full_attention", "sliding_attention"]}, 512),
    ],
)
def test_no_prompt_is_longer_than_the_attention_reaches(
    tmp_path: Path, architecture: str, changes: dict[str, Any], positions: int
) -> None:
    folder = write_model(tmp_path / "model", config(architecture, **changes))
    assert prepare(folder, tmp_path).positions_max == positions


def test_qwen_has_biases_and_slides_only_when_it_says_so(tmp_path: Path) -> None:
    tensors = arrays(with_bias=True)
    for slides, positions in ((False, 4096), (True, 256)):
        document = config("Qwen2ForCausalLM", sliding_window=256, use_sliding_window=slides)
        folder = write_model(tmp_path / f"{slides}", document, tensors)
        assert prepare(folder, tmp_path).positions_max == positions
    shutil.rmtree(tmp_path / "exl2-model")
    lacking = {name: array for name, array in tensors.items() if name != "model.layers.1.self_attn.k_proj.bias"}
    assert "k_proj.bias is missing" in refused(write_model(tmp_path / "l", document, lacking), tmp_path)
    assert "should not be there" in refused(write_model(tmp_path / "llama", config(), tensors), tmp_path)


def test_starcoder_has_biases_everywhere_and_its_head_is_its_embedding(tmp_path: Path) -> None:
    tensors: Arrays = {}
    for llama_name, array in arrays(with_head=False).items():
        name = llama_name.replace("mlp.up_proj", "mlp.c_fc").replace("mlp.down_proj", "mlp.c_proj")
        if "gate_proj" not in name:
            tensors[name] = array
            if "embed" not in name:
                tensors[name.replace(".weight", ".bias")] = np.ones(array.shape[0], np.float16)
    changes = {"hidden_act": "gelu_pytorch_tanh", "sliding_window": 2048, "norm_epsilon": 1e-5, "rms_norm_eps": None}
    document = config("Starcoder2ForCausalLM", **changes)
    prepared = prepare(write_model(tmp_path / "model", document, tensors), tmp_path)
    assert (prepared.positions_max, prepared.has_tied_embeddings) == (2048, True)
    written = json.loads((prepared.folder / "config.json").read_text())
    assert written["layer_norm_epsilon"] == 1e-5, "the name that exllamav2/architecture.py reads"
    shutil.rmtree(tmp_path / "exl2-model")
    del tensors["model.norm.bias"]
    assert "model.norm.bias is missing" in refused(write_model(tmp_path / "lacking", document, tensors), tmp_path)


def test_all_ends_of_an_answer_are_known(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", config(eos_token_id=[5, 2], pad_token_id=-1, bos_token_id=1))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 7], "temperature": 0.7}))
    prepared = prepare(folder, tmp_path)
    assert prepared.eos_ids == (5, 2, 7)
    document = json.loads((prepared.folder / "config.json").read_text())
    assert (document["eos_token_id"], document["bos_token_id"], "pad_token_id" in document) == (5, 1, False)
    assert json.loads((prepared.folder / "generation_config.json").read_text()) == {"eos_token_id": [5, 2, 7]}


CONFIGURATIONS: list[tuple[dict[str, Any], type[ModelError], str]] = [
    ({"architectures": ["GemmaForCausalLM"]}, ModelRefused, "GemmaForCausalLM"),
    ({"architectures": []}, ModelRefused, "architecture none"),
    ({"hidden_size": -64}, ModelFileWrong, "hidden_size"),
    ({"hidden_size": "64"}, ModelFileWrong, "hidden_size"),
    ({"hidden_size": 2**40}, ModelFileWrong, "hidden_size"),
    ({"hidden_size": True}, ModelFileWrong, "hidden_size"),
    ({"num_hidden_layers": 10**9}, ModelFileWrong, "num_hidden_layers"),
    ({"num_key_value_heads": 3}, ModelFileWrong, "3 of the cache"),
    ({"num_attention_heads": 6}, ModelFileWrong, "multiple of num_attention_heads"),
    ({"hidden_act": "gelu"}, ModelRefused, "gelu"),
    ({"eos_token_id": 128}, ModelFileWrong, "token 128"),
    ({"vocab_size": 120}, ModelFileWrong, "embed_tokens.weight has the shape (128, 64)"),
    ({"vocab_size": 80}, ModelFileWrong, "tokens go up to 88"),
    ({"rope_theta": 1e5, "rope_parameters": {"rope_theta": 1e6}}, ModelFileWrong, "twice"),
    ({"rope_parameters": {"a": {"rope_theta": 1e6}, "b": {"rope_theta": 1e4}}}, ModelRefused, "layer to layer"),
    ({"rope_scaling": {"type": "linear", "rope_type": "yarn", "factor": 2}}, ModelFileWrong, "two methods"),
    ({"rope_scaling": {"type": "linear", "factor": "x"}}, ModelFileWrong, "factor"),
    ({"rope_scaling": {"type": "linear", "factor": True}}, ModelFileWrong, "factor"),
    ({"rope_scaling": {"factor": 2.0}}, ModelFileWrong, "names no method"),
    ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, ModelRefused, "dynamic"),
    ({"partial_rotary_factor": 0.5}, ModelRefused, "part of each head"),
    ({"quantization_config": {"quant_method": "awq", "bits": 4}}, ModelRefused, "awq"),
    ({"quantization_config": {"quant_method": "gptq", "bits": 8}}, ModelRefused, "8 bits"),
    (
        {"quantization_config": {"quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq_v2"}},
        ModelRefused,
        "gptq_v2",
    ),
]


@pytest.mark.parametrize(("changes", "error", "says"), CONFIGURATIONS, ids=[str(row[0])[:60] for row in CONFIGURATIONS])
def test_configurations_that_would_go_wrong_are_told(
    tmp_path: Path, changes: dict[str, Any], error: type[ModelError], says: str
) -> None:
    folder = write_model(tmp_path / "model", config(**changes))
    assert says in refused(folder, tmp_path)
    with pytest.raises(error):
        prepare(folder, tmp_path)
    (folder / "config.json").write_text(json.dumps(config()))
    assert prepare(folder, tmp_path).hidden == 64, "the same folder is taken with a sound configuration"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"[" * 200_000,
        b'{"architectures":' * 100_000,
        b'{"architectures": "\xff\xfe"}',
        json.dumps(config()).encode("utf-16"),
        b" " * (1 << 20) + b"{}",
    ],
    ids=["empty", "list", "null", "cut", "deep", "deep objects", "not utf-8", "utf-16", "large"],
)
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_files_that_are_no_json_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write_model(tmp_path / "model")
    (folder / name).write_bytes(content)
    assert name in refused(folder, tmp_path)


def test_a_file_of_100_megabytes_is_not_read(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    for name in ("config.json", "tokenizer.json", "model.safetensors.index.json"):
        before = (folder / name).read_bytes() if (folder / name).exists() else None
        with (folder / name).open("wb") as file:
            file.truncate(100 << 20)
        assert f"{name} is larger than" in refused(folder, tmp_path)
        (folder / name).unlink()
        if before is not None:
            (folder / name).write_bytes(before)
    assert prepare(folder, tmp_path).layers == 2


def test_pipes_and_folders_in_place_of_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        folder = write_model(tmp_path / f"pipe-{name}")
        (folder / name).unlink()
        os.mkfifo(folder / name)
        assert "is no file" in refused(folder, tmp_path)
        (folder / name).unlink()
        (folder / name).mkdir()
        assert "is no file" in refused(folder, tmp_path)


def test_tokenizers_must_be_there_and_within_the_vocabulary(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    changes: list[tuple[Any, str]] = [
        ({"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}, "Unigram"),
        ({"model": {"type": "BPE", "vocab": {"a": 128}}}, "go up to 128"),
        ({"model": {"type": "BPE", "vocab": {"a": -1}}}, "tokens go"),
        ({"added_tokens": [{"id": 1}]}, "content"),
    ]
    for change, says in changes:
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer() | change))
        assert says in refused(folder, tmp_path)
    (folder / "tokenizer.json").write_text('{"unknown": ' + "[" * 5000 + "]" * 5000 + "}")
    assert "recursion" in refused(folder, tmp_path)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()))
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": {"500": {"content": "x"}}}))
    assert "special" in refused(folder, tmp_path)
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    assert (prepare(folder, tmp_path).folder / "tokenizer_config.json").is_symlink()
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"sentencepiece")
    assert "tokenizer.model is not enough" in refused_after(folder, tmp_path)


def test_folders_without_safe_weights_are_told(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    assert "no safetensors files" in refused(folder, tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert "pickles" in refused(folder, tmp_path)
    with pytest.raises(ModelFileMissing, match="no model folder"):
        prepare(tmp_path / "nowhere", tmp_path)
    with pytest.raises(ModelFileMissing, match=r"no config\.json"):
        prepare(tmp_path, tmp_path)


def split(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Writes the tensors to two files and returns which has which."""
    tensors = arrays()
    (folder / "model.safetensors").unlink(missing_ok=True)
    half = len(tensors) // 2
    weight_map = {}
    for name, keys in zip(names, (list(tensors)[:half], list(tensors)[half:]), strict=True):
        save_file({key: tensors[key] for key in keys}, folder / name)
        weight_map |= dict.fromkeys(keys, name)
    return weight_map


def test_models_in_parts_must_be_whole(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    weight_map = split(folder, names)
    index = folder / "model.safetensors.index.json"
    assert prepare(folder, tmp_path).layers == 2, "without an index"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    # Files that the index does not name are another edition, which ExLlamaV2 would mix in.
    save_file({"model.norm.weight": np.zeros(64, np.float16)}, folder / "consolidated.safetensors")
    assert not (prepare(folder, tmp_path).folder / "consolidated.safetensors").exists()
    shutil.rmtree(tmp_path / "exl2-model")
    index.write_text(json.dumps({"weight_map": weight_map | {"model.other": names[0]}}))
    assert "lacks the tensor" in refused(folder, tmp_path)
    index.write_text(json.dumps({"weight_map": weight_map}))
    (folder / names[1]).unlink()
    assert names[1] in refused(folder, tmp_path)
    index.unlink()
    (folder / "consolidated.safetensors").unlink()
    assert f"lacks {names[1]}" in refused(folder, tmp_path), "the names tell it without an index"


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", "model.bin", "a\0"])
def test_an_index_that_leads_out_of_the_folder_is_told(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "model")
    shutil.copy(folder / "model.safetensors", tmp_path / "model.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"model.norm.weight": name}}))
    assert "no weight file beside it" in refused(folder, tmp_path)


def test_the_index_of_the_unquantised_original_is_passed_over(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", tensors=arrays(exl2))
    (folder / "model.safetensors").rename(folder / "output.safetensors")
    weight_map = {"model.norm.weight": "model-00001-of-00004.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert prepare(folder, tmp_path).kind == "exl2"


def test_two_editions_in_one_folder_are_told(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    shutil.copy(folder / "model.safetensors", folder / "other.safetensors")
    assert "keep one edition" in refused(folder, tmp_path)


def changed(tensors: Arrays, name: str, array: Any) -> Arrays:
    name = f"model.layers.1.mlp.down_proj.{name}"
    assert name in tensors
    return tensors | {name: array} if array is not None else {key: tensors[key] for key in tensors if key != name}


# The matrix has 96 inputs and 64 outputs: three groups of 32.
TENSORS: list[tuple[Any, str, Any, str]] = [
    (None, "weight", None, "is missing"),
    (None, "weight", np.zeros((96, 64), np.float16), "by config.json it is (64, 96)"),
    (None, "weight", np.zeros((64, 96), np.int32), "is I32"),
    (None, "weight", np.zeros((64, 96), np.uint8), "is U8"),
    (gptq, "qzeros", None, "is missing"),
    (gptq, "qzeros", np.zeros((4, 8), np.int32), "no power of two"),
    (gptq, "qzeros", np.zeros((0, 8), np.int32), "is empty"),
    (gptq, "scales", np.ones((2, 64), np.float16), "shape (2, 64)"),
    (gptq, "g_idx", np.full(96, 3, np.int32), "groups of one size"),
    (gptq, "g_idx", np.full(96, 10**9, np.int32), "groups of one size"),
    (gptq, "g_idx", np.full(96, -1, np.int32), "groups of one size"),
    (gptq, "qweight", np.zeros((24, 64), np.int32), "shape (24, 64)"),
    (exl2, "q_invperm", None, "is missing"),
    (exl2, "q_invperm", np.zeros(96, np.int32), "into an order"),
    (exl2, "q_invperm", np.arange(1, 97, dtype=np.int32), "into an order"),
    (exl2, "q_groups", np.array([8, 0, 4, 8, 7, 12], np.int16), "how the weights are packed"),
    (exl2, "q_groups", np.array([4, 0, 8, 8, 4, 12], np.int16), "how the weights are packed"),
    (exl2, "q_groups", np.array([8, 0, 4, 9, 4, 12], np.int16), "how the weights are packed"),
    (exl2, "q_groups", np.array([8, 0, 0, 8, 0, 12], np.int16), "how the weights are packed"),
    (exl2, "q_groups", np.array([8, 0, 4, 8, 4, -12], np.int16), "how the weights are packed"),
    (exl2, "q_groups", np.array([8, 0, 4, 8, 2, 12], np.int16), "packs 128 inputs"),
    (exl2, "q_groups", np.array([8, 0, 4, 8], np.int16), "shape (4,)"),
    (exl2, "q_scale_max", np.ones(3, np.float32), "is F32"),
]


@pytest.mark.parametrize(("packing", "name", "array", "says"), TENSORS)
def test_tensors_that_kernels_would_trip_over_are_told(
    tmp_path: Path, packing: Any, name: str, array: Any, says: str
) -> None:
    tensors = arrays(packing) if packing else arrays()
    folder = write_model(tmp_path / "model", tensors=tensors)
    assert prepare(folder, tmp_path).layers == 2
    save_file(changed(tensors, name, array), folder / "model.safetensors")
    message = refused_after(folder, tmp_path)
    assert says in message
    assert "model.layers.1.mlp.down_proj" in message


def test_the_zero_biases_of_gptq_tools_are_taken(tmp_path: Path) -> None:
    tensors = arrays(gptq) | {"model.layers.0.mlp.up_proj.bias": np.zeros(96, np.float16)}
    folder = write_model(tmp_path / "model", tensors=tensors)
    assert prepare(folder, tmp_path).kind == "gptq"
    tensors["model.layers.0.mlp.up_proj.bias"][3] = 1
    save_file(tensors, folder / "model.safetensors")
    assert "should not be there" in refused_after(folder, tmp_path)


def with_header(folder: Path, header: bytes, length: int | None = None) -> None:
    """Writes the model's file anew with another header, its tensors' bytes as they were."""
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    data = whole[8 + int.from_bytes(whole[:8], "little") :]
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header + data)


def header_of(path: Path) -> bytes:
    whole = path.read_bytes()
    return whole[8 : 8 + int.from_bytes(whole[:8], "little")]


def test_headers_that_lie_are_told(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    sound = header_of(folder / "model.safetensors")
    tensors = json.loads(sound)
    with_header(folder, sound)
    assert prepare(folder, tmp_path).layers == 2, "rewriting alone does no harm"
    shutil.rmtree(tmp_path / "exl2-model")
    for length in (0, 1, len(sound) - 1, len(sound) + 1, 2**31, 2**63, 2**64 - 1):
        with_header(folder, sound, length)
        assert "no sound safetensors file" in refused(folder, tmp_path)
        write_sound(folder)
    first, second = "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.gate_proj.weight"
    lies: list[dict[str, Any]] = [
        {first: tensors[first] | {"data_offsets": tensors[second]["data_offsets"]}},
        {first: tensors[first] | {"data_offsets": [0, 10**12]}},
        {first: tensors[first] | {"data_offsets": [100, 0]}},
        {first: tensors[first] | {"data_offsets": [-2, 0]}},
        {first: tensors[first] | {"shape": [2**32, 2**32]}},
        {first: tensors[first] | {"shape": [2**63, 2]}},
        {first: tensors[first] | {"shape": [-96, -64]}},
        {first: tensors[first] | {"shape": [96.0, 64]}},
        {first: tensors[first] | {"dtype": "F64"}},
    ]
    for lie in lies:
        with_header(folder, json.dumps(tensors | lie).encode())
        assert "no sound safetensors file" in refused(folder, tmp_path)
        write_sound(folder)
    for header in (b"", b"{}", b"[" * 100_000, b'{"a":' * 100_000, sound[:-20], b"\xff" * 64):
        with_header(folder, header)
        assert "model.safetensors" in refused(folder, tmp_path) or header == b"{}"
        write_sound(folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "no sound safetensors file" in refused(folder, tmp_path)
    path.write_bytes(b"")
    assert "no sound safetensors file" in refused(folder, tmp_path)


def write_sound(folder: Path) -> None:
    save_file(arrays(), folder / "model.safetensors")


@pytest.mark.parametrize("packing", [None, gptq, exl2], ids=["fp16", "gptq", "exl2"])
def test_a_header_with_one_wrong_byte_is_refused_or_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, packing: Any
) -> None:
    base = tmp_path_factory.mktemp("changed")
    folder = write_model(base / "model", tensors=arrays(packing) if packing else arrays())
    path = folder / "model.safetensors"
    sound = path.read_bytes()
    size = 8 + int.from_bytes(sound[:8], "little")
    before = json.loads(sound[8:size])
    counts = {"taken": 0, "refused": 0}

    @settings(max_examples=150, deadline=None)
    @given(st.integers(0, size - 1), st.integers(0, 255))
    def change(place: int, value: int) -> None:
        path.write_bytes(sound[:place] + bytes([value]) + sound[place + 1 :])
        try:
            prepare(folder, base)
        except ModelError:
            counts["refused"] += 1
            return
        counts["taken"] += 1
        raw = path.read_bytes()
        after = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        assert after == before

    change()
    path.write_bytes(sound)
    assert prepare(folder, base).layers == 2
    assert counts["refused"] > 0


STUB = "def __getattr__(name):\n    raise AttributeError(name)\n"
READ = """
import json, sys, types
for name in ("PIL", "PIL.Image"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["PIL"].Image = sys.modules["PIL.Image"]
sys.modules["PIL.Image"].Image = object
from exllamav2.config import ExLlamaV2Config
config = ExLlamaV2Config(sys.argv[1])
print(json.dumps([config.rotary_embedding_base, config.scale_pos_emb, config.max_seq_len, config.vocab_size,
    config.num_key_value_heads, config.head_dim, config.norm_eps, config.arch.lm.keys["lm_head"],
    config.eos_token_id, config.generation_config]))
"""


@pytest.mark.skipif(not HAS_EXLLAMAV2, reason="exllamav2 is not installed")
@pytest.mark.parametrize("architecture", ["LlamaForCausalLM", "Qwen2ForCausalLM", "MistralForCausalLM"])
def test_exllamav2_itself_reads_the_folder_as_it_is_meant(tmp_path: Path, architecture: str) -> None:
    rope = {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}
    document = config(architecture, rope_theta=None, rope_parameters=rope, tie_word_embeddings=None)
    tensors = arrays(with_bias=architecture.startswith("Qwen"), with_head=False)
    folder = prepare(write_model(tmp_path / "model", document, tensors), tmp_path).folder
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "exllamav2_ext.py").write_text(STUB)
    environment = os.environ | {"PYTHONPATH": str(stub)}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    assert read == [5e5, 2.0, 4096, 128, 2, 16, 1e-6, "model.embed_tokens", 2, {"eos_token_id": [2]}]
