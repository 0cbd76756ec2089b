"""Text stays text, whatever it spells."""

import json

import pytest

from fimble.engine.process.backends.exl2.vocabulary import Vocabulary

pytest.importorskip("tokenizers", reason="comes with fimble[gpu]")


def tokenizer_json(*, special: bool) -> str:
    letters = {chr(code): code - 33 for code in range(33, 127)} | {"Ġ": 94, "ï": 95, "¿": 96, "½": 97}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
            "padding": None,
            "added_tokens": [
                {
                    "id": 98,
                    "content": "<|fim_prefix|>",
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": special,
                }
            ],
            "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "post_processor": None,
            "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "vocab": letters, "merges": []},
        }
    )


@pytest.mark.parametrize("special", [True, False])
def test_the_spelling_of_a_control_token_in_a_users_code_is_text(special: bool) -> None:
    vocabulary = Vocabulary(tokenizer_json(special=special))
    ids = vocabulary.tokenize("<|fim_prefix|>")
    assert ids == [ord(letter) - 33 for letter in "<|fim_prefix|>"]


def test_the_tokenizer_itself_would_have_made_it_a_control_token() -> None:
    import tokenizers

    plain = tokenizers.Tokenizer.from_str(tokenizer_json(special=False))
    plain.encode_special_tokens = True
    assert plain.encode("<|fim_prefix|>", add_special_tokens=False).ids == [98]


def test_a_control_token_is_known_by_its_spelling_and_ordinary_text_is_none() -> None:
    vocabulary = Vocabulary(tokenizer_json(special=False))
    assert vocabulary.control("<|fim_prefix|>") == 98
    assert vocabulary.control("a") is None


def test_halves_of_surrogate_pairs_and_long_texts_are_encoded() -> None:
    vocabulary = Vocabulary(tokenizer_json(special=True))
    assert vocabulary.tokenize("a\ud800") == [ord("a") - 33, ord("?") - 33]
    assert len(vocabulary.tokenize("a" * 100)) == 100
