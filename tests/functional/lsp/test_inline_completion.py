"""Ghost text as the editors' different ways need it."""

import asyncio
from typing import Any

import pytest
from lsp_fakes import FakeEditor


def place(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


async def ready_editor(text: str, name: str = "Visual Studio Code", **more: Any) -> FakeEditor:
    editor = FakeEditor()
    await editor.initialize(name=name, **more)
    editor.open(text)
    return editor


async def items(editor: FakeEditor, msg_id: Any) -> Any:
    result = (await editor.reply(msg_id))["result"]
    return None if result is None else result["items"]


async def test_the_item_begins_at_the_cursor() -> None:
    editor = await ready_editor("a\nx = \n")
    editor.ask(1, 1, 4)
    (item,) = await items(editor, 1)
    assert item["insertText"] == "suggested()"
    assert item["range"] == place(1, 4, 4)
    assert item["command"]["command"] == "fimble.server.acceptedCompletion"


@pytest.mark.parametrize("name", ["Visual Studio Code", "Neovim"])
async def test_what_the_suggestion_replaces_is_in_the_range(name: str) -> None:
    editor = await ready_editor("#replac() #replace", name=name)
    editor.ask(1, 0, 7)
    (item,) = await items(editor, 1)
    assert item["range"] == place(0, 7, 8)


async def test_the_range_stays_on_one_line() -> None:
    editor = await ready_editor("#replace\nnext")
    editor.ask(1, 0, 8)
    (item,) = await items(editor, 1)
    assert item["range"] == place(0, 8, 8)


@pytest.mark.parametrize(
    ("encodings", "agreed", "character"),
    [(None, "utf-16", 3), (["utf-8", "utf-16"], "utf-8", 5), (["utf-32"], "utf-32", 2), (["ebcdic"], "utf-16", 3)],
)
async def test_the_editors_preferred_encoding_counts(encodings: Any, agreed: str, character: int) -> None:
    general = {} if encodings is None else {"general": {"positionEncodings": encodings}}
    editor = FakeEditor()
    answer = await editor.initialize(general)
    assert answer["capabilities"]["positionEncoding"] == agreed
    editor.open("😀=\n")
    editor.ask(1, 0, character)
    (item,) = await items(editor, 1)
    assert editor.world.queries[0].offset == 2
    assert item["range"] == place(0, character, character)


async def test_who_asks_by_a_key_gets_further_texts_to_choose_from() -> None:
    editor = await ready_editor("x = \n")
    editor.ask(1, 0, 4, context={"triggerKind": 1})
    found = await items(editor, 1)
    assert [item["insertText"] for item in found] == ["suggested()", "other0()", "other1()"]
    # Each is known by a name of its own, so that what is accepted counts for what was accepted.
    assert len({item["command"]["arguments"][0] for item in found}) == 3
    editor.ask(2, 0, 4, context={"triggerKind": 2})
    assert [item["insertText"] for item in await items(editor, 2)] == ["suggested()"]


async def test_an_unknown_document_gets_an_empty_list() -> None:
    editor = await ready_editor("")
    editor.ask(1, 0, 0, uri="file:///w/other.py")
    assert await items(editor, 1) == []


async def test_nothing_to_suggest_is_an_empty_list() -> None:
    editor = await ready_editor("#nothing")
    editor.ask(1, 0, 0)
    assert await items(editor, 1) == []


@pytest.mark.parametrize(
    ("text", "kind", "command"),
    [
        ("#fail", "Error", "fimble.server.restartEngine"),
        ("#missing", "Warning", "fimble.server.downloadModel"),
        ("#broken", "Error", "fimble.server.restartEngine"),
    ],
)
async def test_a_failure_is_an_empty_list_and_a_status(text: str, kind: str, command: str) -> None:
    editor = await ready_editor(text)
    editor.ask(1, 0, 0)
    assert await items(editor, 1) == []
    status = editor.notifications("fimble/status")[-1]
    assert (status["kind"], status["command"]["command"]) == (kind, command)
    assert editor.notifications("didChangeStatus")[-1] == status
    count = len(editor.notifications("fimble/status"))
    editor.ask(2, 0, 0)
    await editor.reply(2)
    assert len(editor.notifications("fimble/status")) == count
    assert editor.notifications("window/showMessage") == []
    editor.open("fine")
    editor.ask(3, 0, 0)
    await editor.reply(3)
    assert editor.notifications("fimble/status")[-1]["kind"] == "Normal"


async def test_a_newer_request_for_the_same_document_replaces_the_older_one() -> None:
    editor = await ready_editor("#hang")
    editor.open("other", uri="file:///w/b.py")
    editor.ask(1, 0, 0)
    editor.ask(2, 0, 1)
    editor.ask(3, 0, 1, uri="file:///w/b.py")
    assert await items(editor, 1) is None
    assert len(await items(editor, 3)) == 1
    assert editor.replies(2) == []
    editor.world.release.set()
    assert len(await items(editor, 2)) == 1
    assert len(editor.replies(1)) == 1


async def test_the_replaced_request_is_cancelled_for_real() -> None:
    editor = await ready_editor("#hang")
    editor.ask(1, 0, 0)
    await editor.until(lambda: len(editor.world.queries) == 1)
    editor.ask(2, 0, 1)
    await editor.until(lambda: len(editor.world.cancelled) == 1)
    assert editor.world.cancelled[0].offset == 0


async def test_a_request_sees_the_document_as_it_was_when_it_came() -> None:
    # Pitfall 15: the change is handled before the request's task has begun.
    editor = await ready_editor("x = \n")
    editor.ask(1, 0, 4)
    editor.type(0, 4, "y")
    await editor.reply(1)
    assert editor.world.queries[0].snapshot.text.content == "x = \n"


async def test_a_suggestion_goes_on_after_what_was_typed_along_it() -> None:
    editor = await ready_editor("x = #slow", name="Neovim")
    editor.ask(1, 0, 4)
    editor.type(0, 4, "sug")
    (item,) = await items(editor, 1)
    assert item["insertText"] == "gested()"
    assert item["range"] == place(0, 7, 7)


@pytest.mark.parametrize("typed", ["z", "suggestion"])
async def test_a_suggestion_that_was_typed_against_is_withheld(typed: str) -> None:
    editor = await ready_editor("x = #slow")
    editor.ask(1, 0, 4)
    editor.type(0, 4, typed)
    assert await items(editor, 1) is None


async def test_a_change_elsewhere_withholds_the_suggestion() -> None:
    editor = await ready_editor("x = #slow")
    editor.ask(1, 0, 4)
    editor.type(0, 0, "s")
    assert await items(editor, 1) is None


async def test_a_suggestion_that_was_typed_in_full_is_taken_off_the_screen() -> None:
    editor = await ready_editor("x = #slow")
    editor.ask(1, 0, 4)
    editor.type(0, 4, "suggested()")
    assert await items(editor, 1) == []


async def test_a_document_that_was_closed_gets_no_suggestion() -> None:
    editor = await ready_editor("x = #slow")
    editor.ask(1, 0, 4)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": "file:///w/a.py"}})
    assert await items(editor, 1) is None


async def test_a_selected_entry_is_part_of_the_question_and_the_answer() -> None:
    editor = await ready_editor("obj.pr\n")
    selected = {"range": place(0, 4, 6), "text": "print"}
    editor.ask(1, 0, 6, context={"triggerKind": 2, "selectedCompletionInfo": selected})
    (item,) = await items(editor, 1)
    query = editor.world.queries[0]
    assert (query.snapshot.text.content, query.offset) == ("obj.print\n", 9)
    assert item["insertText"] == "printsuggested()"
    assert item["range"] == place(0, 4, 6)


@pytest.mark.parametrize(
    ("text", "range_"), [("a#replace )", place(0, 0, 1)), ("a#nothing", place(0, 0, 1)), ("abc", place(0, 2, 1))]
)
async def test_a_selected_entry_that_cannot_go_on_gets_an_empty_list(text: str, range_: Any) -> None:
    editor = await ready_editor(text)
    selected = {"range": range_, "text": "x"}
    editor.ask(1, 0, 1, context={"triggerKind": 2, "selectedCompletionInfo": selected})
    assert await items(editor, 1) == []


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"completion": {"enabled": False}}, "x"),
        ({"completion": {"languagesDisabled": ["python"]}}, "x"),
        ({"completion": {"globsDisabled": ["secrets/*"]}}, "x"),
        ({}, "x" * 20_001),
    ],
)
async def test_a_document_without_suggestions_shows_as_inactive_once(settings: Any, text: str) -> None:
    folders = [{"uri": "file:///w", "name": "w"}]
    editor = FakeEditor()
    await editor.initialize(options=settings, workspaceFolders=folders)
    editor.open(text, uri="file:///w/secrets/a.py")
    for number in range(3):
        editor.ask(number, 0, 0, uri="file:///w/secrets/a.py")
        assert await items(editor, number) == []
    inactive = [status for status in editor.notifications("fimble/status") if status["kind"] == "Inactive"]
    assert len(inactive) == 1
    assert editor.world.queries == []


async def test_an_active_document_ends_the_inactive_status() -> None:
    editor = FakeEditor()
    await editor.initialize(options={"completion": {"languagesDisabled": ["python"]}})
    editor.open("x")
    editor.open("x", uri="file:///w/b.rs", language="rust")
    editor.ask(1, 0, 0)
    editor.ask(2, 0, 0, uri="file:///w/b.rs")
    await editor.reply(2)
    assert [status["kind"] for status in editor.notifications("fimble/status")][-2:] == ["Inactive", "Normal"]


async def test_the_question_names_file_repository_and_language() -> None:
    editor = FakeEditor()
    await editor.initialize(workspaceFolders=[{"uri": "file:///w/project", "name": "My Project"}])
    editor.open("x", uri="file:///w/project/src/a.rs", language="rust")
    editor.ask(1, 0, 0, uri="file:///w/project/src/a.rs")
    await editor.reply(1)
    query = editor.world.queries[0]
    assert (query.repository, query.snapshot.path, query.snapshot.language) == ("My Project", "src/a.rs", "rust")


async def test_many_waiting_suggestions_leave_other_requests_quick() -> None:
    # Pitfalls 1 and 6: nothing shares a pool, nothing blocks the loop.
    editor = await ready_editor("")
    for number in range(100):
        editor.open("#hang", uri=f"file:///w/{number}.py")
        editor.ask(number, 0, 0, uri=f"file:///w/{number}.py")
    await editor.until(lambda: len(editor.world.queries) == 100)
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    editor.request("ping", "fimble/unknown")
    await editor.reply("ping")
    assert loop.time() - start_s < 0.5
