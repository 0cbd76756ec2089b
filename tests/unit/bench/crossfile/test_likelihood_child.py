"""How probable a text is, from what llama.cpp tells of each token; here a fake tells it."""

import math
import re
from collections.abc import Sequence

import pytest

from fimble.bench.crossfile.likelihood_child import FLOOR_NATS, Choice, Piece, Unanswerable, answer
from fimble.bench.crossfile.likelihood_engine import Question, Token

# As most tokenizers: a word takes the blank in front of it, an opening bracket what follows it.
_TOKEN = re.compile(r"<\w>|\(?\w+|[ ]\w+|[ ]|\n+|.")


def tokenize(text: str, is_control: bool) -> list[Piece]:
    if is_control:
        return [Piece(-ord(text[1]), b"")]
    return [Piece(_id(found), found.encode()) for found in _TOKEN.findall(text)]


def _id(token: str) -> int:
    return sum(ord(sign) * 31**place for place, sign in enumerate(token))


class FakeModel:
    """Finds every token as probable as `nats` says by its text, -1 otherwise; `others` are candidates beside it."""

    def __init__(
        self, nats: dict[str, float] | None = None, others: dict[str, list[tuple[str, float]]] | None = None
    ) -> None:
        self._nats = nats or {}
        self._others = others or {}
        self.asked: list[tuple[list[int], list[int], int]] = []
        self.spellings: dict[int, str] = {}

    def tokenize(self, text: str, is_control: bool) -> list[Piece]:
        pieces = tokenize(text, is_control)
        self.spellings |= {piece.id: piece.spelling.decode() for piece in pieces}
        return pieces

    def write(self, prompt: list[int], ids: list[int], tokens_max: int) -> Sequence[Choice]:
        self.asked.append((prompt, ids, tokens_max))
        texts = [self.spellings[id] for id in ids] + [""] * (tokens_max - len(ids))
        return [self._choice(id, text) for id, text in zip([*ids, 0], texts, strict=False)]

    def _choice(self, id: int, text: str) -> Choice:
        nats = self._nats.get(text, -1.0)
        others = [(other.encode(), value) for other, value in self._others.get(text, [])]
        return Choice(id, text.encode(), nats, ((text.encode(), nats), *others))


def question(text: str, starts_with: str = "", *, tokens_max: int = 48, line_ends: bool = False) -> Question:
    return Question(
        parts=((True, "<P>"), (False, "a b")),
        starts_with=starts_with,
        text=text,
        tokens_max=tokens_max,
        line_ends=line_ends,
    )


def test_the_text_is_written_token_by_token_after_the_prompt() -> None:
    model = FakeModel({"x": -0.5, " =": -3.0, " y": -0.25})
    found = answer(question("x y"), model.tokenize, model.write)
    assert found.tokens == (Token(0, 1, -0.5), Token(1, 3, -0.25))
    prompt, ids, tokens_max = model.asked[0]
    assert prompt == [-ord("P"), _id("a"), _id(" b")]
    assert ids == [_id("x"), _id(" y")]
    # One more, which tells how probable the end is.
    assert tokens_max == 3
    assert found.prompt_tokens == 3


def test_a_spelling_of_a_control_token_in_text_stays_text() -> None:
    model = FakeModel()
    asked = Question(parts=((False, "<P>"),), starts_with="", text="x", tokens_max=9)
    answer(asked, model.tokenize, model.write)
    assert model.asked[0][0] == [_id("<P>")]


def test_tokens_of_what_the_text_starts_with_are_given() -> None:
    model = FakeModel({"foo": -7.0, "x": -0.5})
    found = answer(question(" x", "foo"), model.tokenize, model.write)
    assert found.tokens == (Token(0, 2, -1.0),)


def test_a_token_across_the_start_is_judged_among_those_that_go_with_it() -> None:
    # The user has typed the bracket: of `(x`, `(y` and `)`, only two are left.
    others = [("(y", math.log(0.3)), (")", math.log(0.6))]
    model = FakeModel({"(x": math.log(0.1)}, {"(x": others})
    found = answer(question("x y", "("), model.tokenize, model.write)
    assert found.tokens == (Token(-1, 1, pytest.approx(math.log(0.25))), Token(1, 3, -1.0))


def test_a_long_text_is_cut_between_tokens_and_has_no_end() -> None:
    model = FakeModel()
    found = answer(question("a b c d", tokens_max=2), model.tokenize, model.write)
    assert [token.end for token in found.tokens] == [1, 3]
    assert found.end_nats is None
    assert model.asked[0][2] == 2


@pytest.mark.parametrize(("line_ends", "end"), [(False, 0.2), (True, 0.5)])
def test_the_end_is_a_stop_token_or_also_a_new_line(line_ends: bool, end: float) -> None:
    others = [("\n\n", math.log(0.3)), (" y", math.log(0.4))]
    model = FakeModel({"": math.log(0.2)}, {"": others})
    found = answer(question("x", line_ends=line_ends), model.tokenize, model.write)
    assert found.end_nats == pytest.approx(math.log(end))


@pytest.mark.parametrize(("line_ends", "end"), [(False, 0.1 * 0.5), (True, 0.1 * 0.5 + 0.7)])
def test_the_last_token_may_be_one_with_what_follows(line_ends: bool, end: float) -> None:
    # The model writes `)` and the new line as one token; `).x` goes on.
    others = [(")\n", math.log(0.7)), (").x", math.log(0.1)), ("]", math.log(0.05))]
    model = FakeModel({")": math.log(0.1), "": math.log(0.5)}, {")": others})
    found = answer(question("x)", line_ends=line_ends), model.tokenize, model.write)
    assert found.tokens[-1].nats == pytest.approx(math.log(0.9))
    assert found.end_nats == pytest.approx(math.log(end / 0.9))


def test_what_is_too_improbable_to_tell_is_counted() -> None:
    model = FakeModel({"x": -3.4e38})
    found = answer(question("x y"), model.tokenize, model.write)
    assert (found.tokens[0].nats, found.floored) == (FLOOR_NATS, 1)


def test_a_tokenizer_that_changes_the_text_is_told() -> None:
    def lower(text: str, is_control: bool) -> list[Piece]:
        return tokenize(text.lower(), is_control) if not is_control else tokenize(text, is_control)

    model = FakeModel()
    with pytest.raises(Unanswerable, match="changes texts"):
        answer(question("X"), lower, model.write)


def test_other_tokens_than_those_asked_for_are_told() -> None:
    with pytest.raises(Unanswerable, match="older version"):
        answer(question("x"), tokenize, lambda *_: [Choice(1, b"y", -1.0), Choice(0, b"", -1.0)])
    with pytest.raises(Unanswerable, match="older version"):
        answer(question("x"), tokenize, lambda *_: [])


def test_a_control_token_that_the_model_lacks_is_told() -> None:
    with pytest.raises(Unanswerable, match="no control token '<P>'"):
        answer(question("x"), lambda _, is_control: [Piece(1, b"<"), Piece(2, b"P>")], FakeModel().write)
