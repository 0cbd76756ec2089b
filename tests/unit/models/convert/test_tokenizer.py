"""Tokenizers that are made from the vocabulary of a GGUF file."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fimble.errors import ModelError, ModelFileWrong, ModelRefused
from fimble.models.convert.gguf_file import open_gguf
from fimble.models.convert.tokenizer import TokenizerFiles, tokenizer_of

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="the official tokenizers are not installed")

from tests.unit.models.convert.tiny_gguf import (  # noqa: E402
    END_OF_TEXT,
    EOS,
    KINDS,
    MERGES,
    TEMPLATE,
    TOKENS,
    VOCABULARY,
    TinyGguf,
)


def files(tmp_path: Path, fields: dict[str, Any] | None = None) -> TokenizerFiles:
    path = TinyGguf(fields=fields or {}).write(tmp_path / "tiny.gguf")
    with open_gguf(path) as file:
        return tokenizer_of(file, VOCABULARY)


def tokens(tmp_path: Path, text: str, fields: dict[str, Any] | None = None, *, as_text: bool = True) -> list[str]:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(files(tmp_path, fields).tokenizer_json)
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = as_text
    encoded = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(encoded.ids, skip_special_tokens=False) == text
    return [TOKENS[index] for index in encoded.ids]


def test_text_is_merged_and_comes_back(tmp_path: Path) -> None:
    assert tokens(tmp_path, "def inner") == ["def", "Ġ", "in", "n", "er"]
    # The space before a word goes with the word, and the others are merged.
    assert tokens(tmp_path, "    in") == ["ĠĠ", "Ġ", "Ġ", "in"]
    assert tokens(tmp_path, "é\r\n\t") == ["Ã", "©", "č", "Ċ", "ĉ"]
    assert tokens(tmp_path, "") == []


def test_text_is_not_normalised(tmp_path: Path) -> None:
    assert tokens(tmp_path, "e\u0301") == ["e", "Ì", "ģ"]


def test_control_tokens_are_text_where_asked_and_others_of_the_user_never(tmp_path: Path) -> None:
    text = "<|im_end|><tool_call>"
    assert tokens(tmp_path, text, as_text=False) == ["<|im_end|>", "<tool_call>"]
    assert tokens(tmp_path, text) == [*"<|im_end|>", "<tool_call>"]
    assert tokens(tmp_path, "[PAD0]", as_text=False) == [*"[PAD0]"]


@pytest.mark.parametrize(
    ("pre", "digits"),
    [
        ("qwen2", ["1", "2", "3", "4"]),
        ("smollm", ["1", "2", "3", "4"]),
        ("llama-bpe", ["123", "4"]),
        ("gpt-2", ["1234"]),
    ],
)
def test_digits_are_split_as_each_kind_does(tmp_path: Path, pre: str, digits: list[str]) -> None:
    joined = ["12", "123", "1234"]
    fields = {
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": [*TOKENS[:-5], *joined, *TOKENS[-2:]],
        "tokenizer.ggml.token_type": [1] * len(TOKENS[:-5]) + [1, 1, 1, 5, 5],
        "tokenizer.ggml.merges": [*MERGES, "1 2", "12 3", "123 4"],
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.bos_token_id": None,
        "tokenizer.ggml.padding_token_id": None,
    }
    made = files(tmp_path, fields)
    tokenizer = tokenizers.Tokenizer.from_str(made.tokenizer_json.decode())
    assert tokenizer.encode("1234").tokens == digits
    assert made.token_ids == {"eos_token_id": 1}


def test_the_template_and_the_ends_are_carried_over(tmp_path: Path) -> None:
    made = files(tmp_path)
    assert made.tokenizer_config["chat_template"] == TEMPLATE
    assert made.tokenizer_config["eos_token"] == "<|im_end|>"
    assert made.tokenizer_config["add_bos_token"] is False
    assert made.token_ids == {"bos_token_id": END_OF_TEXT, "eos_token_id": EOS, "pad_token_id": END_OF_TEXT}
    assert made.generation_config["eos_token_id"] == [EOS, END_OF_TEXT]
    bare = files(tmp_path, {"tokenizer.chat_template": None, "tokenizer.ggml.add_bos_token": True})
    assert "chat_template" not in bare.tokenizer_config
    assert bare.tokenizer_config["add_bos_token"] is True


def test_unused_tokens_are_left_out(tmp_path: Path) -> None:
    vocabulary = json.loads(files(tmp_path).tokenizer_json)["model"]["vocab"]
    assert "[PAD0]" not in vocabulary
    assert len(vocabulary) == len(TOKENS) - 2
    assert vocabulary["<|im_end|>"] == EOS


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"tokenizer.ggml.model": "llama"}, ModelRefused, "'llama'; only byte-level BPE"),
        ({"tokenizer.ggml.pre": "tekken"}, ModelRefused, "'tekken'; only those of qwen2,"),
        ({"tokenizer.ggml.pre": None}, ModelRefused, "'default'"),
        ({"tokenizer.ggml.tokens": TOKENS[:-1]}, ModelFileWrong, "tokens"),
        ({"tokenizer.ggml.tokens": TOKENS * 2, "tokenizer.ggml.token_type": KINDS * 2}, ModelFileWrong, "of 288"),
        ({"tokenizer.ggml.tokens": ["er", *TOKENS[1:]]}, ModelFileWrong, "one token twice"),
        ({"tokenizer.ggml.merges": [*MERGES, "e q"]}, ModelFileWrong, "merges 'e q'"),
        ({"tokenizer.ggml.merges": ["er"]}, ModelFileWrong, "merges 'er'"),
        ({"tokenizer.ggml.merges": None}, ModelFileWrong, "does not say tokenizer.ggml.merges"),
        ({"tokenizer.ggml.eos_token_id": None}, ModelFileWrong, "which token ends a text"),
        ({"tokenizer.ggml.eos_token_id": len(TOKENS)}, ModelFileWrong, "which cannot be"),
    ],
)
def test_what_cannot_be_converted_is_told(
    tmp_path: Path, fields: dict[str, Any], error: type[ModelError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        files(tmp_path, fields)
