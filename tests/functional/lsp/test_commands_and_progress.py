"""Commands, progress, status and feedback."""

import asyncio
from typing import Any

from lsp_fakes import FakeEditor

from fimble.features.acceptance.feedback import Feedback, FeedbackKind
from fimble.lsp.status import Status

PROGRESS = {"window": {"workDoneProgress": True}}


async def ready_editor(**more: Any) -> FakeEditor:
    editor = FakeEditor()
    await editor.initialize(**more)
    editor.open("x = \n")
    return editor


def run(editor: FakeEditor, msg_id: Any, command: str, *arguments: Any) -> None:
    editor.request(
        msg_id, "workspace/executeCommand", {"command": f"fimble.server.{command}", "arguments": list(arguments)}
    )


def told(editor: FakeEditor) -> list[Feedback]:
    """Returns what the editor told of suggestions after it got them."""
    return [feedback for feedback in editor.world.feedback if feedback.kind is not FeedbackKind.OFFERED]


def progress(editor: FakeEditor) -> list[dict[str, Any]]:
    return [params["value"] for params in editor.notifications("$/progress")]


async def test_a_download_shows_progress() -> None:
    editor = await ready_editor(capabilities=PROGRESS)
    run(editor, 1, "downloadModel")
    assert (await editor.reply(1))["result"] is None
    begin, report, end = progress(editor)
    assert begin == {"kind": "begin", "title": "Downloading the model", "cancellable": True}
    assert report == {"kind": "report", "message": "model.gguf", "percentage": 25}
    assert end["kind"] == "end"


async def test_a_download_can_be_cancelled_from_its_progress_and_its_token_is_forgotten() -> None:
    # Pitfalls 3 and 17.
    editor = await ready_editor(capabilities=PROGRESS)
    editor.world.text = "slow download"
    run(editor, 1, "downloadModel")
    await editor.until(lambda: len(progress(editor)) == 2)
    (token,) = editor.server.work.tokens
    for odd in ("unknown", 5, None, token):
        editor.notify("window/workDoneProgress/cancel", {"token": odd})
    assert (await editor.reply(1))["error"]["code"] == -32800
    assert progress(editor)[-1] == {"kind": "end", "message": "cancelled"}
    assert editor.server.work.tokens == ()


async def test_a_command_can_be_cancelled_for_real() -> None:
    editor = await ready_editor(capabilities=PROGRESS)
    editor.world.text = "slow download"
    run(editor, 1, "downloadModel")
    await editor.until(lambda: len(progress(editor)) == 2)
    editor.notify("$/cancelRequest", {"id": 1})
    assert (await editor.reply(1))["error"]["code"] == -32800
    assert progress(editor)[-1]["message"] == "cancelled"


async def test_an_editor_without_progress_is_told_nothing() -> None:
    editor = await ready_editor()
    run(editor, 1, "downloadModel")
    await editor.reply(1)
    assert progress(editor) == []
    assert editor.world.calls[-1] == "download"


async def test_an_editor_that_refuses_a_token_gets_no_progress() -> None:
    editor = await ready_editor(capabilities=PROGRESS)
    editor.is_answering = False
    run(editor, 1, "downloadModel")
    await editor.until(lambda: editor.sent[-1].get("method") == "window/workDoneProgress/create")
    editor.receive({"jsonrpc": "2.0", "id": editor.sent[-1]["id"], "error": {"code": -32603, "message": "no"}})
    assert (await editor.reply(1))["result"] is None
    assert progress(editor) == []


async def test_loading_a_model_shows_progress_until_it_is_there() -> None:
    editor = await ready_editor(capabilities=PROGRESS)
    assert editor.world.on_status is not None
    loading = Status(is_busy=True, message="Loading", loading="some-model")
    editor.world.on_status(loading)
    editor.world.on_status(loading)
    await editor.until(lambda: len(progress(editor)) == 1)
    assert progress(editor)[0] == {"kind": "begin", "title": "Loading some-model", "cancellable": False}
    assert editor.notifications("fimble/status")[-1] == {"busy": True, "kind": "Normal", "message": "Loading"}
    editor.world.on_status(Status())
    await editor.until(lambda: len(progress(editor)) == 2)
    assert progress(editor)[1]["kind"] == "end"


async def test_the_engine_is_restarted_on_request() -> None:
    editor = await ready_editor()
    run(editor, 1, "restartEngine")
    assert (await editor.reply(1))["result"] is None
    assert editor.world.calls[-1] == "restart"


async def test_an_unknown_command_is_refused() -> None:
    editor = await ready_editor()
    run(editor, 1, "unknown")
    assert (await editor.reply(1))["error"]["code"] == -32602


async def test_accepting_a_suggestion_is_passed_on() -> None:
    editor = await ready_editor()
    editor.ask(1, 0, 4)
    (item,) = (await editor.reply(1))["result"]["items"]
    editor.request(
        2,
        "workspace/executeCommand",
        {"command": item["command"]["command"], "arguments": item["command"]["arguments"]},
    )
    assert (await editor.reply(2))["result"] is None
    (feedback,) = told(editor)
    assert (feedback.kind, feedback.accepted_length) == (FeedbackKind.ACCEPTED, 11)
    assert feedback.name == item["command"]["arguments"][0]
    assert feedback.suggestion is not None
    assert feedback.suggestion.text == "suggested()"
    for arguments in ((), (5,), ("unknown",), ({},)):
        run(editor, 3, "acceptedCompletion", *arguments)
    assert told(editor)[-1].suggestion is None


async def test_copilots_notifications_are_understood() -> None:
    editor = await ready_editor(name="Neovim")
    editor.world.text = "😀ok"
    editor.ask(1, 0, 4)
    (item,) = (await editor.reply(1))["result"]["items"]
    editor.notify("textDocument/didShowCompletion", {"item": item})
    # The first character of the suggestion is two units of UTF-16.
    editor.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 2})
    editor.notify("textDocument/didFocus", {"textDocument": {"uri": "file:///w/a.py"}})
    editor.notify("textDocument/didFocus", {})
    shown, partly, focused, nowhere = told(editor)
    assert (shown.kind, shown.suggestion is not None) == (FeedbackKind.SHOWN, True)
    assert (partly.kind, partly.accepted_length) == (FeedbackKind.PARTLY_ACCEPTED, 1)
    assert (focused.kind, focused.uri) == (FeedbackKind.FOCUSED, "file:///w/a.py")
    assert nowhere.uri == ""


async def test_odd_feedback_is_ignored() -> None:
    editor = await ready_editor()
    for method in ("didShowCompletion", "didPartiallyAcceptCompletion", "didFocus"):
        for params in (None, [], [1], {"item": None}, {"item": {"command": {"arguments": []}}}, {"textDocument": 5}):
            editor.notify(f"textDocument/{method}", params)
    await asyncio.sleep(0.01)
    assert editor.notifications("window/logMessage") == []
