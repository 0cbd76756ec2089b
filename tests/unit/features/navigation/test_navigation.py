"""Definitions, uses, descriptions and outlines: from the index, from open documents, and from both."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fimble.features.navigation.feature import Navigation
from fimble.features.navigation.places import Query, Span
from fimble.index.store.progress import Stage
from fimble.index.symbols import Kind
from fimble.workspace.paths import Folder
from fimble.workspace.text import Encoding

from .fakes import ENCODINGS, Clients, InstantBuffers, folder, snapshot, write

CART = '''\
class Cart:
    """What somebody wants to buy."""

    def add(self, item: int) -> None:
        pass
'''


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    return Clients(tmp_path)


@pytest.fixture
async def navigation(clients: Clients) -> AsyncIterator[Navigation]:
    navigation = Navigation(InstantBuffers(), clients.make)
    navigation.switch(is_on=True)
    yield navigation
    await navigation.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(
        tmp_path / "project",
        app_py="from shop.cart import Cart\n\nCart().add(1)\n",
        shop__cart_py=CART,
        other_py="class Cart:\n    pass\n",
    )


async def follow(navigation: Navigation, clients: Clients, *roots: Path) -> None:
    navigation.follow([folder(root) for root in roots])
    await clients.started(len(roots))


def query(path: Path | str, marked: str, encoding: Encoding = Encoding.UTF_16, language: str = "python") -> Query:
    document, offset = snapshot(path, marked, language)
    return Query(snapshot=document, offset=offset, encoding=encoding)


async def definitions(navigation: Navigation, query: Query) -> list[tuple[str, Span]]:
    found = await navigation.definitions(query)
    return [] if found is None else [(place.uri, place.name) for place in found.places]


async def test_an_import_leads_to_one_definition_in_another_file(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    await follow(navigation, clients, root)
    asked = query(root / "app.py", "from shop.cart import Cart\n\nCa$0rt().add(1)\n")
    navigation.open(asked.snapshot)
    found = await navigation.definitions(asked)
    assert found is not None
    assert found.word == Span((2, 0), (2, 4))
    (place,) = found.places
    assert place.uri == (root / "shop/cart.py").as_uri()
    assert place.name == Span((0, 6), (0, 10))
    assert place.whole == Span((0, 0), (4, 12))


async def test_what_is_not_saved_wins_over_what_is_on_the_disk(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    await follow(navigation, clients, root)
    typed, _ = snapshot(root / "shop/cart.py", "\n\nclass Cart:\n    pass\n\nclass Basket:\n    pass\n")
    navigation.open(typed)
    asked = query(root / "app.py", "from shop.cart import Cart\n\nCa$0rt()\n")
    assert await definitions(navigation, asked) == [(typed.uri, Span((2, 6), (2, 10)))]
    new = query(root / "app.py", "Bas$0ket\n")
    assert await definitions(navigation, new) == [(typed.uri, Span((5, 6), (5, 12)))]
    navigation.close(typed.uri)
    assert await definitions(navigation, new) == []


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_columns_are_counted_as_the_editor_counts_in_closed_files_too(
    navigation: Navigation, clients: Clients, tmp_path: Path, encoding: Encoding
) -> None:
    root = write(tmp_path / "emoji", a_py='x = "😀é"; größe = 1\n', b_py="from a import größe\nprint('😀', größe)\n")
    await follow(navigation, clients, root)
    start = {Encoding.UTF_8: 14, Encoding.UTF_16: 11, Encoding.UTF_32: 10}[encoding]
    width = {Encoding.UTF_8: 7, Encoding.UTF_16: 5, Encoding.UTF_32: 5}[encoding]
    asked = query(root / "b.py", "from a import größe\nprint('😀', grö$0ße)\n", encoding)
    assert await definitions(navigation, asked) == [((root / "a.py").as_uri(), Span((0, start), (0, start + width)))]
    uses = await navigation.references(asked, is_with_definitions=False)
    start = {Encoding.UTF_8: 14, Encoding.UTF_16: 12, Encoding.UTF_32: 11}[encoding]
    assert Span((1, start), (1, start + width)) in [use.span for use in uses]


async def test_uses_come_with_or_without_definitions(navigation: Navigation, clients: Clients, root: Path) -> None:
    await follow(navigation, clients, root)
    asked = query(root / "app.py", "from shop.cart import Cart\n\nCart().a$0dd(1)\n")
    navigation.open(asked.snapshot)
    definition, use = ((root / "shop/cart.py").as_uri(), 3), ((root / "app.py").as_uri(), 2)
    found = await navigation.references(asked, is_with_definitions=True)
    assert {(each.uri, each.span.start[0]) for each in found} == {definition, use}
    found = await navigation.references(asked, is_with_definitions=False)
    assert {(each.uri, each.span.start[0]) for each in found} == {use}


async def test_a_description_has_signature_documentation_and_place(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    await follow(navigation, clients, root)
    found = await navigation.describe(query(root / "app.py", "from shop.cart import Cart\n\nCa$0rt()\n"))
    assert found is not None
    best = found.found[0]
    assert (best.language, best.signature, best.documentation) == (
        "python",
        "class Cart",
        "What somebody wants to buy.",
    )
    assert (best.path, best.line) == ("shop/cart.py", 1)
    assert await navigation.describe(query(root / "app.py", "unhe$0ard_of\n")) is None
    assert await navigation.describe(query(root / "app.py", " $0 \n")) is None


async def test_an_outline_is_that_of_the_text_as_it_is(navigation: Navigation, tmp_path: Path) -> None:
    document, _ = snapshot(tmp_path / "new.py", "class A:\n    def b(self) -> int:\n        return 1\n")
    assert await navigation.outline(document, Encoding.UTF_16) == ()
    navigation.open(document)
    outer, inner = await navigation.outline(document, Encoding.UTF_16)
    assert (outer.name, outer.kind, outer.parent, outer.detail) == ("A", Kind.CLASS, -1, "")
    assert (inner.name, inner.kind, inner.parent, inner.detail) == ("b", Kind.METHOD, 0, "(self) -> int")
    assert outer.whole == Span((0, 0), (2, 16))
    assert inner.selection == Span((1, 8), (1, 9))


async def test_a_document_outside_of_every_folder_is_answered_from_itself_alone(
    navigation: Navigation, clients: Clients, root: Path, tmp_path: Path
) -> None:
    await follow(navigation, clients, root)
    lonely = query(tmp_path / "lonely.py", "def here(): pass\n\nhe$0re()\nCart()\n")
    unnamed = query("untitled:Untitled-1", "def here(): pass\n\nhe$0re()\n")
    navigation.open(lonely.snapshot)
    navigation.open(unnamed.snapshot)
    assert await definitions(navigation, lonely) == [(lonely.snapshot.uri, Span((0, 4), (0, 8)))]
    assert await definitions(navigation, unnamed) == [(unnamed.snapshot.uri, Span((0, 4), (0, 8)))]
    foreign = query(tmp_path / "lonely.py", "def here(): pass\n\nhere()\nCa$0rt()\n")
    assert await definitions(navigation, foreign) == []


async def test_folders_answer_together_and_what_is_in_two_is_named_once(
    navigation: Navigation, clients: Clients, root: Path, tmp_path: Path
) -> None:
    second = write(tmp_path / "second", more_py="class Cartridge:\n    pass\n")
    await follow(navigation, clients, root, second, root / "shop")
    found = await navigation.find_symbols("Cart", Encoding.UTF_16)
    assert sorted((symbol.name, symbol.uri) for symbol in found) == [
        ("Cart", (root / "other.py").as_uri()),
        ("Cart", (root / "shop/cart.py").as_uri()),
        ("Cartridge", (second / "more.py").as_uri()),
    ]
    assert found[0].name == "Cart"


async def test_symbols_of_files_that_others_serve_are_left_out(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    await follow(navigation, clients, root)
    found = await navigation.find_symbols("Cart", Encoding.UTF_16, is_served=lambda path: path != "other.py")
    assert [symbol.uri for symbol in found] == [(root / "shop/cart.py").as_uri()]


async def test_an_innermost_folder_answers_for_its_documents(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    await follow(navigation, clients, root, root / "shop")
    asked = query(root / "shop/new.py", "Ca$0rt()\n")
    assert await definitions(navigation, asked) == [((root / "shop/cart.py").as_uri(), Span((0, 6), (0, 10)))]


async def test_open_and_saved_files_are_told_to_their_folders_index(
    navigation: Navigation, clients: Clients, root: Path, tmp_path: Path
) -> None:
    await follow(navigation, clients, root)
    (client,) = clients.made
    document, _ = snapshot(root / "app.py", "")
    outside, _ = snapshot(tmp_path / "outside.py", "")
    navigation.open(document)
    navigation.open(outside)
    navigation.focus(document.uri)
    navigation.save(document.uri)
    navigation.save(outside.uri)
    navigation.close(document.uri)
    assert [call for call in client.calls if call[1]] == [
        ("opened", ["app.py"]), ("opened", ["app.py"]), ("prioritise", ["app.py"]), ("changed", ["app.py"]),
    ]  # fmt: skip
    assert client.calls[-1] == ("opened", [])


async def test_a_name_that_is_not_utf_8_is_not_sent(navigation: Navigation, clients: Clients, root: Path) -> None:
    await follow(navigation, clients, root)
    document, _ = snapshot((root / "app.py").as_uri().replace("app", "%FF"), "x = 1\n")
    navigation.open(document)
    navigation.save(document.uri)
    for _, paths in clients.made[0].calls:
        json.dumps(paths).encode()
        assert paths == []


async def test_folders_that_go_end_their_indexes(
    navigation: Navigation, clients: Clients, root: Path, tmp_path: Path
) -> None:
    second = write(tmp_path / "second", a_py="")
    await follow(navigation, clients, root, second)
    navigation.follow([folder(second)])
    await asyncio.sleep(0.01)
    assert ["stop" in dict(client.calls) for client in clients.made] == [True, False]
    await navigation.stop()
    assert ["stop" in dict(client.calls) for client in clients.made] == [True, True]
    navigation.follow([folder(root)])
    assert len(clients.made) == 2


async def test_cells_of_a_notebook_are_laid_over_their_stored_ones(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    await follow(navigation, clients, root)
    notebook, cell = (root / "play.ipynb").as_uri(), "vscode-notebook-cell:/play#1"
    navigation.number_cells(lambda uri: (notebook, 1) if uri == cell else None)
    asked = query(cell, "from shop.cart import Cart\ndef mine(): pass\nmi$0ne()\n")
    navigation.open(asked.snapshot)
    assert await definitions(navigation, asked) == [(cell, Span((1, 4), (1, 8)))]
    imported = query(cell, "from shop.cart import Cart\nCa$0rt()\n")
    assert ((root / "shop/cart.py").as_uri(), Span((0, 6), (0, 10))) in await definitions(navigation, imported)


async def test_nothing_is_parsed_while_the_index_is_switched_off(tmp_path: Path, clients: Clients) -> None:
    buffers = InstantBuffers()
    navigation = Navigation(buffers, clients.make)
    document, _ = snapshot(tmp_path / "a.py", "x = 1\n")
    navigation.open(document)
    assert buffers.open_uris == {}
    navigation.switch(is_on=True)
    assert buffers.open_uris == {document.uri: "python"}
    navigation.switch(is_on=False)
    assert buffers.open_uris == {}
    await navigation.stop()
    assert buffers.has_stopped


async def test_trouble_is_passed_on_and_its_end_is_not(navigation: Navigation, clients: Clients, root: Path) -> None:
    heard: list[str] = []
    navigation.on_trouble = heard.append
    await follow(navigation, clients, root)
    clients.troubles[0]("The disk is full.")
    clients.troubles[0]("")
    assert heard == ["The disk is full."]


async def test_without_folders_the_symbols_of_open_files_are_found(navigation: Navigation, tmp_path: Path) -> None:
    document, _ = snapshot(tmp_path / "lonely.py", "def lonely(): pass\n")
    navigation.open(document)
    (found,) = await navigation.find_symbols("lone", Encoding.UTF_16)
    assert (found.name, found.uri, found.span) == ("lonely", document.uri, Span((0, 4), (0, 10)))


async def test_a_folder_that_is_not_on_this_disk_gets_no_index(navigation: Navigation, clients: Clients) -> None:
    navigation.follow([Folder.from_uri("vscode-vfs://github/a/b"), Folder.from_uri("file://server/share")])
    assert clients.made == []


async def test_a_home_folder_is_not_indexed_and_a_project_in_it_is(
    navigation: Navigation, clients: Clients, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root))
    told: list[str] = []
    navigation.on_trouble = told.append
    (root / "project").mkdir()
    navigation.follow([folder(root), folder(root.parent)])
    assert clients.made == []
    assert len(told) == 2
    assert str(root) in told[0]
    navigation.follow([folder(root / "project")])
    assert [client.root for client in clients.made] == [root / "project"]


async def test_how_far_an_index_is_is_told_until_its_folder_goes(
    navigation: Navigation, clients: Clients, root: Path
) -> None:
    heard: list[tuple[str, Stage]] = []
    navigation.on_progress = lambda folder, progress: heard.append((folder.name, progress.stage))
    await follow(navigation, clients, root)
    async with asyncio.timeout(10):
        while not heard:
            await asyncio.sleep(0.01)
    navigation.follow([])
    assert heard[-1] == ("project", Stage.NONE)
