"""Lines found by words, as the files are now."""

from pathlib import Path

from fimble.cli.word_search import matching_lines
from fimble.index.queries.view import View
from fimble.index.store.reader import Reader
from tests.unit.index.building import build


def view(tmp_path: Path, **files: str) -> View:
    root = tmp_path / "root"
    root.mkdir()
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    build(root, tmp_path / "index")
    return View(root, Reader(tmp_path / "index"))


def test_a_line_with_all_words_is_found_whatever_their_case(tmp_path: Path) -> None:
    opened = view(tmp_path, a="x = 1\nopen the Door = door\n", b="window = 1\n")
    assert matching_lines(opened, "DOOR open", 10) == [("a.py", 1, "open the Door = door")]
    assert matching_lines(opened, "window door", 10) == []
    assert matching_lines(opened, "doo", 10) == []
    assert matching_lines(opened, " ", 10) == []


def test_words_on_different_lines_near_each_other_give_those_lines(tmp_path: Path) -> None:
    opened = view(tmp_path, a="first = 1\n\nsecond = 2\n")
    assert matching_lines(opened, "first second", 10) == [("a.py", 0, "first = 1"), ("a.py", 2, "second = 2")]


def test_a_file_that_has_changed_since_is_believed(tmp_path: Path) -> None:
    opened = view(tmp_path, a="door = 1\n", b="door = 2\n", c="door = 3\n")
    (opened.root / "a.py").write_text("window = 1\n")
    (opened.root / "b.py").unlink()
    assert matching_lines(opened, "door", 10) == [("c.py", 0, "door = 3")]


def test_no_more_lines_than_wanted_are_found(tmp_path: Path) -> None:
    opened = view(tmp_path, a="door = 1\n" * 30)
    assert len(matching_lines(opened, "door", 7)) == 7
