"""Windows over recent files that resemble a text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.queries.windows import RecentWindows

_LINES = st.lists(st.sampled_from(["alpha beta", "gamma", "", "delta = alpha", "x1 x2"]), max_size=150)


def test_the_window_that_shares_most_identifiers_is_found_in_each_file() -> None:
    recent = RecentWindows()
    filler = "\n".join(f"filler_{number}" for number in range(100))
    recent.update("a.py", f"{filler}\nload_session(session_id)\nsave_session(session_id)\n{filler}")
    recent.update("b.py", "load_session()\n")
    recent.update("c.py", "nothing_alike()\n")
    found = recent.similar("load_session(session_id)\nsave_session(session_id)\n", 5)
    assert [window.path for window in found] == ["b.py", "a.py"]
    assert found[1].first_line <= 100 < found[1].end_line
    assert "save_session(session_id)" in found[1].text
    assert found[1].end_line - found[1].first_line == 60


def test_equal_text_scores_one_and_the_own_file_is_left_out() -> None:
    recent = RecentWindows()
    recent.update("a.py", "one = two\n")
    assert [window.score for window in recent.similar("two one", 5)] == [1.0]
    assert recent.similar("two one", 5, path="a.py") == []


def test_changed_and_forgotten_files_are_seen_as_they_are() -> None:
    recent = RecentWindows()
    recent.update("a.py", "before")
    assert len(recent.similar("before", 5)) == 1
    recent.update("a.py", "after")
    assert recent.similar("before", 5) == []
    assert len(recent.similar("after", 5)) == 1
    recent.forget("a.py")
    recent.forget("a.py")
    assert recent.similar("after", 5) == []


def test_the_least_recently_updated_file_goes_first() -> None:
    recent = RecentWindows(files_max=2)
    for path in ("a.py", "b.py", "a.py", "c.py"):
        recent.update(path, "same")
    assert [window.path for window in recent.similar("same", 5)] == ["a.py", "c.py"]


@settings(deadline=None)
@given(_LINES, _LINES)
def test_no_window_scores_better_than_the_one_that_is_returned(lines: list[str], query: list[str]) -> None:
    recent = RecentWindows()
    recent.update("a.py", "\n".join(lines))
    wanted = set(" ".join(query).replace("=", " ").split())
    scores = []
    for first in range(0, max(1, len(lines) - 40), 20):
        inside = set(" ".join(lines[first : first + 60]).replace("=", " ").split())
        if wanted & inside:
            scores.append(len(wanted & inside) / len(wanted | inside))
    found = recent.similar("\n".join(query), 1)
    assert [window.score for window in found] == ([max(scores)] if scores else [])
