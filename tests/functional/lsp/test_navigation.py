"""Questions about the code over LSP, with a real index in this process and a fake of the process that keeps it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lsp_fakes import FakeEditor, FakeWorld
from tests.unit.features.navigation.fakes import Clients, InstantBuffers, write

from fimble.features.navigation.feature import Navigation
from fimble.index.store.progress import Progress, Stage
from fimble.lsp.services import Services
from fimble.workspace.paths import Folder

ALWAYS = {"navigation": "always"}
PROVIDERS = {
    "definitionProvider",
    "referencesProvider",
    "hoverProvider",
    "documentSymbolProvider",
    "workspaceSymbolProvider",
}
METHODS = {
    "textDocument/definition",
    "textDocument/references",
    "textDocument/hover",
    "textDocument/documentSymbol",
    "workspace/symbol",
}
DYNAMIC = {
    "textDocument": {
        name: {"dynamicRegistration": True} for name in ("definition", "references", "hover", "documentSymbol")
    },
    "workspace": {
        "symbol": {"dynamicRegistration": True},
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
    },
}
TEXT = "from cart import Cart\n\nCart().add('😀', Cart)\n"


class NavigatingWorld(FakeWorld):
    """The fake outside world, with navigation whose index processes are faked."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.buffers = InstantBuffers()
        self.clients = Clients(place)
        self.navigation = Navigation(self.buffers, self.clients.make)

    def services(self) -> Services:
        return replace(super().services(), navigation=self.navigation)


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncIterator[FakeEditor]:
    editor = FakeEditor(NavigatingWorld(tmp_path))
    yield editor
    await world(editor).navigation.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(
        tmp_path / "project",
        main_py=TEXT,
        cart_py='class Cart:\n    """What *somebody* `wants` ![](http://x)."""\n\n    def add(self, a, b): pass\n',
    )


def world(editor: FakeEditor) -> NavigatingWorld:
    assert isinstance(editor.world, NavigatingWorld)
    return editor.world


async def start(editor: FakeEditor, root: Path, capabilities: Any = None, options: Any = ALWAYS) -> dict[str, Any]:
    folders = [{"uri": root.as_uri(), "name": "project"}]
    answer = await editor.initialize(capabilities, options=options, workspaceFolders=folders)
    if world(editor).clients.made:
        await world(editor).clients.started()
    return answer["capabilities"]  # type: ignore[no-any-return]


async def ask(editor: FakeEditor, method: str, uri: str, line: int, character: int, **more: Any) -> Any:
    msg_id = len(editor.sent) + 1000
    position = {"line": line, "character": character}
    editor.request(msg_id, method, {"textDocument": {"uri": uri}, "position": position, **more})
    return (await editor.reply(msg_id))["result"]


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


async def test_a_definition_is_a_place_or_a_link_as_the_editor_wants(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    expected = {"uri": (root / "cart.py").as_uri(), "range": span(0, 6, 10)}
    assert await ask(editor, "textDocument/definition", uri, 2, 1) == [expected]
    assert await ask(editor, "textDocument/definition", uri, 1, 0) is None


async def test_a_link_says_how_far_the_definition_goes(editor: FakeEditor, root: Path) -> None:
    await start(editor, root, {"textDocument": {"definition": {"linkSupport": True}}})
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    (link,) = await ask(editor, "textDocument/definition", uri, 2, 17)
    assert link == {
        "targetUri": (root / "cart.py").as_uri(),
        "targetRange": {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 29}},
        "targetSelectionRange": span(0, 6, 10),
        "originSelectionRange": span(2, 17, 21),
    }


async def test_references_come_with_the_declaration_if_wanted(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    for is_wanted in (True, False):
        context = {"includeDeclaration": is_wanted}
        found = await ask(editor, "textDocument/references", uri, 2, 1, context=context)
        assert {"uri": uri, "range": span(2, 17, 21)} in found
        assert ({"uri": (root / "cart.py").as_uri(), "range": span(0, 6, 10)} in found) is is_wanted


async def test_a_hover_shows_code_as_code_and_words_as_words(editor: FakeEditor, root: Path) -> None:
    await start(editor, root, {"textDocument": {"hover": {"contentFormat": ["markdown", "plaintext"]}}})
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    hover = await ask(editor, "textDocument/hover", uri, 2, 1)
    assert hover["range"] == span(2, 0, 4)
    # A picture in somebody's comment would be fetched from the network.
    assert hover["contents"] == {
        "kind": "markdown",
        "value": "```python\nclass Cart\n```\n\n"
        r"What \*somebody\* \`wants\` \!\[\]\(http://x\)."
        "\n\n`cart.py:1`",
    }


async def test_a_hover_is_plain_where_the_editor_knows_no_markup(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    hover = await ask(editor, "textDocument/hover", uri, 2, 1)
    assert hover["contents"] == {
        "kind": "plaintext",
        "value": "class Cart\nWhat *somebody* `wants` ![](http://x).\ncart.py:1",
    }


async def test_an_outline_is_nested_or_flat_as_the_editor_wants(editor: FakeEditor, root: Path) -> None:
    nested = {"documentSymbol": {"hierarchicalDocumentSymbolSupport": True}}
    await start(editor, root, {"textDocument": nested})
    uri = (root / "main.py").as_uri()
    editor.open("class A:\n    def b(self): pass\n", uri)
    (outer,) = await ask(editor, "textDocument/documentSymbol", uri, 0, 0)
    assert (outer["name"], outer["kind"], [inner["name"] for inner in outer["children"]]) == ("A", 5, ["b"])
    assert outer["children"][0]["selectionRange"] == span(1, 8, 9)


async def test_a_flat_outline_names_what_is_around(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open("class A:\n    def b(self): pass\n", uri)
    found = await ask(editor, "textDocument/documentSymbol", uri, 0, 0)
    assert [(each["name"], each.get("containerName")) for each in found] == [("A", None), ("b", "A")]
    assert found[1]["location"] == {"uri": uri, "range": span(1, 4, 21)}


async def test_an_outline_follows_what_is_typed(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open("def a(): pass\n", uri)
    editor.type(0, 0, "def new(): pass\n", uri)
    found = await ask(editor, "textDocument/documentSymbol", uri, 0, 0)
    assert [each["name"] for each in found] == ["new", "a"]


async def test_an_outline_nested_too_deep_is_cut_not_refused(editor: FakeEditor, root: Path) -> None:
    nested = {"documentSymbol": {"hierarchicalDocumentSymbolSupport": True}}
    await start(editor, root, {"textDocument": nested})
    uri = (root / "main.py").as_uri()
    editor.open("".join(f"{' ' * depth}class A{depth}:\n" for depth in range(90)) + " " * 90 + "pass\n", uri)
    (at,) = await ask(editor, "textDocument/documentSymbol", uri, 0, 0)
    depth, names = 1, {at["name"]}
    while at["children"]:
        names |= {child["name"] for child in at["children"]}
        depth, at = depth + 1, at["children"][0]
    assert depth == 64
    assert len(names) == 90


async def test_symbols_of_the_workspace_are_found_by_a_part_of_the_name(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    editor.request(1, "workspace/symbol", {"query": "car"})
    (found,) = (await editor.reply(1))["result"]
    assert found == {
        "name": "Cart",
        "kind": 5,
        "location": {"uri": (root / "cart.py").as_uri(), "range": span(0, 6, 10)},
    }


async def test_nothing_is_promised_or_answered_unless_somebody_says_so(editor: FakeEditor, root: Path) -> None:
    capabilities = await start(editor, root, options=None)
    assert not PROVIDERS & set(capabilities)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    for method in METHODS - {"workspace/symbol"}:
        context = {"includeDeclaration": True}
        assert await ask(editor, method, uri, 2, 1, context=context) is None
    editor.request(1, "workspace/symbol", {"query": "car"})
    assert (await editor.reply(1))["result"] is None


async def test_an_editor_that_cannot_be_told_later_is_told_at_once(editor: FakeEditor, root: Path) -> None:
    assert set(await start(editor, root)) >= PROVIDERS
    assert not any(message.get("method") == "client/registerCapability" for message in editor.sent)


async def test_languages_of_other_servers_are_left_to_them(editor: FakeEditor, root: Path) -> None:
    write(root, cart_go="package cart\n\nfunc Cart() {}\n")
    capabilities = await start(editor, root, options={"otherServers": ["python"]})
    assert set(capabilities) >= PROVIDERS
    python, go = (root / "main.py").as_uri(), (root / "cart.go").as_uri()
    editor.open(TEXT, python)
    editor.open("package cart\n\nfunc Cart() {}\n", go, "go")
    assert await ask(editor, "textDocument/definition", python, 2, 1) is None
    assert await ask(editor, "textDocument/definition", go, 2, 6) == [{"uri": go, "range": span(2, 5, 9)}]
    editor.request(1, "workspace/symbol", {"query": "cart"})
    assert [each["location"]["uri"] for each in (await editor.reply(1))["result"]] == [go]


async def test_an_editor_that_can_be_told_later_is_told_per_language_and_again_when_that_changes(
    editor: FakeEditor, root: Path
) -> None:
    def sent(method: str) -> list[Any]:
        return [message["params"] for message in editor.sent if message.get("method") == method]

    def registered() -> list[dict[str, Any]]:
        every = [each for params in sent("client/registerCapability") for each in params["registrations"]]
        return [each for each in every if each["method"] in METHODS]

    editor.settings = {"otherServers": ["python"]}
    assert not PROVIDERS & set(await start(editor, root, DYNAMIC, options=ALWAYS))
    await editor.until(lambda: len(registered()) == 5)
    assert {each["method"] for each in registered()} == METHODS
    # What the settings say counts, although `initialize` said something else.
    editor.settings = {"navigation": "auto", "otherServers": ["python"]}
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    await editor.until(lambda: len(registered()) == 10)
    (unregistered,) = sent("client/unregisterCapability")
    assert {each["method"] for each in unregistered["unregisterations"]} == METHODS
    selector = next(each for each in registered()[5:] if each["method"] == "textDocument/hover")
    languages = [each["language"] for each in selector["registerOptions"]["documentSelector"]]
    assert "go" in languages
    assert "python" not in languages
    editor.settings = {"navigation": "never"}
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    await editor.until(lambda: len(sent("client/unregisterCapability")) == 2)
    assert len(registered()) == 10


async def test_a_switched_off_index_starts_no_process_and_answers_nothing(editor: FakeEditor, root: Path) -> None:
    options = {**ALWAYS, "index": {"enabled": False}}
    capabilities = await start(editor, root, options=options)
    assert not PROVIDERS & set(capabilities)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    assert await ask(editor, "textDocument/definition", uri, 0, 18) is None
    assert world(editor).clients.made == []
    assert world(editor).buffers.open_uris == {}


async def test_the_index_can_be_switched_off_and_on_again(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    for is_on, made in ((False, 1), (True, 2)):
        editor.notify("workspace/didChangeConfiguration", {"settings": {"index": {"enabled": is_on}}})
        await editor.until(lambda is_on=is_on: editor.server.options.index_enabled is is_on)
        assert len(world(editor).clients.made) == made
    assert ("stop", []) in world(editor).clients.made[0].calls
    await world(editor).clients.started(2)
    assert await ask(editor, "textDocument/definition", uri, 2, 1) is not None


async def test_workspace_folders_start_and_end_indexes(editor: FakeEditor, root: Path, tmp_path: Path) -> None:
    await start(editor, root)
    more = write(tmp_path / "more", a_py="def added_later(): pass\n")
    added, removed = [{"uri": more.as_uri(), "name": "more"}], [{"uri": root.as_uri(), "name": "project"}]
    event = {"event": {"added": added, "removed": removed}}
    editor.notify("workspace/didChangeWorkspaceFolders", event)
    await world(editor).clients.started(2)
    assert ("stop", []) in world(editor).clients.made[0].calls
    editor.request(1, "workspace/symbol", {"query": "added"})
    assert [each["name"] for each in (await editor.reply(1))["result"]] == ["added_later"]


async def test_saved_documents_and_documents_in_focus_are_told_to_the_index(editor: FakeEditor, root: Path) -> None:
    capabilities = await start(editor, root)
    assert capabilities["textDocumentSync"]["save"] == {"includeText": False}
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    editor.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})
    calls = world(editor).clients.made[0].calls
    assert ("opened", ["main.py"]) in calls
    assert calls[-2:] == [("changed", ["main.py"]), ("prioritise", ["main.py"])]


async def test_a_document_that_is_too_large_is_not_parsed_and_not_asked_about(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open("x = 1\n", uri)
    assert world(editor).buffers.open_uris
    editor.type(0, 0, "y" * 30_000, uri)
    assert world(editor).buffers.open_uris == {}
    assert await ask(editor, "textDocument/definition", uri, 0, 1) is None


async def test_progress_is_shown_for_a_long_build_only(editor: FakeEditor) -> None:
    await editor.initialize({"window": {"workDoneProgress": True}})
    now_s = 100.0
    progress = type(editor.server.index_progress)(editor.server.work, editor.server.protocol.spawn, lambda: now_s)
    project = Folder("file:///w/project", "project", "/w/project")
    # A start that is over within a second shows nothing.
    progress.take(project, Progress(stage=Stage.LISTING))
    now_s += 0.9
    progress.take(project, Progress(stage=Stage.SYMBOLS, files=10, to_parse=5))
    progress.take(project, Progress(stage=Stage.READY, files=10))
    assert editor.notifications("$/progress") == []
    progress.take(project, Progress(stage=Stage.WORDS, files=100, to_read=80))
    now_s += 1.0
    progress.take(project, Progress(stage=Stage.WORDS, files=100, to_read=40))
    await editor.until(lambda: len(editor.notifications("$/progress")) == 2)
    begin, report = (params["value"] for params in editor.notifications("$/progress"))
    assert (begin["title"], begin["cancellable"]) == ("Indexing project", False)
    assert (report["message"], report["percentage"]) == ("words, 60 of 100 files", 10)
    progress.take(project, Progress(stage=Stage.READY, files=100))
    await editor.until(lambda: editor.notifications("$/progress")[-1]["value"]["kind"] == "end")


async def test_percentages_never_go_back(editor: FakeEditor) -> None:
    await editor.initialize({"window": {"workDoneProgress": True}})
    now_s = 0.0

    def clock() -> float:
        nonlocal now_s
        now_s += 1.0
        return now_s

    editor.server.work._monotonic_s = clock
    progress = type(editor.server.index_progress)(editor.server.work, editor.server.protocol.spawn, clock)
    project = Folder("file:///w/project", "project", "/w/project")
    steps = [
        Progress(stage=Stage.LISTING),
        Progress(stage=Stage.WORDS, files=100, to_read=100),
        Progress(stage=Stage.SYMBOLS, files=100, to_parse=50),
        Progress(stage=Stage.SYMBOLS, files=100, to_parse=10),
        Progress(stage=Stage.SYMBOLS, files=300, to_parse=200),
        Progress(stage=Stage.WORDS, files=300, to_read=5, to_parse=200),
    ]
    for number, step in enumerate(steps):
        progress.take(project, step)
        if number:
            await editor.until(lambda number=number: len(editor.notifications("$/progress")) >= number + 1)
    values = [params["value"] for params in editor.notifications("$/progress")][1:]
    percentages = [value["percentage"] for value in values]
    assert percentages == sorted(percentages)
    assert percentages[-1] == 84


async def test_trouble_goes_to_the_editors_log(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    world(editor).clients.troubles[0]("The index cannot be written.")
    (message,) = editor.notifications("window/logMessage")
    assert message == {"type": 2, "message": "The index cannot be written."}


@pytest.mark.parametrize("method", sorted(METHODS - {"workspace/symbol"}))
async def test_odd_questions_have_answers(editor: FakeEditor, root: Path, method: str) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    context = {"includeDeclaration": True}
    assert await ask(editor, method, "file:///not/open.py", 0, 0, context=context) is None
    # Past the end of the document there is no word.
    await ask(editor, method, uri, 10_000, 10_000, context=context)
    editor.request("bad", method, {"textDocument": 5})
    assert (await editor.reply("bad"))["error"]["code"] == -32602


async def test_a_cancelled_question_gets_its_error(editor: FakeEditor, root: Path) -> None:
    await start(editor, root)
    uri = (root / "main.py").as_uri()
    editor.open(TEXT, uri)
    position = {"line": 2, "character": 1}
    editor.request(7, "textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
    editor.notify("$/cancelRequest", {"id": 7})
    assert (await editor.reply(7))["error"]["code"] == -32800
