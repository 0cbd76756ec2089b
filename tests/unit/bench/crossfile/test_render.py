"""Ways of showing definitions, and where they go in a prompt."""

from pathlib import Path

import pytest

from fimble.bench.crossfile.errors import ArmUnavailable
from fimble.bench.crossfile.find import find_spots
from fimble.bench.crossfile.render import RENDERERS, Place, Rendered, scope_line, with_context
from fimble.bench.crossfile.spots import Definition, Spot
from fimble.bench.crossfile.workspace import Excerpt, Workspace
from fimble.models.card import FillInMiddle
from fimble.providers.provider import Control
from tests.unit.bench.crossfile.shop import COUNTER, package, write_folder

FIM = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>", repository="<R>", file="<F>")
PLAIN = FillInMiddle(prefix="<P>", suffix="<S>", middle="<M>")
BEFORE = "import a\n\n\nclass C:\n    @cached\n    def f(self):\n        b = 1\n"
PROMPT = (
    Control("<R>"),
    "r\n",
    Control("<F>"),
    "own.py\n",
    Control("<P>"),
    BEFORE,
    Control("<S>"),
    "\n",
    Control("<M>"),
)
ADD = Definition("src/shop/stock.py", 17, 20, "Stock.add")
ITEM = Definition("src/shop/stock.py", 6, 9, "Item")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(package(), write_folder(tmp_path))


def spot_at(gold: str) -> Spot:
    return Spot(
        package="shop",
        path="src/shop/counter.py",
        offset=COUNTER.index(gold),
        length=len(gold),
        kind="line",
        definitions=(ADD,),
    )


def test_an_excerpt_has_the_class_the_signature_and_all_of_it(workspace: Workspace) -> None:
    excerpt = workspace.excerpt(ADD)
    assert (excerpt.owner, excerpt.signature) == (
        "class Stock:",
        "def add(self, item: Item, *, count: int = 1) -> bool:",
    )
    assert excerpt.whole.endswith("return len(self.items) <= self.limit")
    assert workspace.excerpt(ITEM).signature == "class Item:\n    name: str\n    price_cents: int"


def test_sites_never_show_the_hole_nor_the_defining_file(workspace: Workspace) -> None:
    hole = spot_at("add(item, count=2)")
    (site,) = workspace.sites(ADD, hole, 2)
    assert site == ("src/shop/counter.py", "fresh.add(\n    Item(name, 100),\n    count=3,\n)")
    elsewhere = spot_at("json.dumps")
    assert "count=2" in workspace.sites(ADD, elsewhere, 2)[0][1]


def test_every_rendering_shows_what_is_used(workspace: Workspace) -> None:
    (spot,) = [
        spot
        for spot in find_spots(workspace.folder, package(), per_kind=9, seed=1)
        if spot.kind == "body" and "Stock.add" in {definition.name for definition in spot.definitions}
    ]
    excerpts = [workspace.excerpt(definition) for definition in spot.definitions]
    sites = [Excerpt(path="p", name="n", owner="", signature="", whole="", sites=(("other.py", "stock.add(1)"),))]
    for name, render in RENDERERS.items():
        rendered = render(sites if name == "call-sites" else excerpts)
        shown = "\n".join([*(text for _, text in rendered.files), *rendered.lines])
        assert "add(" in shown, name
        assert all(line.startswith("# ") for line in rendered.lines), name
        assert "return len" not in shown or name in ("repository", "comments")


def test_files_stand_between_the_repository_and_the_own_file() -> None:
    parts = with_context(PROMPT, Rendered(files=(("b.py", "x = 1"),)), FIM)
    assert parts[:6] == (Control("<R>"), "r\n", Control("<F>"), "b.py\nx = 1\n", Control("<F>"), "own.py\n")
    assert parts[6:] == PROMPT[4:]


def test_a_model_without_repositories_is_refused_files() -> None:
    with pytest.raises(ArmUnavailable, match="another rendering"):
        with_context(PROMPT[4:], Rendered(files=(("b.py", "x = 1"),)), PLAIN)


@pytest.mark.parametrize(
    ("place", "before"),
    [
        (Place.TOP, "# x\n" + BEFORE),
        (Place.SCOPE, BEFORE.replace("    @cached", "    # x\n    @cached")),
        (Place.HOLE, BEFORE + "        # x\n"),
    ],
)
def test_lines_go_to_their_place_with_its_indentation(place: Place, before: str) -> None:
    parts = with_context(PROMPT, Rendered(lines=("# x",), place=place), FIM)
    assert parts == (*PROMPT[:5], before, *PROMPT[6:])


def test_lines_also_go_into_a_prompt_without_text_before_the_hole() -> None:
    parts = with_context((Control("<P>"), Control("<S>"), "b", Control("<M>")), Rendered(lines=("# x",)), PLAIN)
    assert parts[:3] == (Control("<P>"), "# x\n", Control("<S>"))


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


def test_lines_also_go_to_the_text_before_the_hole_where_that_comes_last() -> None:
    fim = FillInMiddle(order="prefix-last", prefix="<P>", suffix="<S>", middle="<M>")
    prompt = (Control("<P>"), Control("<S>"), "after", Control("<M>"), BEFORE, "        c = ")
    parts = with_context(prompt, Rendered(lines=("# x",), place=Place.HOLE), fim)
    assert parts == (*prompt[:4], BEFORE + "        # x\n", "        c = ")
