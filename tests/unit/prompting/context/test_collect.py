"""Which candidates are found at a place in a workspace, and which never are."""

from pathlib import Path

from fimble.prompting.context.activity import Activity
from fimble.prompting.context.candidate import Source
from fimble.prompting.context.collect import collect
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.rank import SHOWN, rank
from fimble.workspace.text import Text
from tests.unit.index.queries.workspaces import with_open
from tests.unit.prompting.context.shop import FILES, at, found, of, view_with

SELL = "from shop.stock import Item, Stock\n\n\ndef sell(stock: Stock, item: Item) -> None:\n"


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_members_of_what_stands_before_the_dot_are_listed(tmp_path: Path) -> None:
    (members,) = of(found(tmp_path, f"{SELL}    stock.$0\n"), Source.MEMBERS)
    assert members.path == "shop/stock.py"
    assert members.why == "Stock is the type of stock"
    assert "    def add(self, item: Item, *, count: int = 1) -> bool" in members.text.split("\n")
    # What is private comes last.
    assert members.text.split("\n")[-1] == "    def _shrink(self) -> None"


def test_the_type_that_a_function_returns_counts_as_well(tmp_path: Path) -> None:
    document = "from shop.stock import fresh_stock\n\nstock = fresh_stock(3)\nstock.$0"
    (members,) = of(found(tmp_path, document), Source.MEMBERS)
    assert members.name == "Stock"


def test_what_begins_as_was_typed_comes_first(tmp_path: Path) -> None:
    (members,) = of(found(tmp_path, f"{SELL}    stock.it$0\n"), Source.MEMBERS)
    assert members.text.split("\n")[1] == "    items: list[Item]"


def test_members_of_a_module_are_its_top(tmp_path: Path) -> None:
    (members,) = of(found(tmp_path, "import shop.stock as stock\n\nstock.$0"), Source.MEMBERS)
    assert "def fresh_stock(limit: int) -> Stock" in members.text
    assert "def add" not in members.text


def test_the_definition_of_what_is_called_and_how_others_call_it(tmp_path: Path) -> None:
    candidates = found(tmp_path, f"{SELL}    stock.add($0)\n")
    (callee,) = of(candidates, Source.CALLEE)
    assert (callee.path, callee.owner, callee.signature) == (
        "shop/stock.py",
        "class Stock:",
        "def add(self, item: Item, *, count: int = 1) -> bool:",
    )
    usages = of(candidates, Source.USAGE)
    assert [usage.text for usage in usages] == [
        'stock.add(Item("tea", 300), count=4)',
        "stock.add(\n    Item(name, 100),\n    count=3,\n)",
    ]


def test_the_call_that_is_being_written_is_no_example_of_itself(tmp_path: Path) -> None:
    usages = of(found(tmp_path, f"{SELL}    stock.add(item)\n    stock.add($0)\n"), Source.USAGE)
    assert {usage.path for usage in usages} == {"shop/sales.py"}


def test_before_a_member_is_chosen_its_likeliest_ones_are_shown_in_use(tmp_path: Path) -> None:
    usages = of(found(tmp_path, f"{SELL}    stock.$0\n"), Source.USAGE)
    assert [usage.text for usage in usages] == ['stock.add(Item("tea", 300), count=4)']
    assert usages[0].why == "stock has add, which is called here"


def test_what_is_imported_and_not_used_yet_is_shown_in_use(tmp_path: Path) -> None:
    files = {**FILES, "shop/open.py": "from shop.stock import fresh_stock\n\nstock = fresh_stock(limit=9)\n"}
    document = "from shop.stock import fresh_stock\n\n\n\n\n\n\ndef main() -> None:\n    $0\n"
    far = document.replace("\n\n\n\n\n\n", "\n" * 50)
    assert [usage.text for usage in of(found(tmp_path, far, files=files), Source.USAGE)] == [
        "stock = fresh_stock(limit=9)"
    ]
    used = far.replace("    $0", "    fresh_stock(1)\n" + "\n" * 50 + "    $0")
    assert of(found(made(tmp_path / "b"), used, files=files), Source.USAGE) == []


def test_of_a_long_value_the_lines_are_shown_that_are_like_the_text_around(tmp_path: Path) -> None:
    entries = "".join(f'    "thing_{number}": {number},\n' for number in range(30))
    files = {"prices.py": f'PRICES = {{\n{entries}    "green_tea": 7,\n}}\n'}
    document = "from prices import PRICES\n\ndef price_of_green_tea():\n    return PRICES$0\n"
    prices = {each.name: each for each in of(found(tmp_path, document, files=files), Source.DEFINITION)}["PRICES"]
    lines = prices.short.split("\n")
    assert (lines[0], lines[-1]) == ("PRICES = {", "}")
    assert '    "green_tea": 7,' in lines
    assert len(lines) == 8


def test_definitions_of_near_names_have_a_short_form_with_members(tmp_path: Path) -> None:
    definitions = {each.name: each for each in of(found(tmp_path, f"{SELL}    $0\n"), Source.DEFINITION)}
    assert definitions["Item"].short == "class Item:\n    name: str\n    price_cents: int"
    assert definitions["Item"].certainty == 1.0
    assert definitions["Item"].nearness > 0.5


def test_a_local_variable_is_not_what_others_call_so(tmp_path: Path) -> None:
    document = "def f() -> None:\n    refill = 1\n    refill$0\n"
    assert "refill" not in {each.name for each in of(found(tmp_path, document), Source.DEFINITION)}
    called = "def f() -> None:\n    refill$0\n"
    assert "refill" in {each.name for each in of(found(made(tmp_path / "b"), called), Source.DEFINITION)}


def test_imports_that_are_not_used_yet_come_before_those_that_are(tmp_path: Path) -> None:
    filler = "\n".join(f"x{number} = {number}" for number in range(60))
    document = f"from shop.stock import Item, fresh_stock\n\nItem()\n{filler}\n$0\n"
    imported = {each.name: each.nearness for each in of(found(tmp_path, document), Source.IMPORT)}
    assert imported["fresh_stock"] > imported["Item"] > 0


def test_the_files_own_imports_stand_in_one_line_each(tmp_path: Path) -> None:
    (imports,) = of(
        found(tmp_path, "import os\nfrom shop.stock import (\n    Item,\n    Stock,\n)\n$0"), Source.IMPORTS
    )
    assert imports.text.split("\n") == ["import os", "from shop.stock import ( Item, Stock, )"]


def test_a_sibling_shows_its_method_of_the_same_name(tmp_path: Path) -> None:
    document = "from shop.gates import Gate\n\nclass IronGate(Gate):\n    def open(self) -> None:\n        $0\n"
    (sibling,) = of(found(tmp_path, document), Source.SIBLING)
    assert sibling.text == "def open(self) -> None:\n    self.creak(loudly=True)"
    assert sibling.why == "WoodenGate builds on Gate, too"


def test_far_parts_of_the_own_file_that_use_the_same_names_are_candidates(tmp_path: Path) -> None:
    filler = "\n".join(f"x{number} = {number}" for number in range(60))
    far = "def tidy(shelf):\n    shelf.sweep(broom, slowly=True)\n"
    document = f"{far}{filler}\nshelf = make_shelf()\nbroom = 1\n$0\n"
    own = of(found(tmp_path, document), Source.OWN_FILE)
    assert "shelf.sweep(broom, slowly=True)" in own[0].text
    assert own[0].first_line == 0
    # However much more the lines beside the cursor share with it: those are in sight.
    assert own[0].nearness == 1.0
    near = of(found(made(tmp_path / "b"), f"{far}shelf = 1\nbroom = 1\n$0\n"), Source.OWN_FILE)
    # What is in sight anyway is not shown twice.
    assert near == []


def test_recent_edits_and_files_are_candidates(tmp_path: Path) -> None:
    activity = Activity()
    old = Text.from_string(FILES["shop/sales.py"])
    activity.opened("shop/sales.py", old, 0.0)
    place = old.content.index("count=4")
    activity.changed("shop/sales.py", old.replace(place, place + 7, "count=5"), 1.0)
    candidates = found(tmp_path, f"{SELL}    stock$0\n", activity=activity.moment(2.0))
    (edit,) = of(candidates, Source.EDIT)
    assert '+    stock.add(Item("tea", 300), count=5)' in edit.text
    (recent,) = of(candidates, Source.RECENT)
    assert recent.path == "shop/sales.py"
    assert of(found(made(tmp_path / "b"), f"{SELL}    stock$0\n"), Source.EDIT) == []


def test_files_that_hold_secrets_are_never_context(tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7ABCDEFG"
    secret = f'class Stock:\n    key = "{key}"\n\n    def add(self) -> None: ...\n'
    shown = found(tmp_path, f"{SELL}    stock.$0\n", files=FILES)
    assert of(shown, Source.MEMBERS)
    hidden = found(made(tmp_path / "b"), f"{SELL}    stock.$0\n", files={"shop/stock.py": secret})
    assert not any(key in candidate.text for candidate in hidden)
    box = "class Box: ...\n"
    by_name = found(made(tmp_path / "c"), "Box($0", files={".ssh/box.py": box, "shop/crate.py": "class Crate: ...\n"})
    assert all(candidate.path != ".ssh/box.py" for candidate in by_name)
    assert of(found(made(tmp_path / "d"), "Box($0", files={"shop/box.py": box}), Source.CALLEE)


def test_an_open_document_that_the_index_leaves_out_is_no_context_for_others(tmp_path: Path) -> None:
    snapshot, offset = at(f"{SELL}    stock.add($0)\n")
    view = view_with(tmp_path, snapshot)
    with_ignored = with_open(view, "build/stock.py", "class Stock:\n    def add(self) -> None: ...\n")
    paths = {
        candidate.path
        for candidate in collect(with_ignored, snapshot.path, Cursor(snapshot, offset), Activity().moment(0.0))
    }
    assert "shop/stock.py" in paths
    assert "build/stock.py" not in paths


def test_what_has_been_found_is_kept_when_patience_ends(tmp_path: Path) -> None:
    snapshot, offset = at(f"{SELL}    stock.$0\n")
    view = view_with(tmp_path, snapshot)
    asked: list[int] = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > 1

    some = collect(view, snapshot.path, Cursor(snapshot, offset), Activity().moment(0.0), is_cancelled)
    assert {candidate.source for candidate in some} == {Source.MEMBERS, Source.IMPORTS}


def test_the_same_snapshot_gives_the_same_candidates(tmp_path: Path) -> None:
    snapshot, offset = at(f"{SELL}    stock.add($0)\n")
    view = view_with(tmp_path, snapshot)
    moment = Activity().moment(0.0)
    first, second = (collect(view, snapshot.path, Cursor(snapshot, offset), moment) for _ in range(2))
    assert first == second


def test_what_can_never_be_shown_is_not_looked_for_and_the_rest_is_the_same(tmp_path: Path) -> None:
    snapshot, offset = at(f"{SELL}    stock.add($0)\n")
    view = view_with(tmp_path, snapshot)
    cursor, moment = Cursor(snapshot, offset), Activity().moment(0.0)
    every, some = (
        collect(view, snapshot.path, cursor, moment),
        collect(view, snapshot.path, cursor, moment, wanted=SHOWN),
    )
    assert {candidate.source for candidate in some} <= SHOWN
    assert len(some) < len(every)
    assert rank(some, "") == rank(every, "") != []
