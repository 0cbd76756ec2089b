"""The prompt's layout: what stays, what changes with a keystroke, and where the typed text is cut."""

import pytest

from fimble.models.card import FillInMiddle
from fimble.prompting.anchor import drop_anchor
from fimble.prompting.fill_in_middle import FillInMiddlePrompt, lay_out
from fimble.prompting.window import Window
from fimble.providers.provider import Control
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

QWEN = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>", repository="<R>", file="<F>")
PLAIN = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>")
SUFFIX_FIRST = FillInMiddle(prefix="[PREFIX]", suffix="[SUFFIX]", middle="", order="spm")


def prompt(document: str, fim: FillInMiddle = QWEN, cells: tuple[str, ...] = ()) -> FillInMiddlePrompt:
    offset = document.index("$0")
    text = Text.from_string(document.replace("$0", "", 1))
    snapshot = Snapshot(
        uri="file:///r/src/a.py", path="src/a.py", language="python", version=1, text=text, preceding_cells=cells
    )
    window = Window(first=0, last=text.line_count - 1)
    anchor = drop_anchor(snapshot, offset, window=window, repository="r", fim=fim)
    return lay_out(anchor, anchor.typed(text, offset))


def test_the_parts_stand_in_the_models_order_with_real_names() -> None:
    result = prompt("import os\nx = os.$0 + 1\ny = 2\n")
    assert result.parts == (
        Control("<R>"), "r\n", Control("<F>"), "src/a.py\n",
        Control("<P>"), "import os\n", Control("<S>"), " + 1\ny = 2\n", Control("<M>"), "x = os",
    )  # fmt: skip
    assert result.starts_with == "."


def test_a_model_without_repository_tokens_gets_no_names() -> None:
    assert prompt("$0\n", PLAIN).parts == (Control("<P>"), Control("<S>"), "\n", Control("<M>"))


def test_a_suffix_first_model_gets_the_suffix_first() -> None:
    result = prompt("a = 1\nb = $0\nc\n", SUFFIX_FIRST)
    assert result.parts == (Control("[SUFFIX]"), "\nc\n", Control("[PREFIX]"), "a = 1\nb =")
    assert result.starts_with == " "


@pytest.mark.parametrize(
    ("typed", "kept", "starts_with"),
    [
        ("    return su", "    return", " su"),
        ("    ", "", "    "),
        ("    re", "", "    re"),
        ("x = foo(", "x = foo", "("),
        ("values.", "values", "."),
        ("x = a +", "x = a", " +"),
        ("x = foo(a, ", "x = foo(a,", " "),
        ("größe_2", "", "größe_2"),
    ],
)
def test_the_typed_text_is_cut_before_an_unfinished_token(typed: str, kept: str, starts_with: str) -> None:
    result = prompt(f"def f():\n{typed}$0\n")
    assert result.starts_with == starts_with
    assert result.parts[-1] == (kept or Control("<M>"))


def test_typing_within_a_word_leaves_the_prompt_as_it_is() -> None:
    assert prompt("a\n    return s$0\nb\n").parts == prompt("a\n    return summ$0\nb\n").parts


def test_typing_on_the_line_changes_only_the_last_part() -> None:
    before, after = prompt("a\nx = f(a$0)\nb\n"), prompt("a\nx = f(a, b$0)\nb\n")
    assert before.parts[:-1] == after.parts[:-1]


def test_a_notebooks_earlier_cells_come_first() -> None:
    assert "import os\nx = 1\n" in prompt("x = 1\ny = $0", cells=("import os",)).parts


def test_the_same_snapshot_gives_the_same_prompt() -> None:
    assert prompt("a\nb = $0\nc") == prompt("a\nb = $0\nc")


def test_carriage_returns_do_not_reach_the_model() -> None:
    assert not any("\r" in part for part in prompt("a\r\nb = $0\r\nc\r\n").parts if isinstance(part, str))


def test_a_window_that_begins_inside_of_a_scope_shows_its_header() -> None:
    text = Text.from_string("class Shop:\n    a = 1\n    b = 2\n    c = 3\n")
    snapshot = Snapshot(uri="file:///r/a.py", path="a.py", language="python", version=1, text=text)
    offset = text.content.index("c = 3")
    anchor = drop_anchor(snapshot, offset, window=Window(first=2, last=3), repository="r", fim=PLAIN)
    assert anchor.before == "class Shop:\n    b = 2\n"
    assert anchor.source_before == "    b = 2\n"
