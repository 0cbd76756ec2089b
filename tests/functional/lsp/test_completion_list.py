"""Suggestions in the ordinary completion list, for editors without ghost text."""

import asyncio
from typing import Any

import pytest
from lsp_fakes import FakeEditor

COMPLETION = "textDocument/completion"


async def ready_editor(text: str, **more: Any) -> FakeEditor:
    editor = FakeEditor()
    await editor.initialize(**more)
    editor.open(text)
    return editor


async def test_a_quick_suggestion_is_one_entry_on_the_cursors_line() -> None:
    labels = {"textDocument": {"completion": {"completionItem": {"labelDetailsSupport": True}}}}
    editor = await ready_editor("x = re\n", capabilities=labels)
    editor.ask(1, 0, 6, method=COMPLETION)
    result = (await editor.reply(1))["result"]
    (item,) = result["items"]
    assert result["isIncomplete"] is True
    assert item["label"] == "resuggested()"
    assert item["labelDetails"] == {"description": "Fimble"}
    assert item["filterText"] == "re"
    assert item["insertTextFormat"] == 1
    assert item["textEdit"] == {
        "range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 6}},
        "newText": "resuggested()",
    }


async def test_a_label_is_short_and_one_line() -> None:
    editor = await ready_editor("")
    editor.world.text = "\n" + "long " * 50 + "\nmore"
    editor.ask(1, 0, 0, method=COMPLETION)
    (item,) = (await editor.reply(1))["result"]["items"]
    assert len(item["label"]) == 60
    assert "\n" not in item["label"]
    assert item["detail"] == "Fimble"


async def test_a_slow_suggestion_is_ready_when_the_editor_asks_again() -> None:
    editor = await ready_editor("x = #slow")
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    editor.ask(1, 0, 4, method=COMPLETION)
    assert (await editor.reply(1))["result"] == {"isIncomplete": True, "items": []}
    assert loop.time() - start_s < 0.4
    editor.ask(2, 0, 4, method=COMPLETION)
    await editor.reply(2)
    assert len(editor.world.queries) == 1
    assert editor.world.cancelled == []
    await asyncio.sleep(0.3)
    editor.ask(3, 0, 4, method=COMPLETION)
    (item,) = (await editor.reply(3))["result"]["items"]
    assert item["textEdit"]["newText"] == "suggested()"
    editor.type(0, 4, "sug")
    editor.ask(4, 0, 7, method=COMPLETION)
    (item,) = (await editor.reply(4))["result"]["items"]
    assert item["textEdit"]["newText"] == "suggested()"
    assert len(editor.world.queries) == 1


async def test_a_request_at_another_place_replaces_the_work() -> None:
    editor = await ready_editor("#hang")
    editor.ask(1, 0, 4, method=COMPLETION)
    await editor.until(lambda: len(editor.world.queries) == 1)
    editor.ask(2, 0, 5, method=COMPLETION)
    assert (await editor.reply(1))["result"] == {"isIncomplete": True, "items": []}
    await editor.until(lambda: len(editor.world.cancelled) == 1)


async def test_a_cancelled_request_ends_the_work() -> None:
    editor = await ready_editor("#hang")
    editor.ask(1, 0, 4, method=COMPLETION)
    await editor.until(lambda: len(editor.world.queries) == 1)
    editor.notify("$/cancelRequest", {"id": 1})
    assert (await editor.reply(1))["error"]["code"] == -32800
    await editor.until(lambda: len(editor.world.cancelled) == 1)


@pytest.mark.parametrize("text", ["#fail", "#broken", "#missing"])
async def test_a_failure_is_an_empty_list(text: str) -> None:
    editor = await ready_editor(text)
    editor.ask(1, 0, 0, method=COMPLETION)
    assert (await editor.reply(1))["result"]["items"] == []


async def test_odd_trigger_kinds_and_contexts_are_tolerated() -> None:
    editor = await ready_editor("x")
    for number, context in enumerate(({"triggerKind": 9}, "odd", {"triggerKind": 2, "triggerCharacter": "."})):
        editor.ask(number, 0, 0, method=COMPLETION, context=context)
        assert "result" in await editor.reply(number)


@pytest.mark.parametrize(
    ("fallback", "has_inline", "expected"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("always", True, True),
        ("never", False, False),
        (None, False, True),
    ],
)
async def test_the_list_is_offered_where_it_is_needed(fallback: Any, has_inline: bool, expected: bool) -> None:
    editor = FakeEditor()
    capabilities = {"textDocument": {"inlineCompletion": {}}} if has_inline else {}
    answer = await editor.initialize(capabilities, options={"completion": {"fallback": fallback}})
    assert ("completionProvider" in answer["capabilities"]) is expected
    assert answer["capabilities"]["inlineCompletionProvider"] == {}
    editor.open("x")
    editor.ask(1, 0, 0, method=COMPLETION)
    assert len((await editor.reply(1))["result"]["items"]) == int(expected)
