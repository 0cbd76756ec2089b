"""Chunks that share rare words with a text."""

from pathlib import Path

from fimble.index.queries.similar import rare_words, similar_chunks
from tests.unit.index.queries.workspaces import indexed, with_open

_LOADING = "def load_session(session_id, backend):\n    return backend.fetch_session(session_id)\n"


def test_what_shares_the_rarest_words_comes_first(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "a.py": _LOADING,
            "b.py": "def paint(wall):\n    backend = wall.session\n",
            "c.py": "def load_session():\n    return fetch_session(session_id)\n",
            "own.py": _LOADING,
        },
    )
    found = similar_chunks(view, _LOADING, path="own.py", limit=5)
    assert [chunk.path for chunk in found] == ["a.py", "c.py"]
    assert found[0].text == _LOADING
    assert (found[0].first_line, found[0].end_line) == (0, 3)
    assert found[0].score > found[1].score
    assert similar_chunks(view, _LOADING, path="own.py", exclude=["a.py", "c.py"]) == []


def test_at_most_three_chunks_of_a_file_are_returned(tmp_path: Path) -> None:
    chunk = "\n".join(f"load_session(session_id, {number})" for number in range(40))
    big = "\n".join(f"part_{part}\n{chunk}" for part in range(8))
    view = indexed(tmp_path, {"big.py": big, "small.py": "load_session(session_id)\n"})
    found = similar_chunks(view, "load_session(session_id)", path="own.py", limit=10)
    assert sorted(chunk.path for chunk in found) == ["big.py", "big.py", "big.py", "small.py"]


def test_text_is_that_of_the_editor_or_of_the_disk_now(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": _LOADING, "b.py": _LOADING + "\n# b\n", "c.py": _LOADING + "\n# c\n"})
    (view.root / "a.py").write_text("something_else = 1\n")
    (view.root / "b.py").unlink()
    view = with_open(view, "c.py", "# new first line\n" + _LOADING)
    found = similar_chunks(view, _LOADING, path="own.py")
    assert [(chunk.path, chunk.text) for chunk in found] == [("c.py", "# new first line\n" + _LOADING)]


def test_copies_count_once_and_texts_without_words_match_nothing(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": _LOADING, "b.py": _LOADING})
    assert len(similar_chunks(view, _LOADING, path="own.py")) == 1
    assert similar_chunks(view, "if x: return self", path="own.py") == []
    assert similar_chunks(view, "", path="own.py") == []
    assert similar_chunks(view, _LOADING, limit=0) == []


def test_words_that_say_nothing_are_dropped() -> None:
    assert rare_words("def load(self, session): return self.load(x1)") == ["session", "load"]
