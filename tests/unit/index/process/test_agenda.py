"""Which files the workers get next."""

from fimble.index.process.agenda import Agenda, Urgency
from fimble.index.process.messages import Parse


def test_the_most_urgent_come_first_and_then_those_that_waited_longest() -> None:
    agenda = Agenda()
    for name, urgency in (("data", Urgency.DATA), ("one", Urgency.CODE), ("two", Urgency.CODE), ("open", Urgency.OPEN)):
        agenda.add(name, urgency, Parse(name.encode()))
    assert len(agenda) == 4
    assert [file.path for file in agenda.take()] == [b"open", b"one", b"two", b"data"]
    assert not agenda
    assert agenda.take() == []


def test_a_file_waits_once_with_its_highest_urgency() -> None:
    agenda = Agenda()
    agenda.add("a", Urgency.CODE, Parse(b"a", "code"))
    agenda.add("a", Urgency.OPEN, Parse(b"a", "open"))
    agenda.add("a", Urgency.DATA, Parse(b"a", "data"))
    assert "a" in agenda
    assert len(agenda) == 1
    assert [file.language for file in agenda.take()] == ["open"]
    assert "a" not in agenda
    assert agenda.take() == []


def test_tasks_are_small() -> None:
    agenda = Agenda()
    for number in range(100):
        agenda.add(str(number), Urgency.CODE, Parse(str(number).encode(), size=1))
    agenda.add("large", Urgency.OPEN, Parse(b"large", size=10**6))
    assert [file.path for file in agenda.take()] == [b"large"]
    assert [len(agenda.take()) for _ in range(3)] == [64, 36, 0]


def test_a_cleared_agenda_is_empty() -> None:
    agenda = Agenda()
    agenda.add("a", Urgency.CODE, Parse(b"a"))
    agenda.clear()
    assert not agenda
    assert agenda.take() == []
