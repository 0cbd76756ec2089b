"""The default model, converted to fp16, in the real exllamav2 on the CPU."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fimble.cli.settings import DEFAULT_MODEL
from fimble.engine.process.backends.exl2 import attention
from fimble.models import store
from fimble.models.catalogue import find_card
from tests.exllamav2_cpu import import_exllamav2

exllamav2 = import_exllamav2()
pytest.importorskip("gguf", reason="the gguf package is not installed")

import torch  # noqa: E402 - there, or import_exllamav2 had skipped this module.
from exllamav2.generator import ExLlamaV2DynamicGenerator, ExLlamaV2Sampler  # noqa: E402 - see above.
from safetensors.torch import load_file  # noqa: E402 - see above.

from fimble.models.convert.convert import convert  # noqa: E402 - needs gguf.
from tests.exllamav2_cpu import tiny_model  # noqa: E402 - needs torch.

pytestmark = [pytest.mark.model, pytest.mark.slow]

PROMPTS = [
    "def add(a, b):\n    return ",
    "<|fim_prefix|>def is_even(n: int) -> bool:\n    return <|fim_suffix|>\n\nprint(is_even(4))\n<|fim_middle|>",
    "import os\n\n\ndef read(path):\n    with open(path) as file:\n        ",
]
# Scores of this model have a standard deviation of about 2; half precision moves them by a few hundredths.
TIE = 0.1


@pytest.fixture
def folder() -> Iterator[Path]:
    # 1.3 GB, which pytest would keep in its folders for three runs.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name, "model")


@pytest.fixture
def causal_attention() -> Iterator[None]:
    attention.install(exllamav2, device_majors=[])
    yield
    attention.uninstall()


def complete(folder: Path, prompts: list[str], tokens: int) -> tuple[list[list[int]], list[list[int]], list[str]]:
    """Returns the prompts' tokens, the tokens that follow, and these as text."""
    config = exllamav2.ExLlamaV2Config(str(folder))
    config.max_seq_len, config.max_input_len, config.max_attention_size, config.max_output_len = 1024, 256, 256**2, 16
    config.max_dq_size = config.hidden_size * config.intermediate_size
    model = exllamav2.ExLlamaV2(config)
    cache = exllamav2.ExLlamaV2Cache(model, max_seq_len=1024, lazy=True)
    model.load_autosplit(cache, reserve_vram=1024, last_id_only=True)
    attention.refuse_unsupported(model)
    tokenizer = exllamav2.ExLlamaV2Tokenizer(config)
    generator = ExLlamaV2DynamicGenerator(
        model=model, cache=cache, tokenizer=tokenizer, max_batch_size=4, max_chunk_size=256, max_q_size=16
    )
    texts = generator.generate(
        prompts,
        max_new_tokens=tokens,
        gen_settings=ExLlamaV2Sampler.Settings.greedy(),
        encode_special_tokens=True,
        decode_special_tokens=True,
        completion_only=True,
    )
    asked = [tokenizer.encode(prompt, encode_special_tokens=True)[0].tolist() for prompt in prompts]
    given = [tokenizer.encode(text, encode_special_tokens=True)[0].tolist() for text in texts]
    model.unload()
    return asked, given, texts


def reference(folder: Path) -> tuple[dict[str, Any], tiny_model.Shape]:
    weights = load_file(folder / "model.safetensors")
    weights.setdefault("lm_head.weight", weights["model.embed_tokens.weight"])
    config = exllamav2.ExLlamaV2Config(str(folder))
    shape = tiny_model.Shape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads,
        head_size=config.head_dim,
        vocabulary=config.vocab_size,
        rope_theta=config.rotary_embedding_base,
        epsilon=config.norm_eps,
    )
    return weights, shape


@pytest.mark.usefixtures("causal_attention")
def test_the_fp16_model_writes_what_the_reference_would(folder: Path) -> None:
    convert(store.ready_path(find_card(DEFAULT_MODEL)), folder, "fp16")
    asked, given, texts = complete(folder, PROMPTS, 16)
    assert texts[0].startswith(" a + b")
    assert texts[1].startswith("n % 2 == 0")
    weights, shape = reference(folder)
    for prompt, output in zip(asked, given, strict=True):
        scores = tiny_model.logits(weights, shape, prompt + output)[len(prompt) - 1 : -1]
        chosen = scores.gather(1, torch.tensor(output).unsqueeze(1)).squeeze(1)
        assert (scores.amax(1) - chosen).max() < TIE
