"""What is kept of a session: shown, accepted, kept, and what was learnt."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fimble.errors import EngineGone
from fimble.features.acceptance.feature import Acceptance
from fimble.features.acceptance.feedback import Feedback, FeedbackKind, Trigger
from fimble.features.acceptance.store import Store, StoredRow
from fimble.features.acceptance.writer import Writer
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.workspace.text import Text

from .samples import Clock, query, row, suggestion

URI = "file:///w/a.py"


class Session:
    """An editor window: what it asks and tells, and the documents that it has open."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "statistics.db"
        self.clock = Clock()
        self.texts: dict[str, Text] = {}
        self.answer: Suggestion | Exception = suggestion("", suppressed_by="not-sure")
        self.acceptance = Acceptance(
            Writer(self.path, time_s=self.clock),
            call_later=self.clock.call_later,
            monotonic_s=self.clock,
            time_s=self.clock,
        )
        self.acceptance.follow_texts(self.texts.get)
        self._suggest = self.acceptance.watching(self._answer)
        self._names = 0

    async def ask(self, marked: str, text: str = "", *, trigger: Trigger = Trigger.AUTOMATIC, **changes: Any) -> str:
        """Asks at `$0` and offers what comes; returns its id."""
        asked = query(marked, is_manual=trigger is Trigger.MANUAL)
        self.texts[URI] = asked.snapshot.text
        self.answer = suggestion(text, asked.offset, suppressed_by=None if text else "not-sure", **changes)
        answer = await self._suggest(asked)
        if not answer.text:
            return ""
        self._names += 1
        name = f"s{self._names}"
        self.tell(FeedbackKind.OFFERED, name, suggestion=answer, query=asked, trigger=trigger)
        return name

    async def question(self, asked: CompletionQuery) -> Suggestion:
        return await self._suggest(asked)

    def edit(self, content: str) -> None:
        self.texts[URI] = Text(content)

    def tell(self, kind: FeedbackKind, name: str = "", **fields: Any) -> None:
        self.acceptance.take(Feedback(kind=kind, name=name, **fields))

    async def rows(self) -> list[StoredRow]:
        """Ends the session, and returns what was stored."""
        await self.acceptance.stop()
        store = Store.open(self.path)
        try:
            return store.rows(0)
        finally:
            store.close()

    async def row(self) -> StoredRow:
        (only,) = await self.rows()
        return only

    async def counts(self) -> dict[str, int]:
        await self.acceptance.stop()
        return Store.open(self.path).counts(0)

    async def _answer(self, asked: CompletionQuery) -> Suggestion:
        if "#hang" in asked.snapshot.text.content:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


async def test_a_command_alone_is_a_whole_accept(session: Session) -> None:
    """Neovim 0.12 tells nothing else."""
    name = await session.ask("x = $0\n", "print(a)", latency_ms=50.0)
    session.clock.move(2)
    session.edit("x = print(a)\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=8)
    row = await session.row()
    assert (row.characters, row.accepted_characters, row.accepts, row.is_whole) == (8, 8, 1, True)
    assert (row.ending, row.seen_ms, row.latency_ms, row.is_confirmed) == ("accepted", 2000.0, 50.0, False)


async def test_whatever_is_told_twice_counts_once(session: Session) -> None:
    name = await session.ask("x = $0\n", "first second")
    for _ in range(2):
        session.tell(FeedbackKind.SHOWN, name)
    for length in (6, 6, 12):
        session.tell(FeedbackKind.PARTLY_ACCEPTED, name, accepted_length=length)
    for _ in range(2):
        session.tell(FeedbackKind.ACCEPTED, name, accepted_length=12)
    row = await session.row()
    assert (row.accepted_characters, row.accepts, row.is_whole, row.is_confirmed) == (12, 2, True, True)


async def test_the_next_word_and_then_something_else(session: Session) -> None:
    name = await session.ask("x = $0\n", "first second")
    session.tell(FeedbackKind.PARTLY_ACCEPTED, name, accepted_length=6)
    await session.ask("x = first $0\n", "second")
    await session.ask("x = first +$0\n")
    row = await session.row()
    assert (row.accepted_characters, row.characters, row.is_whole, row.ending) == (6, 12, False, "typed-over")


async def test_typing_along_is_one_suggestion(session: Session) -> None:
    for typed, rest in (("", "print(a)"), ("p", "rint(a)"), ("pr", "int(a)")):
        session.clock.move(0.3)
        name = await session.ask(f"x = {typed}$0\n", rest)
    session.clock.move(0.3)
    session.edit("x = print(a)\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=6)
    row = await session.row()
    assert (row.characters, row.typed_characters, row.accepted_characters) == (8, 2, 6)
    assert row.seen_ms == pytest.approx(900)


async def test_typing_something_else_is_a_rejection_and_begins_a_new_one(session: Session) -> None:
    await session.ask("x = $0\n", "print(a)")
    session.clock.move(1)
    await session.ask("x = z$0\n", "ip(a)")
    session.clock.move(1)
    session.tell(FeedbackKind.FOCUSED, uri="file:///w/b.py")
    first, second = await session.rows()
    assert (first.ending, first.is_wanted, second.ending) == ("typed-over", False, "left")


async def test_another_suggestion_for_the_same_place_is_no_rejection(session: Session) -> None:
    await session.ask("x = $0\n", "print(a)")
    session.clock.move(1)
    await session.ask("x = $0\n", "a, b", trigger=Trigger.MANUAL)
    first, second = await session.rows()
    assert (first.ending, first.trigger) == ("replaced", "automatic")
    assert (second.ending, second.trigger) == ("left", "manual")


async def test_alternatives_are_one_suggestion(session: Session) -> None:
    await session.ask("x = $0\n", "print(a)", trigger=Trigger.MANUAL)
    asked = query("x = $0\n")
    for number, text in enumerate(("parse(a)", "path")):
        other = suggestion(text, asked.offset)
        session.tell(FeedbackKind.OFFERED, f"other{number}", suggestion=other, query=asked, is_alternative=True)
    session.edit("x = path\n")
    session.tell(FeedbackKind.ACCEPTED, "other1", accepted_length=4)
    session.tell(FeedbackKind.ACCEPTED, "other1", accepted_length=4)
    row = await session.row()
    assert (row.trigger, row.characters, row.accepted_characters, row.is_whole) == ("manual", 4, 4, True)
    assert row.kept_30_s == 1.0


async def test_an_editor_that_tells_what_it_shows_is_believed(session: Session) -> None:
    shown = await session.ask("x = $0\n", "print(a)")
    session.tell(FeedbackKind.SHOWN, shown)
    await session.ask("y = $0\n", "never_shown()")
    await session.ask("z = $0\n")
    assert [row.characters for row in await session.rows()] == [8]


async def test_an_editor_that_tells_nothing_has_shown_what_it_got(session: Session) -> None:
    await session.ask("x = $0\n", "print(a)")
    await session.ask("y = $0\n", "perhaps_shown()")
    await session.ask("z = $0\n")
    assert {row.characters for row in await session.rows()} == {8, 15}


async def test_news_of_an_accept_may_come_after_the_next_question(session: Session) -> None:
    name = await session.ask("x = $0\n", "print(a)")
    session.clock.move(1)
    await session.ask("x = print(a)$0\n", "\nprint(b)")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=8)
    first, _ = await session.rows()
    assert (first.accepted_characters, first.is_whole, first.is_wanted) == (8, True, True)


async def test_feedback_on_unknown_suggestions_is_ignored(session: Session) -> None:
    for kind in FeedbackKind:
        session.tell(kind, "s99", accepted_length=5)
    assert await session.rows() == []


async def test_what_is_kept_is_looked_at_three_times(session: Session) -> None:
    name = await session.ask("x = $0\n", "first + second")
    session.edit("x = first + second\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=14)
    session.clock.move(30)
    session.edit("# A comment.\nx = first + third\n")
    session.clock.move(90)
    session.edit("# A comment.\n")
    session.clock.move(480)
    row = await session.row()
    assert row.kept_30_s == 1.0
    assert row.kept_2_min == pytest.approx(6 / 12)
    assert row.kept_10_min == 0.0


async def test_what_is_typed_after_it_does_not_matter(session: Session) -> None:
    name = await session.ask("def f():\n    $0\n", "return first")
    session.edit("def f():\n    return first\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=12)
    for number in range(1, 20):
        await session.ask("def f():\n    return first" + " + 1" * number + "$0\n")
    session.clock.move(601)
    row = (await session.rows())[0]
    assert (row.kept_30_s, row.kept_10_min) == (1.0, 1.0)


async def test_an_accept_that_is_told_before_the_change_is_followed(session: Session) -> None:
    name = await session.ask("x = $0\n", "first + second")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=14)
    session.edit("x = first + second\n")
    session.clock.move(31)
    session.edit("x = first\n")
    session.clock.move(90)
    row = await session.row()
    assert (row.kept_30_s, row.kept_2_min) == (1.0, pytest.approx(5 / 12))


async def test_other_line_ends_in_the_document_do_not_matter(session: Session) -> None:
    name = await session.ask("x = $0\r\n", "first(\r\n    second)")
    session.edit("x = first(\n    second)\r\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=18)
    session.clock.move(31)
    assert (await session.row()).kept_30_s == 1.0


async def test_a_closed_document_counts_with_its_last_text(session: Session) -> None:
    name = await session.ask("x = $0\n", "first + second")
    session.edit("x = first + second\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=14)
    session.edit("x = first\n")
    session.tell(FeedbackKind.CLOSED, uri=URI, text=session.texts.pop(URI))
    session.clock.move(601)
    row = await session.row()
    assert (row.kept_30_s, row.kept_10_min) == (pytest.approx(5 / 12), pytest.approx(5 / 12))


async def test_the_end_of_the_session_is_the_last_look(session: Session) -> None:
    name = await session.ask("x = $0\n", "first + second")
    session.edit("x = first + second\n")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=14)
    session.clock.move(31)
    session.edit("x = first\n")
    row = await session.row()
    assert (row.kept_30_s, row.kept_2_min, row.kept_10_min) == (1.0, pytest.approx(5 / 12), pytest.approx(5 / 12))
    session.clock.move(1_000)  # No timer is left.


async def test_nothing_accepted_is_looked_at_never(session: Session) -> None:
    await session.ask("x = $0\n", "first + second")
    session.clock.move(601)
    row = await session.row()
    assert (row.kept_30_s, row.kept_2_min, row.kept_10_min) == (None, None, None)


async def test_questions_are_counted_by_what_became_of_them(session: Session) -> None:
    await session.ask("x = $0\n", "a", latency_ms=2.0)
    await session.ask("y = $0\n", "a", latency_ms=100.0, generated_tokens=3, prompt_tokens=100, cached_tokens=99)
    await session.ask("z = $0\n")
    cancelled = asyncio.ensure_future(session.question(query("#hang$0")))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    session.answer = EngineGone("gone")
    with pytest.raises(EngineGone):
        await session.question(query("$0"))
    counts = await session.counts()
    latencies = {name for name in counts if name.startswith("latency:")}
    assert {name: count for name, count in counts.items() if name not in latencies} == {
        "asked": 5,
        "answered": 2,
        "empty": 1,
        "cancelled": 1,
        "failed": 1,
        "suppressed:not-sure": 1,
    }
    assert {name.split(":")[1] for name in latencies} == {"ready", "warm"}


async def test_what_the_user_does_moves_the_factor(session: Session) -> None:
    assert session.acceptance.factor() == 1.0
    for number in range(100):
        await session.ask(f"x{number} = $0\n", "print(a)")
        session.clock.move(1)
        await session.ask(f"x{number} = z$0\n")
    await session.rows()
    after_rejections = session.acceptance.factor()
    assert after_rejections == pytest.approx(0.5)
    for number in range(300):
        name = await session.ask(f"x{number} = $0\n", "print(a)")
        session.tell(FeedbackKind.ACCEPTED, name, accepted_length=8)
        if number % 50 == 0:
            await session.rows()  # The queue is short.
    await session.rows()
    assert session.acceptance.factor() > 1.5


async def test_what_was_learnt_is_read_at_the_start_and_forgotten_by_a_reset(session: Session) -> None:
    store = Store.open(session.path)
    with store.transaction():
        for number in range(200):
            store.record(row(number, time_s=float(number)))
    session.clock.now_s = 300.0
    session.acceptance.start()
    await session.acceptance.stop()
    assert session.acceptance.factor() == 0.5
    store.reset()
    await session.ask("x = $0\n", "print(a)")
    await session.rows()
    assert session.acceptance.factor() == 1.0


async def test_what_is_switched_off_leaves_no_trace(session: Session) -> None:
    session.acceptance.is_enabled = False
    session.acceptance.start()
    name = await session.ask("x = $0\n", "print(a)")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=8)
    await session.acceptance.stop()
    assert not session.path.exists()


async def test_neither_code_nor_paths_are_stored(session: Session) -> None:
    """The positive control: the language, which is stored, is found the same way."""
    secret = "very_secret_name"
    asked = query(f"{secret}_above = 1\n$0\n", uri=f"file:///home/{secret}/{secret}.py")
    answer = suggestion(f"{secret}_text()", asked.offset, stop_reason=f"{secret} = 5")
    session.tell(FeedbackKind.OFFERED, "s1", suggestion=answer, query=asked)
    session.texts[asked.snapshot.uri] = asked.snapshot.text
    session.tell(FeedbackKind.PARTLY_ACCEPTED, "s1", accepted_length=4)
    model_file = Suggestion(text="ab", offset=asked.offset, model=f"/home/{secret}/models/tiny.gguf")
    session.tell(FeedbackKind.OFFERED, "s2", suggestion=model_file, query=asked)
    await session.acceptance.stop()
    content = b"".join(file.read_bytes() for file in session.path.parent.iterdir())
    dump = "\n".join(sqlite3.connect(session.path).iterdump())
    for stored in ("python", "tiny.gguf"):
        assert stored.encode() in content
        assert stored in dump
    for unwanted in (secret, "file://", "/home", "a.py", "models/"):
        assert unwanted.encode() not in content
        assert unwanted not in dump


async def test_a_broken_database_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "statistics.db").mkdir()
    session = Session(tmp_path)
    session.acceptance.start()
    name = await session.ask("x = $0\n", "print(a)")
    session.tell(FeedbackKind.ACCEPTED, name, accepted_length=8)
    await session.acceptance.stop()
    assert session.acceptance.factor() == 1.0
    assert session.answer == suggestion("print(a)", 4)


async def test_many_documents_and_suggestions_are_bounded(session: Session) -> None:
    for number in range(500):
        asked = query("x = $0\n", uri=f"file:///w/{number}.py")
        answer = suggestion("print(a)", asked.offset)
        session.tell(FeedbackKind.OFFERED, f"s{number}", suggestion=answer, query=asked)
    session.tell(FeedbackKind.ACCEPTED, "s0", accepted_length=8)  # Too long ago.
    session.tell(FeedbackKind.ACCEPTED, "s499", accepted_length=8)
    rows = await session.rows()
    assert sum(row.accepts for row in rows) == 1
