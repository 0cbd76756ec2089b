"""How pieces are shown, and where that goes in the text before a hole."""

import pytest

from fimble.models.catalogue import all_cards
from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.fit import Piece
from fimble.prompting.context.rendering import (
    RENDERINGS,
    Form,
    Place,
    Rendered,
    Rendering,
    render,
    scope_line,
    with_lines,
)

BEFORE = "import a\n\n\nclass C:\n    @cached\n    def f(self):\n        b = 1\n"
HASH = ("# ", "")
ADD = Candidate(
    source=Source.CALLEE,
    path="shop/stock.py",
    first_line=3,
    last_line=5,
    text="def add(self, item):\n    return item",
    signature="def add(self, item):",
    owner="class Stock:",
    why="-",
)
ITEM = Candidate(
    source=Source.DEFINITION, path="shop/item.py", first_line=0, last_line=1, text="class Item:\n    name: str", why="-"
)


def shown(rendering: Rendering, *candidates: Candidate) -> Rendered:
    pieces = [Piece(candidate, rendering.forms(candidate)[0], 1) for candidate in candidates]
    return render(pieces, rendering, HASH)


def test_files_stand_under_their_paths_with_the_type_around_a_member() -> None:
    rendered = shown(RENDERINGS["repository"], ADD, ITEM)
    assert rendered.files == (
        ("shop/stock.py", "class Stock:\n    def add(self, item):\n        return item"),
        ("shop/item.py", "class Item:\n    name: str"),
    )
    assert rendered.lines == ()


def test_comments_say_which_file_it_is_from() -> None:
    rendered = shown(RENDERINGS["signatures"], ADD)
    assert rendered.lines == ("# shop/stock.py", "# class Stock:", "#     def add(self, item):")
    assert rendered.place is Place.TOP


def test_near_the_hole_there_is_no_path_and_little_else() -> None:
    assert shown(RENDERINGS["near"], ADD).lines == ("# class Stock:", "#     def add(self, item):")
    assert shown(RENDERINGS["short"], ADD, ITEM, ITEM).lines == (
        "# def add(self, item):",
        "# class Item: name: str",
    )


def test_comments_are_those_of_the_language() -> None:
    piece = Piece(ITEM, "<p>", 1)
    assert render([piece], RENDERINGS["near"], ("<!-- ", " -->")).lines == ("<!-- <p> -->",)


def test_nothing_is_rendered_as_nothing() -> None:
    assert render([], RENDERINGS["comments"], HASH) == Rendered()
    assert with_lines(BEFORE, Rendered()) == BEFORE


@pytest.mark.parametrize(
    ("place", "before"),
    [
        (Place.TOP, "# x\n" + BEFORE),
        (Place.SCOPE, BEFORE.replace("    @cached", "    # x\n    @cached")),
        (Place.HOLE, BEFORE + "        # x\n"),
    ],
)
def test_lines_go_to_their_place_with_its_indentation(place: Place, before: str) -> None:
    assert with_lines(BEFORE, Rendered(lines=("# x",), place=place)) == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f(\n    a,\n) -> int:\n    b = 1\n", 0),
        ("class C:\n    x = 1\n\n    def f(self):\n        if x:\n            y\n", 3),
        ("class C:\n    x = 1\n", 0),
        ("x = 1\n\ny = 2\n", 3),
        ("", 0),
    ],
)
def test_the_scope_is_the_innermost_around_the_end(text: str, line: int) -> None:
    assert scope_line(text.split("\n")) == line


def test_every_card_names_a_rendering_that_exists() -> None:
    styles = [card.context for card in all_cards().values() if card.context is not None]
    assert {style.rendering for style in styles} <= set(RENDERINGS)
    assert all(0 < style.tokens <= 2048 and style.evidence for style in styles)


def test_a_form_is_never_longer_than_a_fuller_one() -> None:
    whole, short, line = (
        Rendering(name="-", place=Place.TOP, form=form).forms(ADD)[0]
        for form in (Form.WHOLE, Form.SIGNATURE, Form.ONE_LINE)
    )
    assert whole.startswith(short)
    assert "\n" not in line


def test_a_mixed_rendering_shows_the_best_ones_whole() -> None:
    rendering = RENDERINGS["comments-mixed"]
    assert rendering.forms(ADD, 0)[0].endswith("return item")
    assert rendering.forms(ADD, 2) == ("class Stock:\n    def add(self, item):",)
