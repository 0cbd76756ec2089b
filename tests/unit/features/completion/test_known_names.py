"""Names that do not exist are not suggested, where the index knows for sure."""

from pathlib import Path

import pytest

from fimble.features.completion.feature import Completion
from fimble.features.completion.known_names import known_names, owners_in
from fimble.index.queries.attributes import Attributes
from fimble.prompting.context.activity import Activity
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import Excerpts
from fimble.prompting.context.search import Search
from tests.unit.features.completion.test_context import GivingContext, provider, query
from tests.unit.prompting.context.shop import at, view_with

STOCK = Attributes(names=frozenset({"add"}), words=frozenset({"add", "items"}))


@pytest.mark.parametrize(
    ("text", "start", "owners"),
    [
        ("self.store.get(key)", 0, ("self.store",)),
        ("a.b + c.d", 0, ("a", "c")),
        ("a.b + c.d", 4, ("c",)),
        ("f(x).y", 0, ()),
        ("'a'.join", 0, ()),
        ("1.5", 0, ()),
        ("plain", 0, ()),
    ],
)
def test_owners_are_read_as_they_are_spelled(text: str, start: int, owners: tuple[str, ...]) -> None:
    assert owners_in(text, start) == owners


@pytest.mark.parametrize(("written", "shown"), [("add(1)", "add(1)"), ("vanish(1)", ""), ("items", "items")])
async def test_only_what_is_known_to_be_lacking_is_withheld(written: str, shown: str) -> None:
    context = GivingContext()
    context.known["stock"] = STOCK
    writing = provider(None)
    writing.text = written
    suggestion = await Completion(writing, context=context).suggest(query("stock.$0\n", is_manual=False))
    assert suggestion.text == shown
    assert suggestion.suppressed_by == (None if shown else "unknown-name")


async def test_an_owner_that_nobody_knows_is_not_judged() -> None:
    writing = provider(None)
    writing.text = "vanish(1)"
    suggestion = await Completion(writing, context=GivingContext()).suggest(query("stock.$0\n", is_manual=False))
    assert suggestion.text == "vanish(1)"


@pytest.mark.parametrize(
    ("document", "owner", "answers"),
    [
        ("from shop.stock import Stock\n\ndef f(stock: Stock) -> None:\n    $0", "stock", [True, False]),
        ("import shop.stock as place\n\n$0", "place", [False, False]),
        ("def f(stock) -> None:\n    $0", "stock", None),
        ("class Own:\n    def f(self) -> None:\n        $0", "self", None),
    ],
)
def test_the_index_is_asked_for_the_type(tmp_path: Path, document: str, owner: str, answers: list[bool] | None) -> None:
    snapshot, offset = at(document)
    view = view_with(tmp_path, snapshot)
    search = Search(
        view=view,
        path=snapshot.path,
        cursor=Cursor(snapshot, offset),
        activity=Activity().moment(0.0),
        cut=Excerpts(view),
        is_cancelled=lambda: False,
    )
    found = known_names(search, (owner,))[owner]
    if answers is None:
        assert found is None
    else:
        assert found is not None
        # `add` is a method of the class, not of the module; it stands in the module's text, though.
        assert [found.has("add") is True, found.has("vanish") is True] == answers
        assert found.has("vanish") is False
