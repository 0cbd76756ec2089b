"""Control tokens that a model wrote as text."""

import pytest

from fimble.features.completion.filters.leaks import leak_start, without_broken_token
from tests.unit.features.completion.holes import around


@pytest.mark.parametrize(
    "token",
    [
        "<|fim_prefix|>",
        "<|fim_middle|>",
        "<|file_sep|>",
        "<|endoftext|>",
        "<|im_end|>",
        "<｜fim▁begin｜>",
        "<fim_suffix>",
        "<file_sep>",
        "</s>",
        "<EOT>",
        "<SUF>",
        "[INST]",
    ],
)
def test_a_text_ends_at_a_control_token(token: str) -> None:
    assert leak_start(f"a + b{token}x", around("x = $0\n")) == 5


@pytest.mark.parametrize(
    ("document", "text", "language"),
    [
        ("x = $0\n", "a < b | c > d", "python"),
        ("x = $0\n", '"<|fim_prefix|>"', "python"),
        ('PREFIX = "<|fim_prefix|>"\nx = y.split($0\n', "<|fim_prefix|>", "python"),
        ("<p>$0\n", "<s>old</s>", "html"),
        ("x = $0\n", "list[INSTANCE]", "python"),
        ("$0\n", "vector<PREFIX_T> v;", "cpp"),
    ],
)
def test_code_that_looks_like_one_or_deals_with_them_stays(document: str, text: str, language: str) -> None:
    assert leak_start(text, around(document, language)) is None


def test_the_beginning_of_a_control_token_at_the_end_is_dropped() -> None:
    assert without_broken_token("a + b<|fim_") == "a + b"
    assert without_broken_token("a <b") == "a <b"
