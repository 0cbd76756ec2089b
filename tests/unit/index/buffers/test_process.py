"""What the process does with requests, in which order, and what it lets go when newer ones arrive."""

import os

import msgspec
import pytest

from fimble.errors import FrameInvalid
from fimble.index.buffers.messages import (
    HEADER,
    Answer,
    Change,
    Close,
    Declined,
    Open,
    Parsed,
    Request,
    Working,
    body_size,
    decode_answer,
    encode,
)
from fimble.index.buffers.process import SYMBOLS_MAX, Inbox, Worker
from fimble.index.symbols import FileSymbols

SHOP = b"def post(address):\n    return address\n"
# Long enough for the parser to report, and for the worker to look at its inbox, many times.
LONG = SHOP * 3000


class ScriptedInbox:
    """Hands out batches one by one; an empty one stands for a time in which nothing arrives.

    What is in `during` arrives when the worker looks, as it does while the parser runs, once `arrives_after` batches
    have been handed out after the first one.
    """

    def __init__(self, *batches: list[Request], during: list[Request] | None = None, arrives_after: int = 0) -> None:
        self.batches = list(batches)
        self.during = during or []
        self.batches_before = len(batches) - 1 - arrives_after
        self.arrived: list[Request] = []
        self.timeouts_s: list[float | None] = []

    def take(self, timeout_s: float | None) -> list[Request] | None:
        self.timeouts_s.append(timeout_s)
        if self.arrived:
            arrived, self.arrived = self.arrived, []
            return arrived
        if timeout_s == 0:
            return []
        return self.batches.pop(0) if self.batches else None

    def look(self) -> list[Request]:
        if len(self.batches) <= self.batches_before:
            self.arrived += self.during
            self.during = []
        return self.arrived


class SilentAlarm:
    def set(self) -> None: ...

    def clear(self) -> None: ...


class Ticks:
    """A clock that goes on by a millisecond whenever somebody looks."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


def answers_of(inbox: ScriptedInbox, *, keystroke_parse_s: float = 1000.0) -> list[Answer]:
    answers: list[Answer] = []
    Worker(inbox, answers.append, SilentAlarm(), clock=Ticks(), keystroke_parse_s=keystroke_parse_s).run()
    return answers


def told(answers: list[Answer]) -> list[tuple[int, int, bool, list[str] | None]]:
    """Returns document, sequence, whether it is settled, and the names if there are symbols."""
    return [
        (answer.document, answer.sequence, answer.is_settled, names(answer))
        for answer in answers
        if isinstance(answer, Parsed)
    ]


def names(parsed: Parsed) -> list[str] | None:
    if not parsed.symbols:
        return None
    return [symbol.name for symbol in msgspec.msgpack.decode(parsed.symbols, type=FileSymbols).symbols]


def test_a_document_is_answered_with_its_symbols() -> None:
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", SHOP)]))
    assert answers[0] == Working(7)
    assert told(answers) == [(7, 1, True, ["post"])]


def test_an_edit_that_others_do_not_see_is_answered_without_symbols_until_nobody_types() -> None:
    place = SHOP.index(b"address\n") + 7
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", SHOP)], [Change(7, 2, place, place, b" + 1")], [], []))
    assert told(answers) == [(7, 1, True, ["post"]), (7, 2, False, None), (7, 2, True, ["post"])]


def test_an_edit_that_others_see_is_answered_with_symbols_at_once() -> None:
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", SHOP)], [Change(7, 2, 4, 8, b"send")]))
    assert told(answers)[1] == (7, 2, False, ["send"])


def test_edits_that_arrive_together_are_parsed_once() -> None:
    answers = answers_of(
        ScriptedInbox([Open(7, 1, "python", SHOP), Change(7, 2, 4, 4, b"x"), Change(7, 3, 5, 5, b"y")])
    )
    assert told(answers) == [(7, 3, True, ["xypost"])]


def test_the_document_that_was_edited_last_goes_first() -> None:
    answers = answers_of(ScriptedInbox([Open(number, 1, "python", SHOP) for number in (1, 2, 3)]))
    assert [answer.document for answer in answers if isinstance(answer, Parsed)] == [3, 2, 1]


def test_a_newer_edit_supersedes_the_parse_that_is_under_way() -> None:
    inbox = ScriptedInbox(
        [Open(7, 1, "python", LONG)],
        [Change(7, 2, 0, 0, b"f('''")],
        [],
        during=[Change(7, 3, 0, 5, b"")],
        arrives_after=1,
    )
    assert [(sequence, is_settled) for _, sequence, is_settled, _ in told(answers_of(inbox))][:2] == [
        (1, True),
        (3, False),
    ]


def test_edits_do_not_supersede_the_first_parse_which_the_next_one_needs() -> None:
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", LONG)], during=[Change(7, 2, 4, 8, b"send")]))
    assert [sequence for _, sequence, _, _ in told(answers)] == [1, 2]


def test_closing_a_document_ends_its_parse() -> None:
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", LONG)], during=[Close(7)]))
    assert answers == [Working(7)]


def test_edits_of_another_document_do_not_end_a_parse_but_put_off_what_can_wait() -> None:
    answers = answers_of(
        ScriptedInbox(
            [Open(7, 1, "python", LONG)],
            [Change(7, 2, 0, 0, b"f('''")],
            [],
            [],
            during=[Open(8, 1, "python", SHOP)],
            arrives_after=2,
        )
    )
    assert [(document, sequence) for document, sequence, _, _ in told(answers)] == [(7, 1), (7, 2), (8, 1), (7, 2)]


def test_a_parse_that_takes_too_long_is_done_when_nobody_types() -> None:
    answers = answers_of(
        ScriptedInbox([Open(7, 1, "python", LONG)], [Change(7, 2, 0, 0, b"f('''")], [], []), keystroke_parse_s=0.002
    )
    assert [(sequence, is_settled) for _, sequence, is_settled, _ in told(answers)] == [(1, True), (2, True)]


def test_a_broken_text_is_parsed_afresh_when_nobody_types() -> None:
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", SHOP)], [Change(7, 2, 0, 0, b"x = (\n")], [], []))
    assert [(sequence, is_settled) for _, sequence, is_settled, _ in told(answers)] == [
        (1, True),
        (2, False),
        (2, True),
    ]


def test_the_worker_waits_without_end_only_when_nothing_is_left_to_do() -> None:
    inbox = ScriptedInbox([Open(7, 1, "python", SHOP)], [Change(7, 2, 4, 4, b"x")], [])
    answers_of(inbox)
    assert inbox.timeouts_s == [None, None, 0.2, None]


def test_a_language_without_a_grammar_is_declined() -> None:
    assert answers_of(ScriptedInbox([Open(7, 1, "klingon", b"x"), Change(7, 2, 0, 0, b"y")])) == [Declined(7)]


def test_requests_for_documents_that_are_not_open_are_ignored() -> None:
    assert answers_of(ScriptedInbox([Change(7, 2, 0, 0, b"y"), Close(8)])) == []


def test_opening_again_replaces_a_document() -> None:
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", SHOP)], [Open(7, 2, "python", b"x = 1\n")]))
    assert told(answers) == [(7, 1, True, ["post"]), (7, 2, True, ["x"])]


def test_no_more_symbols_are_told_than_somebody_can_use() -> None:
    source = b"".join(b"x%d = 1\n" % number for number in range(SYMBOLS_MAX + 5))
    answers = answers_of(ScriptedInbox([Open(7, 1, "python", source)]))
    found = told(answers)[0][3]
    assert found is not None
    assert len(found) == SYMBOLS_MAX


def test_frames_arrive_whole_through_a_pipe_in_whatever_pieces() -> None:
    reading, writing = os.pipe()
    inbox = Inbox(reading)
    requests = [Open(1, 1, "python", b"x" * 9000), Change(1, 2, 0, 0, b"y"), Close(1)]
    data = b"".join(encode(request) for request in requests)
    assert inbox.look() == []
    os.write(writing, data[:9100])
    assert inbox.look() == requests[:1]
    os.write(writing, data[9100:])
    os.close(writing)
    received: list[Request] = []
    while (some := inbox.take(None)) is not None:
        received += some
    assert received == requests
    os.close(reading)


def test_frames_that_make_no_sense_are_refused() -> None:
    with pytest.raises(FrameInvalid):
        body_size(HEADER.pack(0xFFFFFFFF))
    with pytest.raises(FrameInvalid):
        decode_answer(b"\xc1")
    answer = Parsed(1, 2, True)
    assert decode_answer(encode(answer)[HEADER.size :]) == answer
