import itertools
import random
from pathlib import Path

from fimble.bench.replay.files import typed_again, typed_file, typed_files

BLOCK = """def function_{0}(value, other):
    total = value + other * {0}
    if total > other:
        return compute_something({0}, total, other)
    return total - value * other - {0}

"""
TEXT = "".join(BLOCK.format(number) for number in range(20))


def test_the_spots_are_typed_from_the_top_and_give_the_file_again() -> None:
    session = typed_file("p/a.py", TEXT, itertools.repeat(0.1), random.Random(3))
    assert session is not None
    first, second = session.segments
    assert first.buffer.before + first.gold in TEXT
    assert second.buffer.before.startswith(first.buffer.before + first.gold)
    assert second.buffer.before + second.gold + second.buffer.after == TEXT
    # What will be typed later is not there yet.
    assert len(first.buffer.text) == len(TEXT) - len(first.gold) - len(second.gold)
    assert first.is_end_known


def test_a_spot_begins_at_a_statement_whose_indentation_is_there() -> None:
    session = typed_file("p/a.py", TEXT, itertools.repeat(0.1), random.Random(3))
    assert session is not None
    for segment in session.segments:
        assert segment.buffer.line_before.isspace()
        assert not segment.gold[0].isspace()
        assert segment.buffer.line_after == ""


def test_a_line_end_with_its_indentation_is_one_key() -> None:
    session = typed_file("p/a.py", TEXT, itertools.repeat(0.1), random.Random(3))
    assert session is not None
    texts = {key.text for segment in session.segments for key in segment.keys}
    assert all(len(text) == 1 or not text.strip() for text in texts)
    assert any(text.startswith("\n  ") for text in texts)


def test_a_short_file_is_left_out() -> None:
    assert typed_file("p/a.py", BLOCK.format(1), itertools.repeat(0.1), random.Random(3)) is None


def test_a_seed_gives_the_same_sessions_and_another_one_others(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "d.py").write_text(TEXT, encoding="utf-8")

    def gaps(source: random.Random) -> "itertools.repeat[float]":
        return itertools.repeat(source.random())

    once, again, other = (list(typed_files(tmp_path, gaps, seed=seed, left_out={"left"})) for seed in (1, 1, 2))
    assert once == again
    assert once != other
    assert len(once) == 3
    assert len(list(typed_files(tmp_path, gaps, seed=1))) == 4


def test_of_one_file_each_session_types_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEXT, encoding="utf-8")
    sessions = list(typed_again(tmp_path / "mine.py", lambda _: itertools.repeat(0.1), seed=1))
    golds = [segment.gold for session in sessions for segment in session.segments]
    assert len(sessions) > 2
    assert len(golds) == len(set(golds))
    assert {session.source for session in sessions} == {"mine.py"}
    assert sessions == list(typed_again(tmp_path / "mine.py", lambda _: itertools.repeat(0.1), seed=1))
