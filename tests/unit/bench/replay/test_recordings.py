import json
from pathlib import Path
from typing import Any

import pytest

from fimble.bench.replay.recordings import gaps_of, read_recording, read_recordings
from fimble.errors import SettingsInvalid


def recording(folder: Path, *events: dict[str, Any], content: str = "start\r\nend\r\n") -> Path:
    first = [
        {"kind": "header", "time": 0, "uuid": "x"},
        {"kind": "documentEncountered", "id": 0, "time": 0, "relativePath": "src\\a.ts"},
        {"kind": "setContent", "id": 0, "time": 0, "content": content},
    ]
    file = folder / "one.recording.json"
    file.write_text(json.dumps({"log": [*first, *events]}), encoding="utf-8")
    return file


def edit(time: int, start: int, end: int, text: str) -> dict[str, Any]:
    return {"kind": "changed", "id": 0, "time": time, "edit": [[start, end, text]]}


def typing(text: str, *, at: int, time: int, gap: int = 100) -> list[dict[str, Any]]:
    return [edit(time + gap * number, at + number, at + number, sign) for number, sign in enumerate(text)]


def test_keys_at_one_place_are_a_segment_with_the_document_as_it_was(tmp_path: Path) -> None:
    (session,) = read_recording(recording(tmp_path, *typing("middle", at=5, time=1000)))
    (segment,) = session.segments
    assert (segment.buffer.path, segment.buffer.before, segment.buffer.after) == ("src/a.ts", "start", "\r\nend\r\n")
    assert segment.gold == "middle"
    assert [key.gap_s for key in segment.keys] == [0, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert not segment.is_end_known


def test_a_character_that_was_taken_back_was_not_typed(tmp_path: Path) -> None:
    events = [*typing("midX", at=5, time=1000), edit(1400, 8, 9, ""), *typing("dle", at=8, time=1500)]
    (session,) = read_recording(recording(tmp_path, *events))
    assert session.segments[0].gold == "middle"
    assert [round(key.gap_s, 3) for key in session.segments[0].keys] == [0, 0.1, 0.1, 0.1, 0.1, 0.1]


def test_a_paste_ends_a_segment_and_the_next_one_begins_with_the_recorded_pause(tmp_path: Path) -> None:
    events = [
        *typing("middle", at=5, time=1000),
        edit(2000, 11, 11, " pasted text"),
        *typing(" typed", at=23, time=2500),
    ]
    (session,) = read_recording(recording(tmp_path, *events))
    assert [segment.gold for segment in session.segments] == ["middle", " typed"]
    assert session.segments[1].buffer.before == "startmiddle pasted text"
    # The last key of the first segment came at 1.5 s.
    assert session.segments[1].keys[0].gap_s == 1.0


def test_a_line_end_with_indentation_is_one_key(tmp_path: Path) -> None:
    events = [*typing("middle", at=5, time=1000), edit(1700, 11, 11, "\r\n    "), edit(1800, 17, 17, "x")]
    (session,) = read_recording(recording(tmp_path, *events))
    assert [key.text for key in session.segments[0].keys][-2:] == ["\r\n    ", "x"]


def test_a_long_pause_is_cut(tmp_path: Path) -> None:
    events = [*typing("mid", at=5, time=1000), *typing("dle", at=8, time=60_000)]
    (session,) = read_recording(recording(tmp_path, *events))
    assert session.segments[0].keys[3].gap_s == 3.0


def test_a_few_keys_are_no_segment(tmp_path: Path) -> None:
    assert read_recording(recording(tmp_path, *typing("short", at=5, time=1000))) == []


def test_what_is_typed_much_later_is_another_session(tmp_path: Path) -> None:
    events = [*typing("middle", at=5, time=1000), *typing("second", at=0, time=100_000)]
    sessions = read_recording(recording(tmp_path, *events))
    assert [session.segments[0].gold for session in sessions] == ["middle", "second"]
    assert sessions[0].name != sessions[1].name


def test_offsets_count_utf_16(tmp_path: Path) -> None:
    (session,) = read_recording(recording(tmp_path, *typing("middle", at=4, time=0), content="😀ab😀"))
    assert (session.segments[0].buffer.before, session.segments[0].buffer.after) == ("😀ab", "😀")


def test_a_path_stays_below_the_folder_it_is_joined_to(tmp_path: Path) -> None:
    file = recording(tmp_path, *typing("middle", at=5, time=0))
    file.write_text(file.read_text(encoding="utf-8").replace("src\\\\a.ts", "c:\\\\..\\\\a.ts"), encoding="utf-8")
    (session,) = read_recording(file)
    assert session.segments[0].buffer.path == "a.ts"


def test_the_pauses_before_segments_are_not_typing(tmp_path: Path) -> None:
    assert gaps_of(read_recording(recording(tmp_path, *typing("middle", at=5, time=0, gap=200)))) == [0.2] * 5


@pytest.mark.parametrize("content", ["", "[]", '{"log": 1}'])
def test_a_file_that_is_no_recording_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=r"other\.json is no recording"):
        read_recordings(tmp_path)


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no recordings"):
        read_recordings(tmp_path)


def test_keys_that_come_faster_than_people_type_are_left_out(tmp_path: Path) -> None:
    assert read_recording(recording(tmp_path, *typing("middle", at=5, time=0, gap=10))) == []
    assert read_recording(recording(tmp_path, *typing("middle", at=5, time=0, gap=40))) != []
