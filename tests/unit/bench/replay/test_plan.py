from pathlib import Path

import pytest

from fimble.bench.replay.plan import DATA_VARIABLE, make_plan, split_of
from fimble.errors import SettingsInvalid
from tests.unit.bench.replay.test_files import TEXT
from tests.unit.bench.replay.test_recordings import recording, typing


def record(folder: Path, *, sessions: int) -> None:
    """Writes a recording in which the same is typed again and again, minutes apart."""
    times = range(1000, 100_000 * sessions, 100_000)
    recording(folder, *(event for time in times for event in typing("the middle of a line", at=5, time=time)))


def test_the_default_types_modules_that_ship_and_has_about_the_length_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    plan = make_plan(None, split="test", seed=0, seconds=100)
    assert {session.source for session in plan.sessions} == {"fimble"}
    assert 0 < plan.seconds <= 115


def test_the_parts_share_no_session() -> None:
    plans = [make_plan(None, split=split, seed=0, seconds=10_000) for split in ("test", "dev")]
    names = [{session.name for session in plan.sessions} for plan in plans]
    assert names[0]
    assert names[1]
    assert names[0].isdisjoint(names[1])


def test_recordings_come_first_and_by_turns(tmp_path: Path) -> None:
    events = [
        event for number in range(12) for event in typing("the middle of a line", at=5, time=1000 + 100_000 * number)
    ]
    recording(tmp_path, *events)
    plan = make_plan(tmp_path, split="test", seed=0, seconds=60)
    assert [session.source for session in plan.sessions[:2]] == ["one.recording.json", "fimble"]
    assert all(split_of(session) == "test" for session in plan.sessions)


def test_the_variable_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        event for number in range(12) for event in typing("the middle of a line", at=5, time=1000 + 100_000 * number)
    ]
    recording(tmp_path, *events)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert make_plan(None, split="test", seed=0, seconds=60) == make_plan(tmp_path, split="test", seed=0, seconds=60)


def test_recorded_sessions_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    """A later state of a document would tell what is typed in an earlier one."""
    events = [
        event for number in range(20) for event in typing("the middle of a line", at=5, time=1000 + 100_000 * number)
    ]
    recording(tmp_path, *events)
    plan = make_plan(tmp_path, split="test", seed=0, seconds=10_000)
    lengths = [len(one.segments[0].buffer.text) for one in plan.sessions if one.source == "one.recording.json"]
    assert len(lengths) > 5
    assert lengths == sorted(lengths)


def test_a_file_of_ones_own_is_typed_next_to_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    file, data = tmp_path / "mine.py", tmp_path / "data"
    file.write_text(TEXT, encoding="utf-8")
    data.mkdir()
    record(data, sessions=12)
    alone = make_plan(None, split="test", seed=0, seconds=60, file=file)
    assert {session.source for session in alone.sessions} == {"mine.py"}
    assert alone.sources == ("mine.py, statements taken out and typed again",)
    both = make_plan(data, split="test", seed=0, seconds=60, file=file)
    assert {session.source for session in both.sessions} == {"one.recording.json", "mine.py"}


@pytest.mark.parametrize("text", ["value = 1\n", "def broken(\n" * 100, "\n" * 100])
def test_a_file_with_nothing_to_type_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=r"mine\.py"):
        make_plan(None, split="test", seed=0, seconds=60, file=tmp_path / "mine.py")


def test_recordings_may_lie_in_a_folder_of_the_one_that_is_named(tmp_path: Path) -> None:
    """One variable names the data of all benchmarks."""
    (tmp_path / "edit-recordings").mkdir()
    record(tmp_path / "edit-recordings", sessions=12)
    inner = make_plan(tmp_path / "edit-recordings", split="test", seed=0, seconds=60)
    assert make_plan(tmp_path, split="test", seed=0, seconds=60).sessions == inner.sessions
