"""Text stays text, whatever it spells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.engine.messages.frames import ControlPart, TextPart
from fimble.engine.process.backends.scripted import CONTROLS, Script, ScriptedBackend
from fimble.engine.process.prompt import Encoder, find_controls
from fimble.errors import RequestFailed

BACKEND = ScriptedBackend(Script())
CONTROL_IDS = {BACKEND.control(token) for token in CONTROLS}


def encoder() -> Encoder:
    return Encoder(BACKEND.tokenize, BACKEND.control)


@given(st.lists(st.sampled_from([*CONTROLS, "a", " ", "\n", "<|", "|>"])).map("".join))
def test_text_never_becomes_a_control_token(text: str) -> None:
    assert CONTROL_IDS.isdisjoint(encoder().encode([TextPart(text)]))


def test_a_control_part_becomes_its_token() -> None:
    ids = encoder().encode([ControlPart("<|fim_prefix|>"), TextPart("a"), ControlPart("<|fim_middle|>")])
    assert ids[0] == BACKEND.control("<|fim_prefix|>")
    assert ids[-1] == BACKEND.control("<|fim_middle|>")
    assert len(ids) == 3


def test_a_control_token_of_another_model_is_refused() -> None:
    with pytest.raises(RequestFailed, match="no control token"):
        encoder().encode([ControlPart("<PRE>")])


def test_the_cache_gives_the_same_ids_as_the_tokenizer() -> None:
    encode = encoder()
    parts = [TextPart("def add(a, b):")]
    assert encode.encode(parts) == encode.encode(parts) == BACKEND.tokenize("def add(a, b):")


def test_a_models_own_tokens_are_found_by_family() -> None:
    assert find_controls(BACKEND.control)["middle"] == "<|fim_middle|>"
    known = {"<PRE>": 1, "<SUF>": 2, "<MID>": 3}
    assert find_controls(known.get) == {"prefix": "<PRE>", "suffix": "<SUF>", "middle": "<MID>"}
    assert find_controls(lambda _: None) == {}
