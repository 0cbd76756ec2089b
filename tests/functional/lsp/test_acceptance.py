"""What is kept of a session with a real server: from the editor's messages to the database."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lsp_fakes import FakeEditor, FakeWorld

from fimble.features.acceptance.feature import Acceptance
from fimble.features.acceptance.store import Store, StoredRow
from fimble.features.acceptance.writer import Writer
from fimble.lsp.services import Services

URI = "file:///w/a.py"


class CountedWorld(FakeWorld):
    """Counts, with moments that pass quickly."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.acceptance = Acceptance(Writer(path), moments_s=(0.02, 0.04, 0.06))

    def services(self) -> Services:
        return replace(
            super().services(),
            suggest=self.acceptance.watching(self.suggest),
            on_feedback=self.acceptance.take,
            follow_texts=self.acceptance.follow_texts,
            stop=self.acceptance.stop,
        )


class Window:
    """An editor that shows ghost text and accepts it."""

    def __init__(self, editor: FakeEditor, path: Path) -> None:
        self.editor = editor
        self._path = path
        self._numbers = iter(range(1, 1000))
        self._version = 1

    async def ask(self, line: int, character: int, **more: Any) -> Any:
        number = next(self._numbers)
        self.editor.ask(number, line, character, **more)
        result = (await self.editor.reply(number))["result"]
        return result["items"][0] if result["items"] else None

    def type(self, line: int, character: int, text: str) -> None:
        self._version += 1
        self.editor.type(line, character, text, version=self._version)

    async def accept(self, item: Any) -> None:
        number = next(self._numbers)
        command = {"command": item["command"]["command"], "arguments": item["command"]["arguments"]}
        self.editor.request(number, "workspace/executeCommand", command)
        assert (await self.editor.reply(number))["result"] is None

    def tell(self, method: str, **params: Any) -> None:
        self.editor.notify(f"textDocument/{method}", params)

    def has_looked(self) -> bool:
        """Tells whether the last moment has passed for everything that was accepted."""
        store = Store.open(self._path)
        try:
            rows = store.rows(0)
            return bool(rows) and all(row.kept_10_min is not None for row in rows)
        finally:
            store.close()

    async def rows(self) -> list[StoredRow]:
        self.editor.request("shutdown", "shutdown")
        await self.editor.reply("shutdown")
        store = Store.open(self._path)
        try:
            return store.rows(0)
        finally:
            store.close()

    async def counts(self) -> dict[str, int]:
        await self.rows()
        return Store.open(self._path).counts(0)


@pytest.fixture
async def window(tmp_path: Path) -> Window:
    path = tmp_path / "statistics.db"
    editor = FakeEditor(CountedWorld(path))
    await editor.initialize(name="Neovim")
    editor.open("x = \n")
    return Window(editor, path)


async def test_neovim_accepts_with_the_command_alone(window: Window) -> None:
    item = await window.ask(0, 4)
    window.type(0, 4, "suggested()")
    await window.accept(item)
    await window.accept(item)
    (row,) = await window.rows()
    assert (row.characters, row.accepted_characters, row.accepts, row.is_whole) == (11, 11, 1, True)
    assert (row.language, row.trigger, row.is_confirmed) == ("python", "automatic", False)
    assert (row.kept_30_s, row.kept_2_min, row.kept_10_min) == (1.0, 1.0, 1.0)


async def test_a_copilot_client_shows_and_accepts_word_by_word(window: Window) -> None:
    item = await window.ask(0, 4)
    window.tell("didShowCompletion", item=item)
    window.tell("didShowCompletion", item=item)
    window.type(0, 4, "suggested")
    window.tell("didPartiallyAcceptCompletion", item=item, acceptedLength=9)
    window.tell("didPartiallyAcceptCompletion", item=item, acceptedLength=9)
    rest = await window.ask(0, 13)
    assert rest is not None
    window.tell("didPartiallyAcceptCompletion", item=item, acceptedLength=11)
    (first, *others) = await window.rows()
    assert (first.accepted_characters, first.accepts, first.is_whole, first.is_confirmed) == (11, 2, True, True)
    assert others == []


async def test_a_suggestion_that_was_typed_along_counts_once(window: Window) -> None:
    await window.ask(0, 4)
    for number, letter in enumerate("sug"):
        window.editor.world.text = "suggested()"[number + 1 :]
        window.type(0, 4 + number, letter)
        item = await window.ask(0, 5 + number)
    window.type(0, 7, "gested()")
    await window.accept(item)
    (row,) = await window.rows()
    assert (row.characters, row.typed_characters, row.accepted_characters) == (11, 3, 8)


async def test_what_was_typed_while_the_model_wrote_is_not_offered_again(window: Window) -> None:
    window.editor.open("x = #slow\n")
    window.editor.ask("slow", 0, 4)
    window.type(0, 4, "sug")
    (item,) = (await window.editor.reply("slow"))["result"]["items"]
    window.type(0, 7, "gested()")
    await window.accept(item)
    (row,) = await window.rows()
    assert (row.characters, row.accepted_characters, row.is_whole) == (8, 8, True)


async def test_after_a_selected_entry_only_the_suggestion_counts(window: Window) -> None:
    window.editor.open("obj.pr\n")
    entry = {"range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 6}}, "text": "print"}
    item = await window.ask(0, 6, context={"triggerKind": 2, "selectedCompletionInfo": entry})
    assert item["insertText"] == "printsuggested()"
    window.tell("didPartiallyAcceptCompletion", item=item, acceptedLength=len("printsugg"))
    window.tell("didPartiallyAcceptCompletion", item=item, acceptedLength=len("pri"))
    (row,) = await window.rows()
    assert (row.accepted_characters, row.characters) == (4, 11)


async def test_a_manual_question_is_known_as_one(window: Window) -> None:
    await window.ask(0, 4, context={"triggerKind": 1})
    (row,) = await window.rows()
    assert row.trigger == "manual"


async def test_what_is_deleted_is_not_kept(window: Window) -> None:
    item = await window.ask(0, 4)
    window.type(0, 4, "suggested()")
    await window.accept(item)
    window.editor.open("x = other\n")
    await window.editor.until(window.has_looked)
    (row,) = await window.rows()
    assert (row.kept_30_s, row.kept_10_min) == (0.0, 0.0)


async def test_a_closed_document_counts_with_its_last_text(window: Window) -> None:
    item = await window.ask(0, 4)
    window.type(0, 4, "suggested()")
    await window.accept(item)
    window.tell("didClose", textDocument={"uri": URI})
    (row,) = await window.rows()
    assert (row.ending, row.kept_30_s) == ("accepted", 1.0)


async def test_an_entry_of_the_completion_list_is_accepted(tmp_path: Path) -> None:
    editor = FakeEditor(CountedWorld(tmp_path / "statistics.db"))
    await editor.initialize()
    editor.open("x = \n")
    window = Window(editor, tmp_path / "statistics.db")
    item = await window.ask(0, 4, method="textDocument/completion")
    assert item["textEdit"]["newText"] == "suggested()"
    window.type(0, 4, "suggested()")
    await window.accept(item)
    (row,) = await window.rows()
    assert (row.trigger, row.accepted_characters, row.is_whole) == ("listed", 11, True)


async def test_questions_that_were_overtaken_are_counted(window: Window) -> None:
    window.editor.open("#hang\n")
    window.editor.ask("old", 0, 0)
    await window.editor.until(lambda: len(window.editor.world.queries) == 1)
    window.editor.ask("new", 0, 1)
    await window.editor.until(lambda: len(window.editor.world.cancelled) == 1)
    window.editor.world.release.set()
    await window.editor.reply("new")
    window.editor.open("#nothing\n")
    await window.ask(0, 1)
    counts = await window.counts()
    assert {name: counts[name] for name in ("asked", "answered", "cancelled", "empty", "suppressed:confidence")} == {
        "asked": 3,
        "answered": 1,
        "cancelled": 1,
        "empty": 1,
        "suppressed:confidence": 1,
    }


async def test_why_also_knows_ghost_text(window: Window) -> None:
    await window.ask(0, 4)
    window.editor.request("why", "workspace/executeCommand", {"command": "fimble.server.why", "arguments": [URI]})
    result = (await window.editor.reply("why"))["result"]
    assert (result["trigger"], result["suggestion"]["text"]) == ("automatic", "suggested()")
