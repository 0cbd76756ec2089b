"""What is kept of a frame from question to question spares parses, and changes nothing."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.features.completion.frame import (
    AFTER_CHARACTERS_MAX,
    BEFORE_CHARACTERS_MAX,
    STEPS_IN_ALL_MAX,
    BoundedParser,
    Frame,
    Frames,
    grammar_of,
    window_around,
)
from fimble.features.completion.shown import Place
from fimble.features.completion.syntax import Syntax
from fimble.index.languages import LANGUAGES, Language, language_of_editor_id
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text
from tests.unit.features.completion.holes import Written, hole

DOCUMENTS = (
    "import os\n\n\ndef first(a, b):\n    if a:\n        return b\n    return [\n        a,\n        b,\n    ]\n\n\n"
    'class A:\n    """Doc (one.\n\n    Two.\n    """\n\n    def f(self):\n        x = {"a": (1, 2)}\n'
    "        return x\n",
    "export class A {\n  private items: string[] = [];\n\n  add(first: string): number {\n    if (first) {\n"
    "      this.items.push(`${first} a`);\n    }\n    return this.items.length;\n  }\n}\n\n"
    "function f() {\n  return 1;\n}\n",
    "def f(:\n  ((([\n'''\nx = )\n\tif {\n\r\n  }}\rä = 'ö\n\n\nclass\n",
)
WRITTEN = (
    "x = 1",
    "a\n    return b",
    "f(1, 2)\n    if a:\n        b()\n    c = 3\n\nd = 4\n",
    "(\n  a,\n  b,\n)\n}",
    " = [1, 2, 3];\n  return 1;\n}\n\nfunction g() {",
    '"""a\nb"""\n',
    "a, a, a, a, a, a, a, a, a, a",
    "))]}\n```\n",
)
LANGUAGE_IDS = ("python", "typescript", "javascript", "go", "markdown", "cobol")
TYPED = ("a", "(", ")", "{", '"', "'''", "\n", "\n    ", ":", "ä", "\r\n", "#", "`", "if x:\n        ")

EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("type"), st.sampled_from(TYPED)),
        st.tuples(st.just("delete"), st.integers(1, 30)),
        st.tuples(st.just("jump"), st.integers(0, 100_000)),
        st.tuples(st.just("language"), st.sampled_from(LANGUAGE_IDS)),
        st.tuples(st.just("elsewhere"), st.integers(0, 100_000)),
    ),
    min_size=1,
    max_size=12,
)


def python() -> Language:
    found = language_of_editor_id("python")
    assert found is not None
    return found


@settings(deadline=None)
@given(
    st.sampled_from(DOCUMENTS),
    st.sampled_from((1, 3, 40)),
    st.integers(0, 100_000),
    EDITS,
    st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=3),
    st.sampled_from((math.inf, 4.0)),
)
def test_with_kept_frames_the_same_is_shown_as_without(
    document: str, times: int, place: int, edits: list[tuple[str, int | str]], written: list[str], wrong_max: float
) -> None:
    # Several times, so that there is more than one window holds.
    text, language, frames = Text.from_string(document * times), "python", Frames()
    offset = place % (len(text) + 1)
    for kind, what in edits:
        if isinstance(what, str) and kind == "type":
            text, offset = text.replace(offset, offset, what), offset + len(what)
        elif isinstance(what, str):
            language = what
        elif kind == "delete":
            start = max(0, offset - what)
            text, offset = text.replace(start, offset, ""), start
        elif kind == "jump":
            offset = what % (len(text) + 1)
        else:
            at = what % (len(text) + 1)
            text = text.replace(at, at, "{\n")
            offset += 2 if at <= offset else 0
        snapshot = Snapshot(uri="file:///hole", path="hole", language=language, version=1, text=text)
        cached = Place(snapshot, offset, wrong_max, frames=frames)
        alone = Place(snapshot, offset, wrong_max)
        for one in written:
            writing = Written(one, log_probability=-0.05)
            assert cached.shown(writing, "") == alone.shown(writing, "")
            assert cached.serves(writing, "") == alone.serves(writing, "")


@settings(deadline=None)
@given(st.sampled_from(DOCUMENTS), st.integers(0, 100_000), st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=3))
def test_what_was_found_while_a_text_was_written_is_what_is_found_of_it_at_once(
    document: str, place: int, written: list[str]
) -> None:
    text = Text.from_string(document)
    snapshot = Snapshot(uri="file:///hole", path="hole", language="python", version=1, text=text)
    offset = place % (len(text) + 1)
    growing = Place(snapshot, offset)
    # One after the other at the same place, as alternatives are, and all together.
    for whole in (*written, "\n".join(written)):
        for end in range(len(whole) + 1):
            running, alone = Written(whole[:end], is_running=True), Place(snapshot, offset)
            assert growing.has_enough(running, "") == alone.has_enough(running, "")
            assert growing.shown(running, "") == alone.shown(running, "")
        assert growing.shown(Written(whole), "") == Place(snapshot, offset).shown(Written(whole), "")


def test_what_was_found_of_one_text_is_not_taken_for_another() -> None:
    place = Place(*hole("def f():\n    $0\n"))
    assert not place.has_enough(Written("a = 1\n    b = 2\n    c = 3", is_running=True), "")
    assert place.has_enough(Written("a = 1\n\n    b = 2", is_running=True), "")


def test_a_frame_is_kept_while_somebody_types_on_its_line() -> None:
    frames, text = Frames(), Text.from_string("def f():\n    \n    return 1\n")
    frame = frames.of(python(), window_around(text, 13))
    typed = text.replace(13, 13, "x = (")
    assert frames.of(python(), window_around(typed, 18)) is frame
    below = typed.replace(18, 18, "\n    ")
    assert frames.of(python(), window_around(below, 23)) is not frame
    assert frames.of(python(), window_around(Text.from_string(f"{typed.content})"), 18)) is not frame
    assert frames.of(LANGUAGES[1], window_around(typed, 18)) is not frame


def test_a_tree_up_to_the_texts_end_is_another_one_than_that_with_all_below() -> None:
    window = window_around(Text.from_string("a = (\n\n)\nb = 1\n"), 6)
    grammar = grammar_of(python())
    assert grammar is not None
    frame = Frame(grammar, window)
    for _ in range(2):
        trees = [frame.tree("1,", BoundedParser(grammar, 400), has_below=below) for below in (True, False)]
        assert [tree and (tree.root_node.end_byte, tree.root_node.has_error) for tree in trees] == [
            (len("a = (\n1,\n)\nb = 1\n"), False),
            (len("a = (\n1,"), True),
        ]


def test_a_tree_that_is_there_costs_the_steps_of_its_parse_all_the_same() -> None:
    window = window_around(Text.from_string("x = 1\n" * 100), 300)
    grammar = grammar_of(python())
    assert grammar is not None
    frame, inside = Frame(grammar, window), "y = [" + "1, " * 500 + "]"
    parsers = [BoundedParser(grammar, 400), BoundedParser(grammar, 400)]
    assert all(frame.tree(inside, parser) is not None for parser in parsers)
    assert parsers[0].steps_left == parsers[1].steps_left < STEPS_IN_ALL_MAX
    for tight in (BoundedParser(grammar, 2), BoundedParser(grammar, 400, 2)):
        assert frame.tree(inside, tight) is None
        assert tight.is_given_up
        assert frame.tree("z", tight) is None


def test_only_the_frames_used_last_are_kept() -> None:
    frames, text = Frames(2), Text.from_string("a\nb\nc\n")
    first = frames.of(python(), window_around(text, 0))
    second = frames.of(python(), window_around(text, 2))
    assert frames.of(python(), window_around(text, 0)) is first
    frames.of(python(), window_around(text, 4))
    assert frames.of(python(), window_around(text, 0)) is first
    assert frames.of(python(), window_around(text, 2)) is not second


@pytest.mark.parametrize("steps_max", [1, 3, 6, 20])
def test_the_bounds_hold_for_a_frame_that_was_parsed_before(steps_max: int) -> None:
    text = Text.from_string("x = ((1, [2\n" * 300)
    grammar = grammar_of(python())
    assert grammar is not None
    window = window_around(text, 2000)
    frame = Frame(grammar, window, steps_max)

    def answers(frame: Frame) -> list[object]:
        syntax = Syntax(frame, window.line_before, window.line_after)
        return [
            *(syntax.errors("(" * number) for number in range(20)),
            syntax.ends_before("1", "y"),
            syntax.is_text,
            syntax.is_given_up,
        ]

    # Each hole has what the frame left of the steps, however many had the same frame before.
    assert answers(frame) == answers(frame) == answers(Frame(grammar, window, steps_max))


def test_a_window_is_bounded_and_moves_only_with_the_line() -> None:
    source = random.Random(1)
    lines = ["x" * source.choice((0, 10, 80, 300)) for _ in range(300)]
    text = Text.from_string("\n".join(lines))
    for _ in range(200):
        offset = source.randrange(len(text) + 1)
        window = window_around(text, offset)
        assert len(window.above + window.line_before) <= BEFORE_CHARACTERS_MAX
        assert len(window.line_after + window.below) <= AFTER_CHARACTERS_MAX
        joined = window.above + window.line_before + window.line_after + window.below
        assert text.slice(offset - len(window.above + window.line_before), offset + len(joined)).startswith(joined)
        line_start = text.line_start(text.line_at(offset))
        assert window_around(text, line_start).above == window.above
    huge = window_around(Text.from_string("y" * 50_000), 25_000)
    assert (len(huge.line_before), len(huge.line_after)) == (BEFORE_CHARACTERS_MAX, AFTER_CHARACTERS_MAX)
    assert (huge.above, huge.below, huge.is_from_start) == ("", "", False)
