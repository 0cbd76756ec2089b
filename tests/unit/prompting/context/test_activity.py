"""What the user did lately, as small diffs and recent files."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from fimble.prompting.context.activity import (
    EDIT_LINES_MAX,
    EDITS_MAX,
    GROUP_LINES,
    GROUP_PAUSE_S,
    PATHS_MAX,
    TEXT_CHARACTERS_MAX,
    Activity,
    RecentEdit,
    RecentKind,
)
from fimble.workspace.text import Text

_TEN = Text("".join(f"line {number}\n" for number in range(10)))
_HUNDRED = Text("".join(f"line {number}\n" for number in range(100)))


def _with_line(text: Text, number: int, new: str) -> Text:
    start = text.line_start(number)
    return text.replace(start, start + len(text.line(number)), new)


def _opened(text: Text) -> Activity:
    activity = Activity()
    activity.opened("a.py", text, 0.0)
    return activity


def _edits(activity: Activity, now_s: float = 100.0) -> list[RecentEdit]:
    return activity.moment(now_s).edits()


def test_a_change_is_a_small_diff_of_whole_lines() -> None:
    activity = _opened(_TEN)
    activity.changed("a.py", _with_line(_TEN, 4, "line four"), 40.0)
    assert _edits(activity) == [
        RecentEdit(
            path="a.py",
            first_line=3,
            last_line=5,
            diff=" line 3\n-line 4\n+line four\n line 5",
            removed=("line 4",),
            added=("line four",),
            age_s=60.0,
        )
    ]


def test_keys_that_follow_each_other_are_one_change() -> None:
    activity, text = _opened(_TEN), _TEN
    for number, letter in enumerate("return 1"):
        text = text.replace(text.line_start(4) + number, text.line_start(4) + number, letter)
        activity.changed("a.py", text, float(number))
    assert [edit.diff for edit in _edits(activity)] == [" line 3\n-line 4\n+return 1line 4\n line 5"]


def test_changes_a_few_lines_apart_are_one_but_each_place_has_its_diff() -> None:
    activity = _opened(_HUNDRED)
    text = _with_line(_HUNDRED, 10, "ten")
    activity.changed("a.py", text, 1.0)
    activity.changed("a.py", _with_line(text, 12, "twelve"), 2.0)
    assert [edit.diff for edit in _edits(activity)] == [
        " line 9\n-line 10\n+ten\n line 11\n-line 12\n+twelve\n line 13"
    ]
    activity.changed("a.py", _with_line(_with_line(text, 12, "twelve"), 12 + GROUP_LINES, "far"), 3.0)
    assert [(edit.first_line, edit.age_s) for edit in _edits(activity)] == [(9, 97.0), (11 + GROUP_LINES, 97.0)]


def test_a_pause_or_a_distance_begins_a_new_change() -> None:
    activity = _opened(_HUNDRED)
    one = _with_line(_HUNDRED, 10, "ten")
    activity.changed("a.py", one, 1.0)
    two = _with_line(one, 10, "ten again")
    activity.changed("a.py", two, 1.5 + GROUP_PAUSE_S)
    three = _with_line(two, 10 + GROUP_LINES + 3, "far")
    activity.changed("a.py", three, 2.0 + GROUP_PAUSE_S)
    assert [(edit.removed, edit.added) for edit in _edits(activity)] == [
        (("line 10",), ("ten",)),
        (("ten",), ("ten again",)),
        (("line 21",), ("far",)),
    ]


def test_what_was_undone_is_no_change() -> None:
    activity = _opened(_TEN)
    activity.changed("a.py", _with_line(_TEN, 4, "four"), 1.0)
    assert len(_edits(activity)) == 1
    activity.changed("a.py", _TEN, 2.0)
    assert _edits(activity) == []


def test_spaces_alone_are_no_change() -> None:
    activity = _opened(_TEN)
    activity.changed("a.py", _with_line(_TEN, 4, "    line  4"), 1.0)
    assert _edits(activity) == []
    activity.changed("a.py", _with_line(_TEN, 4, "    line  4 x"), 2.0)
    assert len(_edits(activity)) == 1


def test_a_long_paste_is_left_out_and_what_follows_is_not() -> None:
    activity = _opened(_TEN)
    pasted = _TEN.replace(0, 0, "".join(f"pasted {number}\n" for number in range(EDIT_LINES_MAX + 1)))
    activity.changed("a.py", pasted, 1.0)
    assert _edits(activity) == []
    activity.changed("a.py", _with_line(pasted, 5, "my own"), 2.0)
    assert [edit.removed for edit in _edits(activity)] == [("pasted 5",)]


def test_a_shorter_paste_is_a_change() -> None:
    activity = _opened(_TEN)
    activity.changed("a.py", _TEN.replace(0, 0, "pasted\n" * (EDIT_LINES_MAX - 5)), 1.0)
    assert [len(edit.added) for edit in _edits(activity)] == [EDIT_LINES_MAX - 5]


def test_a_formatter_that_touches_the_whole_file_is_left_out() -> None:
    activity = _opened(_HUNDRED)
    activity.changed("a.py", Text(_HUNDRED.content.replace("line", "LINE")), 1.0)
    assert _edits(activity) == []
    assert activity.moment(2.0).recent_paths()[0].kind is RecentKind.EDITED


def test_writing_on_and_on_becomes_several_changes() -> None:
    activity, text = _opened(_TEN), _TEN
    for number in range(2 * EDIT_LINES_MAX):
        text = text.replace(text.line_start(3 + number), text.line_start(3 + number), f"new {number}\n")
        activity.changed("a.py", text, float(number))
    edits = _edits(activity)
    assert sum(len(edit.added) for edit in edits) == 2 * EDIT_LINES_MAX
    assert max(len(edit.added) for edit in edits) <= EDIT_LINES_MAX


def test_the_newest_changes_come_last_and_older_ones_are_forgotten() -> None:
    activity, text = _opened(_HUNDRED), _HUNDRED
    for number in range(EDITS_MAX + 5):
        text = _with_line(text, 5 * number, f"changed {number}")
        activity.changed("a.py", text, 20.0 * number)
    added = [edit.added for edit in activity.moment(1000.0).edits()]
    assert added == [(f"changed {number}",) for number in range(5, EDITS_MAX + 5)]
    assert [edit.added for edit in activity.moment(1000.0).edits(2)] == added[-2:]
    assert activity.moment(1000.0).edits(0) == []


def test_changes_of_several_files_stay_apart_and_outlive_them() -> None:
    activity = _opened(_TEN)
    activity.opened("b.py", _TEN, 0.0)
    activity.changed("a.py", _with_line(_TEN, 4, "of a"), 1.0)
    activity.changed("b.py", _with_line(_TEN, 4, "of b"), 2.0)
    activity.closed("a.py")
    activity.closed("b.py")
    assert [(edit.path, edit.added) for edit in _edits(activity)] == [("a.py", ("of a",)), ("b.py", ("of b",))]


def test_a_file_that_is_opened_again_begins_anew() -> None:
    activity = _opened(_TEN)
    activity.closed("a.py")
    activity.opened("a.py", _HUNDRED, 1.0)
    assert _edits(activity) == []
    activity.changed("a.py", _with_line(_HUNDRED, 50, "fifty"), 2.0)
    assert [edit.removed for edit in _edits(activity)] == [("line 50",)]


def test_a_moment_does_not_change_afterwards() -> None:
    activity = _opened(_TEN)
    activity.changed("a.py", _with_line(_TEN, 4, "four"), 1.0)
    moment = activity.moment(2.0)
    before = (moment.edits(), moment.recent_paths())
    activity.changed("a.py", _with_line(_TEN, 4, "five"), 3.0)
    activity.focused("b.py", 3.0)
    activity.closed("a.py")
    assert (moment.edits(), moment.recent_paths()) == before


def test_large_texts_are_only_recent() -> None:
    large = Text("x = 1\n" * (TEXT_CHARACTERS_MAX // 6 + 1))
    activity = _opened(large)
    changed = _with_line(large, 4, "y = 2")
    activity.changed("a.py", changed, 1.0)
    activity.changed("a.py", _with_line(changed, 5, "z = 2"), 2.0)
    assert _edits(activity) == []
    assert [(recent.path, recent.kind) for recent in activity.moment(3.0).recent_paths()] == [
        ("a.py", RecentKind.EDITED)
    ]


def test_what_is_kept_of_changes_does_not_hold_whole_texts() -> None:
    text = Text("x = 1\n" * 10_000)
    activity = _opened(text)
    references = sys.getrefcount(text)
    activity.changed("a.py", _with_line(text, 4, "y = 2"), 1.0)
    assert sys.getrefcount(text) >= references  # The change may grow, so that it is still compared with the old text.
    activity.closed("a.py")
    assert sys.getrefcount(text) < references


def test_recent_files_are_told_newest_first_with_the_most_telling_use() -> None:
    activity = Activity()
    activity.opened("restored.py", _TEN, 1.0)
    activity.opened("read.py", _TEN, 2.0)
    activity.focused("read.py", 3.0)
    activity.opened("written.py", _TEN, 4.0)
    activity.focused("written.py", 5.0)
    activity.changed("written.py", _with_line(_TEN, 1, "one"), 6.0)
    recent = activity.moment(10.0).recent_paths()
    assert [(each.path, each.kind, each.age_s) for each in recent] == [
        ("written.py", RecentKind.EDITED, 4.0),
        ("read.py", RecentKind.VIEWED, 7.0),
        ("restored.py", RecentKind.OPEN, 9.0),
    ]
    for path in ("restored.py", "read.py", "written.py"):
        activity.closed(path)
    assert [each.path for each in activity.moment(10.0).recent_paths()] == ["written.py", "read.py"]


def test_the_list_of_recent_files_is_bounded() -> None:
    activity = Activity()
    for number in range(2 * PATHS_MAX):
        activity.focused(f"{number}.py", float(number))
    recent = activity.moment(1000.0).recent_paths()
    assert len(recent) == PATHS_MAX
    assert recent[0].path == f"{2 * PATHS_MAX - 1}.py"


def test_a_clock_that_stands_still_gives_no_negative_ages() -> None:
    activity = _opened(_TEN)
    activity.changed("a.py", _with_line(_TEN, 4, "four"), 5.0)
    moment = activity.moment(4.0)
    assert moment.edits()[0].age_s == 0.0
    assert moment.recent_paths()[0].age_s == 0.0


_LINE_EDITS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 4)), max_size=EDITS_MAX)


@given(_LINE_EDITS, st.lists(st.booleans(), min_size=EDITS_MAX, max_size=EDITS_MAX))
def test_the_diffs_turn_the_old_text_into_the_new_one(edits: list[tuple[int, int, int]], pauses: list[bool]) -> None:
    lines = [f"old {number}" for number in range(25)]
    patched = list(lines)
    text, now_s = Text("\n".join(lines)), 0.0
    activity = _opened(text)
    for number, ((wanted, count, new), is_pause) in enumerate(zip(edits, pauses, strict=False)):
        first = min(wanted, len(lines))
        lines[first : first + count] = [f"new {number}.{each}" for each in range(new)]
        start, end, after = text.difference(Text("\n".join(lines)))
        text = text.replace(start, end, "\n".join(lines)[start:after])
        assert text.content == "\n".join(lines)
        now_s += 2 * GROUP_PAUSE_S if is_pause else 0.1
        activity.changed("a.py", text, now_s)
    for edit in activity.moment(now_s).edits(10_000):
        # What is above a change has been changed already, so that it is found where the text then had it.
        old = [line[1:] for line in edit.diff.split("\n") if line[0] != "+"]
        now = [line[1:] for line in edit.diff.split("\n") if line[0] != "-"]
        assert patched[edit.first_line : edit.first_line + len(old)] == old
        patched[edit.first_line : edit.first_line + len(old)] = now
    assert [line for line in patched if line] == [line for line in lines if line]


_CHARACTERS = st.text(alphabet="ab\r\n x\u2028é😀", max_size=12)


@given(_CHARACTERS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), _CHARACTERS), min_size=1, max_size=10))
def test_the_newest_diff_says_what_the_text_says(content: str, edits: list[tuple[int, int, str]]) -> None:
    """Whatever the line ends are, and whatever is cut in half."""
    text = Text(content)
    activity = _opened(text)
    for start, length, new in edits:
        text = text.replace(start, start + length, new)
        activity.changed("a.py", text, 1.0)
    for edit in _edits(activity):
        now = [line[1:] for line in edit.diff.split("\n") if line[0] != "-"]
        assert [text.line(edit.first_line + number) for number in range(len(now))] == now
        assert edit.last_line == max(edit.first_line, edit.first_line + len(now) - 1)
