"""`fimble models convert` as a user runs it, and the tokenizers that it makes against llama.cpp's own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.cli.settings import DEFAULT_MODEL
from fimble.engine.process.backends.llamacpp import LlamaCppBackend
from fimble.models import store
from fimble.models.catalogue import find_card
from fimble.models.convert.gguf_file import open_gguf
from fimble.models.convert.tokenizer import tokenizer_of

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
safetensors = pytest.importorskip("safetensors", reason="the official parser is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="the official tokenizers are not installed")

from tests.unit.models.convert.tiny_gguf import HIDDEN, TinyGguf  # noqa: E402

APP = "import typer; from fimble.cli.convert import convert; app = typer.Typer(); app.command()(convert); app()"
COMMAND = [sys.executable, "-c", APP]
FILES = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"NO_COLOR": "1", "TERM": "dumb"}
    command = [*COMMAND, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return TinyGguf().write(tmp_path / "tiny.gguf")


def test_people_are_told_that_rounded_models_are_for_tests(tiny: Path, tmp_path: Path) -> None:
    done = run(tiny, tmp_path / "out", "--format", "gptq", "--group-size", "32")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path / 'out'} is ready: gptq" in done.stdout
    assert "for tests only" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    plain = run(tiny, tmp_path / "plain", "--format", "fp16")
    assert plain.returncode == 0
    assert "tests" not in plain.stdout
    assert "for tests" in " ".join(run("--help").stdout.split())


def test_programs_get_one_object(tiny: Path, tmp_path: Path) -> None:
    done = run(tiny, tmp_path / "out", "--format=gptq", "--group-size=32", "--json")
    answer = json.loads(done.stdout)
    assert "for tests only" in answer.pop("warning")
    assert answer == {
        "path": str(tmp_path / "out"),
        "format": "gptq",
        "group_size": 32,
        "architecture": "qwen2",
        "layers": 2,
        "weights_bytes": (tmp_path / "out" / "model.safetensors").stat().st_size,
    }
    plain = json.loads(run(tiny, tmp_path / "plain", "--format=fp16", "--json").stdout)
    assert (plain["group_size"], plain["warning"]) == (0, "")


def test_what_goes_wrong_is_told_in_a_sentence(tiny: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(tiny.read_bytes()[:5000])
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    for arguments, message in (
        ((other, tmp_path / "out", "--format=fp16"), "other.gguf is cut short"),
        ((tmp_path / "none.gguf", tmp_path / "out", "--format=fp16"), "give the path of a GGUF file"),
        ((tiny, tmp_path / "out", "--format=gptq"), "--group-size 64"),
        ((tiny, full, "--format=fp16"), "is not empty"),
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert message in json.loads(run(*arguments, "--json").stdout)["error"]
    wrong = run(tiny, tmp_path / "out", "--format=exl2")
    assert wrong.returncode == 2
    assert "write fp16 or gptq" in " ".join(wrong.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.gguf", "other.gguf", "full"}


@pytest.fixture(scope="module")
def default_model() -> Path:
    """The default model's file. It is part of the product, so that its absence is a failure, not a skip."""
    return store.ready_path(find_card(DEFAULT_MODEL))


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_user_stops_it(default_model: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [*COMMAND, str(default_model), str(tmp_path / "out"), "--format=gptq"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 60
    while not list(tmp_path.glob(".out-*/model.safetensors")):
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.model
@pytest.mark.slow
def test_the_default_model_comes_out_as_the_gguf_package_reads_it(default_model: Path) -> None:
    # 1.3 GB, which pytest would keep in its folders for three runs.
    with tempfile.TemporaryDirectory() as folder:
        done = run(default_model, Path(folder, "out"), "--format", "fp16")
        assert done.returncode == 0, done.stderr
        names = {"token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight"}
        parts = {"ffn_down": "mlp.down_proj", "attn_q": "self_attn.q_proj", "attn_norm": "input_layernorm"}
        names |= {
            f"blk.{layer}.{theirs}.{kind}": f"model.layers.{layer}.{ours}.{kind}"
            for layer in range(24)
            for theirs, ours in parts.items()
            for kind in ("weight", "bias")
        }
        compared = 0
        with safetensors.safe_open(Path(folder, "out", "model.safetensors"), "numpy") as file:
            for tensor in gguf.GGUFReader(default_model).tensors:
                if tensor.name in names:
                    expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float16)
                    assert np.array_equal(file.get_tensor(names[tensor.name]), expected), tensor.name
                    compared += 1
            assert compared == 2 + 24 * 4
            assert len(file.keys()) == 291


TEXTS = [
    "",
    " ",
    "a",
    "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n",
    'class A {\n\tprivate static final String X = "a\\tb";\n}\n',
    "for (int i = 0; i < 10; ++i) { x[i] += 0x1F & ~y; }",
    "fn main() -> Result<(), Box<dyn Error>> { println!(\"{:?}\", a..=b); }",
    "SELECT * FROM `users` WHERE id IN (1, 22, 333, 4444, 55555);",
    "#include <stdio.h>\r\n\r\nint main(void)\r\n{\r\n\treturn 0;\r\n}\r\n",
    "line one\rline two\r\r\nline three\n\n\n\n  line four",
    "\t\tif x:\n\t\t\tpass\n",
    "    \n        \n\t \t\n",
    "trailing spaces   \nand tabs\t\t\t\n   ",
    "a  b   c    d     e      f",
    "It's they'll WE'RE I'D I'm you'Ve 'S'T 'ſ",
    "1 12 123 1234 12345 3.14159 1_000_000 0b1010 1e-9 ½ ² Ⅷ ٣",
    "你好,世界。这是一个测试。",
    "これはテストです。カタカナと漢字",
    "안녕하세요 세계",
    "Привет, мир! Ελληνικά עברית العربية हिन्दी ไทย",
    "emoji: 😀👍🏽👨‍👩‍👧‍👦🇩🇪❤️",
    "e\u0301 vs é, A\u030a vs Å, \ufb01 \u2126 \u212b",
    "<|fim_prefix|>def f():<|fim_suffix|>\n<|fim_middle|>",
    "<|im_start|>user\nhi<|im_end|>\n<|endoftext|><|file_sep|>",
    "<tool_call>\n{\"name\": 1}\n</tool_call> <tool_call",
    "<|im_", "[PAD151665]",
    "\u00a0non\u2003breaking\u200bspaces\u3000\u0085\u2028x",
    "\x00\x01\x1b[31m\x7f",
    "!!!???...;;;:::---===>>><<<{{{}}}((()))[[[]]]",
    "camelCaseName snake_case_name SCREAMING_CASE kebab-case-name $php @decorator #tag",
    "https://example.com/a/b?c=d&e=%20#frag user@example.org",
    "\"\"\"Docstring.\n\n    Args:\n        x: é — “quoted” … \n\"\"\"",
    "x" * 300,
    "=" * 100 + "\n" + " " * 97 + "x",
    "\U00010348\U0001d54f\ue000\ufffd\ufeff",
    "a\n b\n\n  c\r\n\r\n d \r e",
    "λx.x → ∀ε>0 ∃δ: |x−y|<δ ⇒ √2≈1.41",
    "日本語code混在text中文123数字",
    "// TODO(ümläut): naïve café — déjà-vu\n/* ß ẞ ı İ */",
]  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary(default_model: Path) -> dict[str, Any]:
    """The default model's tokens and merges, as the fields of a file."""
    names = ("tokens", "token_type", "merges", "eos_token_id", "bos_token_id", "padding_token_id")
    with open_gguf(default_model) as file:
        fields = {f"tokenizer.ggml.{name}": file.fields[f"tokenizer.ggml.{name}"] for name in names}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items()}


class Both:
    """The same file's tokenizer, by llama.cpp and as it was converted."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._llama = LlamaCppBackend(path, folder=folder, context_tokens=256, stop_tokens=())
        self._llama.load(lambda _: None)
        with open_gguf(path) as file:
            content = tokenizer_of(file, file.tensors["token_embd.weight"].rows).tokenizer_json
        self._converted = tokenizers.Tokenizer.from_str(content.decode())
        # Control tokens in code are text.
        self._converted.encode_special_tokens = True

    def ids(self, text: str) -> tuple[list[int], list[int]]:
        ours = self._converted.encode(text, add_special_tokens=False).ids
        assert self._converted.decode(ours, skip_special_tokens=False) == text
        return ours, self._llama.tokenize(text)

    def control(self, token: str) -> tuple[int | None, int | None]:
        return self._converted.token_to_id(token), self._llama.control(token)

    def close(self) -> None:
        self._llama.unload()


@pytest.fixture(scope="module")
def both(default_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    both = Both(default_model, tmp_path_factory.mktemp("llama"))
    yield both
    both.close()


@pytest.mark.model
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_converted_tokenizer_gives_the_ids_of_llama_cpp(both: Both, text: str) -> None:
    ours, theirs = both.ids(text)
    assert ours == theirs


@pytest.mark.model
@pytest.mark.parametrize("token", ["<|fim_prefix|>", "<|fim_middle|>", "<|im_end|>", "<|endoftext|>"])
def test_control_tokens_have_the_ids_of_llama_cpp(both: Both, token: str) -> None:
    ours, theirs = both.control(token)
    assert ours == theirs is not None


PIECES = st.sampled_from([" ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "12", "<|im_end|>", "é", "中", "😀", "def ", "_"])


@pytest.mark.model
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Z"]), max_size=6)))
def test_any_text_has_the_ids_of_llama_cpp(both: Both, pieces: list[str]) -> None:
    ours, theirs = both.ids("".join(pieces))
    assert ours == theirs


@pytest.mark.model
@pytest.mark.parametrize("pre", ["deepseek-r1-qwen", "llama-bpe", "smollm", "starcoder", "gpt-2"])
def test_other_rules_give_the_ids_of_llama_cpp(
    vocabulary: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, pre: str
) -> None:
    """With Qwen's vocabulary and a model that writes noise, as no model with such rules is at hand."""
    size = len(vocabulary["tokenizer.ggml.tokens"])
    table = np.zeros((size, HIDDEN), dtype=np.float16)
    path = TinyGguf(
        tied=True, fields=vocabulary | {"tokenizer.ggml.pre": pre}, weights={"token_embd.weight": table}
    ).write(tmp_path / "noise.gguf")
    both = Both(path, tmp_path_factory.mktemp("llama"))
    try:
        different = [text for text in TEXTS if len(set(map(tuple, both.ids(text)))) != 1]
    finally:
        both.close()
        path.unlink()
    assert different == []
