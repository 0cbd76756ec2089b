"""Settings by every way in which editors send them."""

from typing import Any

from lsp_fakes import FakeEditor

from fimble.lsp.options import Fallback

PULL = {"workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}}


def did_change(editor: FakeEditor, settings: Any) -> None:
    editor.notify("workspace/didChangeConfiguration", {"settings": settings})


async def test_settings_are_asked_for_before_the_engine_starts() -> None:
    editor = FakeEditor()
    editor.settings = {"model": "some-model", "completion": {"tokensMax": 32}}
    await editor.initialize(PULL)
    assert editor.world.calls == ["configure", "start"]
    assert (editor.world.options[0].model, editor.world.options[0].tokens_max) == ("some-model", 32)
    registration = next(message for message in editor.sent if message.get("method") == "client/registerCapability")
    assert registration["params"]["registrations"][0]["method"] == "workspace/didChangeConfiguration"


async def test_settings_are_asked_for_again_when_they_change() -> None:
    editor = FakeEditor()
    await editor.initialize(PULL)
    editor.settings = {"completion": {"enabled": False}}
    did_change(editor, None)
    await editor.until(lambda: len(editor.world.options) == 2)
    assert not editor.server.options.completion_enabled


async def test_pushed_settings_count_where_the_editor_cannot_be_asked() -> None:
    editor = FakeEditor()
    await editor.initialize()
    did_change(editor, {"fimble": {"completion": {"fallback": "never"}}})
    await editor.until(lambda: len(editor.world.options) == 2)
    assert editor.world.options[-1].fallback is Fallback.NEVER
    assert not any("id" in message and "method" in message for message in editor.sent)


async def test_a_setting_that_is_taken_away_is_as_at_the_start_again() -> None:
    editor = FakeEditor()
    await editor.initialize(options={"completion": {"tokensMax": 5}})
    did_change(editor, {"completion": {"tokensMax": 6}})
    did_change(editor, {})
    await editor.until(lambda: len(editor.world.options) >= 2)
    assert editor.server.options.tokens_max == 5


async def test_all_unusable_settings_are_named_in_one_warning() -> None:
    editor = FakeEditor()
    editor.settings = {
        "model": "../../evil",
        "completion": {"tokensMax": -1, "enabled": "yes", "spelt": 1, "promptTokensMax": 7},
    }
    await editor.initialize(PULL)
    (warning,) = editor.notifications("window/logMessage")
    assert warning["type"] == 2
    for name in ("model", "completion.tokensMax", "completion.enabled", "completion.spelt"):
        assert name in warning["message"]
    assert editor.world.options[0].prompt_tokens_max == 7
    assert editor.world.options[0].model == ""
    assert editor.notifications("window/showMessage") == []


async def test_an_editor_that_refuses_to_answer_gets_the_defaults() -> None:
    editor = FakeEditor()
    editor.is_answering = False
    editor.request("initialize", "initialize", {"processId": None, "capabilities": PULL, "rootUri": None})
    editor.notify("initialized", {})
    for method in ("client/registerCapability", "workspace/configuration"):
        await editor.until(lambda method=method: editor.sent[-1].get("method") == method)
        editor.receive({"jsonrpc": "2.0", "id": editor.sent[-1]["id"], "error": {"code": 1, "message": "no"}})
    await editor.until(lambda: "start" in editor.world.calls)
    assert editor.world.options[0] == editor.server.initial_options


async def test_the_answer_to_an_older_question_does_not_replace_newer_settings() -> None:
    editor = FakeEditor()
    await editor.initialize(PULL)
    editor.is_answering = False
    for _ in range(2):
        did_change(editor, None)
    await editor.until(lambda: sum(message.get("method") == "workspace/configuration" for message in editor.sent) == 3)
    first, second = [message["id"] for message in editor.sent if message.get("method") == "workspace/configuration"][1:]
    editor.receive({"jsonrpc": "2.0", "id": second, "result": [{"completion": {"tokensMax": 2}}]})
    await editor.until(lambda: len(editor.world.options) == 2)
    editor.receive({"jsonrpc": "2.0", "id": first, "result": [{"completion": {"tokensMax": 1}}]})
    did_change(editor, None)
    await editor.until(lambda: editor.sent[-1].get("method") == "workspace/configuration")
    assert editor.server.options.tokens_max == 2


async def test_workspace_folders_come_and_go() -> None:
    editor = FakeEditor()
    await editor.initialize(rootUri="file:///w/old")
    editor.notify(
        "workspace/didChangeWorkspaceFolders",
        {
            "event": {
                "added": [{"uri": "file:///w/new", "name": "New"}],
                "removed": [{"uri": "file:///w/old", "name": ""}],
            }
        },
    )
    assert [folder.name for folder in editor.server.documents.folders] == ["New"]


async def test_an_initialize_with_odd_fields_still_succeeds() -> None:
    editor = FakeEditor()
    answer = await editor.initialize(
        {
            "general": {"positionEncodings": 5},
            "textDocument": [],
            "window": {"workDoneProgress": "yes"},
            "workspace": None,
        },
        name=None,  # type: ignore[arg-type]
        options=[1, 2],
        workspaceFolders=[5, {"uri": 5}, {"uri": "file:///w"}],
        trace="loud",
        rootPath=7,
    )
    assert answer["capabilities"]["positionEncoding"] == "utf-16"
    assert [folder.path for folder in editor.server.documents.folders] == ["/w"]
