"""What a simulated typist asks: only the end of the prompt changes from key to key."""

from fimble.bench.engine_typing import _Typist
from fimble.engine.messages.frames import ControlPart, TextPart, Urgency
from fimble.models.card import FillInMiddle

ROLES = FillInMiddle(prefix="<pre>", suffix="<suf>", middle="<mid>")


def typist(fim: FillInMiddle) -> _Typist:
    return _Typist(before="a = 1\n", after="\nb = 2", fim=fim, urgency=Urgency.BENCHMARK)


def test_typed_text_follows_the_middle_and_ends_at_the_end_of_a_token() -> None:
    request = typist(ROLES).request("total = left.appe")
    assert request.parts == [
        ControlPart("<pre>"),
        TextPart("a = 1\n"),
        ControlPart("<suf>"),
        TextPart("\nb = 2"),
        ControlPart("<mid>"),
        TextPart("total = left."),
    ]
    assert request.starts_with == "appe"


def test_without_control_tokens_the_texts_follow_each_other() -> None:
    request = typist(FillInMiddle(prefix="", suffix="", middle="")).request("x")
    assert request.parts == [TextPart("a = 1\n"), TextPart("\nb = 2")]
    assert request.starts_with == "x"


def test_after_much_typing_the_prompt_is_laid_out_anew_from_the_start_of_a_line() -> None:
    long = typist(ROLES)
    text = "line = 1\n" * 200 + "end"
    long.request("")
    before = [part.text for part in long.request(text[:1400]).parts if isinstance(part, TextPart)]
    after = [part.text for part in long.request(text).parts if isinstance(part, TextPart)]
    assert before[0] == "a = 1\n"
    assert after[0] == "a = 1\n" + "line = 1\n" * 200
    assert len(after) == 2
