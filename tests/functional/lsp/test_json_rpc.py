"""Every request gets exactly one reply, whatever it looks like (pitfalls 3, 4, 7, 8, 9, 19, 20)."""

import asyncio
import json
import logging
from typing import Any

import pytest
from lsp_fakes import FakeEditor

from fimble.lsp.protocol import INBOUND_MAX

INLINE = "textDocument/inlineCompletion"
HERE = {"textDocument": {"uri": "file:///w/a.py"}, "position": {"line": 0, "character": 0}}


async def ready_editor() -> FakeEditor:
    editor = FakeEditor()
    await editor.initialize()
    editor.open("x = \n")
    return editor


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        5,
        "text",
        {},
        {"textDocument": None, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": "file:///w/a.py"}, "position": {"line": -1, "character": 0}},
        {"textDocument": {"uri": "file:///w/a.py"}, "position": {"line": 0, "character": None}},
        {"textDocument": {"uri": "file:///w/a.py"}, "position": [0, 0]},
        {**HERE, "context": {"triggerKind": 2, "selectedCompletionInfo": {"text": 5}}},
    ],
)
async def test_a_request_with_malformed_parameters_gets_one_error_with_its_id(params: Any) -> None:
    editor = await ready_editor()
    editor.request(7, INLINE, params)
    assert (await editor.reply(7))["error"]["code"] == -32602
    assert editor.notifications("window/showMessage") == []


async def test_stock_pygls_loses_the_reply_to_malformed_parameters() -> None:
    # The reason for our own dispatch; when this fails, some of it may go.
    from pygls.lsp.server import LanguageServer

    stock = LanguageServer("stock", "1")
    stock.feature(INLINE)(lambda params: None)
    stock.protocol.writer = StockWriter()
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": INLINE, "params": HERE})
    with pytest.raises(Exception, match="Invalid Params"):
        json.loads(body, object_hook=stock.protocol.structure_message)
    assert stock.protocol.writer.written == []


class StockWriter:
    """Collects what stock pygls writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"triggerKind": 0},
        {"triggerKind": 1},
        {"triggerKind": 2},
        {"triggerKind": 99},
        "odd",
        {"triggerKind": True},
    ],
)
async def test_deviating_trigger_kinds_still_get_a_suggestion(context: Any) -> None:
    editor = await ready_editor()
    editor.request(7, INLINE, {**HERE, "context": context})
    found = (await editor.reply(7))["result"]["items"]
    is_invoked = (
        isinstance(context, dict) and context.get("triggerKind") in (0, 1) and context["triggerKind"] is not True
    )
    assert len(found) == (3 if is_invoked else 1)
    assert editor.world.queries[0].is_manual is is_invoked


async def test_a_missing_context_means_automatic() -> None:
    editor = await ready_editor()
    editor.request(7, INLINE, HERE)
    assert len((await editor.reply(7))["result"]["items"]) == 1
    assert not editor.world.queries[0].is_manual


async def test_positions_beyond_the_largest_number_mean_the_end() -> None:
    editor = await ready_editor()
    editor.request(7, INLINE, {**HERE, "position": {"line": 2**63, "character": 2**32 - 1}})
    await editor.reply(7)
    assert editor.world.queries[0].offset == len("x = \n")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 200_000, b'{"a": "' + b"\\ud800", b"nul"]
)
async def test_what_is_not_json_is_answered_with_a_parse_error_without_id(body: bytes) -> None:
    editor = await ready_editor()
    editor.server.protocol.receive(body)
    (reply,) = editor.replies(None)
    assert reply["error"]["code"] == -32700


@pytest.mark.parametrize(
    "message",
    [
        5,
        "text",
        None,
        True,
        {},
        [],
        {"jsonrpc": "2.0"},
        {"jsonrpc": "1.0", "method": "x"},
        {"jsonrpc": "2.0", "method": 5},
    ],
)
async def test_what_is_no_message_is_answered_without_id(message: Any) -> None:
    editor = await ready_editor()
    editor.receive(message)
    (reply,) = editor.replies(None)
    assert reply["error"]["code"] == -32600


@pytest.mark.parametrize("msg_id", [None, True, [], {}, [5]])
async def test_an_unusable_id_is_answered_with_null(msg_id: Any) -> None:
    editor = await ready_editor()
    editor.request(msg_id, "shutdown")
    (reply,) = editor.replies(None)
    assert reply["error"]["code"] == -32600


@pytest.mark.parametrize("msg_id", [0, -1, 2**70, "", "x" * 1000, "\ud800", 1.5])
async def test_an_id_comes_back_as_it_was(msg_id: Any) -> None:
    editor = await ready_editor()
    editor.request(msg_id, "fimble/unknown")
    assert (await editor.reply(msg_id))["error"]["code"] == (-32600 if type(msg_id) is float else -32601)


async def test_an_infinite_id_is_answered_with_null() -> None:
    editor = await ready_editor()
    editor.server.protocol.receive(b'{"jsonrpc":"2.0","id":1e999,"method":"shutdown"}')
    assert editor.replies(None)[0]["error"]["code"] == -32600


async def test_an_unknown_request_is_refused_and_an_unknown_notification_ignored() -> None:
    editor = await ready_editor()
    count = len(editor.sent)
    editor.request(7, "fimble/unknown", {"class": 1, "_x": 2})
    editor.notify("fimble/unknown", {"class": 1})
    editor.notify("$/unknown")
    assert (await editor.reply(7))["error"]["code"] == -32601
    assert len(editor.sent) == count + 1


async def test_requests_in_a_batch_are_refused_one_by_one() -> None:
    editor = await ready_editor()
    editor.receive(
        [
            {"jsonrpc": "2.0", "id": 7, "method": "shutdown"},
            {"jsonrpc": "2.0", "id": "a", "method": "fimble/unknown"},
            {"jsonrpc": "2.0", "method": "exit"},
            5,
            {"jsonrpc": "2.0", "id": 9, "result": None},
        ]
    )
    assert [reply["id"] for reply in editor.sent[-1]] == [7, "a"]
    assert {reply["error"]["code"] for reply in editor.sent[-1]} == {-32600}
    assert not editor.server.ended.is_set()


async def test_a_batch_without_requests_gets_no_reply() -> None:
    editor = await ready_editor()
    count = len(editor.sent)
    editor.receive([{"jsonrpc": "2.0", "method": "exit"}, 5])
    assert len(editor.sent) == count


async def test_user_data_that_looks_like_a_message_stays_user_data() -> None:
    editor = await ready_editor()
    lookalike = {"jsonrpc": "2.0", "id": 1, "method": "shutdown", "result": {"jsonrpc": "2.0", "id": 2}}
    editor.request(
        7, "workspace/executeCommand", {"command": "fimble.server.acceptedCompletion", "arguments": [lookalike]}
    )
    assert (await editor.reply(7))["result"] is None
    editor.notify(
        "textDocument/didFocus", {"textDocument": {"uri": "u", "class": 1, "jsonrpc": "2.0"}, "type_name": "x"}
    )
    assert editor.world.feedback[-1].uri == "u"


async def test_a_malformed_notification_is_ignored_without_a_popup() -> None:
    editor = await ready_editor()
    count = len(editor.sent)
    editor.notify("textDocument/didChange", {"textDocument": 5})
    editor.notify("textDocument/didChange", None)
    editor.notify("textDocument/didOpen", [])
    editor.type(0, 0, "x", uri="file:///unknown.py")
    editor.notify("textDocument/didClose", {"textDocument": {"uri": "file:///unknown.py"}})
    assert len(editor.sent) == count


async def test_a_cancelled_request_is_answered_once_and_its_work_ends() -> None:
    editor = await ready_editor()
    editor.open("#hang\n")
    editor.ask(7, 0, 0)
    await editor.until(lambda: len(editor.world.queries) == 1)
    editor.notify("$/cancelRequest", {"id": 7})
    editor.notify("$/cancelRequest", {"id": 7})
    assert (await editor.reply(7))["error"]["code"] == -32800
    await editor.until(lambda: len(editor.world.cancelled) == 1)
    editor.notify("$/cancelRequest", {"id": 7})
    await asyncio.sleep(0.02)
    assert len(editor.replies(7)) == 1


async def test_a_request_that_is_cancelled_before_it_began_is_answered_once() -> None:
    editor = await ready_editor()
    editor.ask(7, 0, 0)
    editor.notify("$/cancelRequest", {"id": 7})
    assert (await editor.reply(7))["error"]["code"] == -32800


@pytest.mark.parametrize(
    "params", [None, 5, [], {}, {"id": None}, {"id": [1]}, {"id": 1.5}, {"id": "unknown"}, {"id": True}]
)
async def test_cancelling_what_is_unknown_changes_nothing(params: Any) -> None:
    editor = await ready_editor()
    editor.open("#hang\n")
    editor.ask(1, 0, 0)
    editor.notify("$/cancelRequest", params)
    await asyncio.sleep(0.02)
    assert editor.replies(1) == []


async def test_two_requests_with_the_same_id_both_get_a_reply() -> None:
    editor = await ready_editor()
    editor.open("#slow\n", uri="file:///w/b.py")
    editor.ask(7, 0, 0, uri="file:///w/b.py")
    editor.ask(7, 0, 0)
    editor.ask("7", 0, 0)
    await editor.until(lambda: len(editor.replies(7)) == 2)
    assert len(editor.replies("7")) == 1
    await asyncio.sleep(0.6)
    assert len(editor.replies(7)) == 2


async def test_an_editors_reply_never_ends_a_request_of_its_own() -> None:
    editor = await ready_editor()
    editor.open("#hang\n")
    editor.is_answering = False
    asking = asyncio.ensure_future(editor.server.protocol.ask("workspace/configuration", None, 5.0))
    await asyncio.sleep(0.01)
    ours = editor.sent[-1]["id"]
    editor.ask(5, 0, 0)
    for msg_id in ("nonsense", 5, None, [], {}):
        editor.receive({"jsonrpc": "2.0", "id": msg_id, "result": "wrong"})
    assert editor.replies(5) == []
    # An id of ours that the editor uses for a request of its own is another request all the same.
    editor.request(ours, "fimble/unknown")
    assert editor.replies(ours)[0]["error"]["code"] == -32601
    assert not asking.done()
    editor.receive({"jsonrpc": "2.0", "id": ours, "result": "right"})
    assert await asking == "right"


async def test_an_editor_that_does_not_answer_is_waited_for_only_so_long() -> None:
    from fimble.errors import EditorRefused

    editor = await ready_editor()
    editor.is_answering = False
    with pytest.raises(EditorRefused):
        await editor.server.protocol.ask("workspace/configuration", None, 0.01)
    assert editor.sent[-1]["method"] == "$/cancelRequest"
    editor.receive({"jsonrpc": "2.0", "id": editor.sent[-1]["params"]["id"], "result": 5})


async def test_an_editor_that_answers_with_an_error_or_nonsense_breaks_nothing() -> None:
    from fimble.errors import EditorRefused

    editor = await ready_editor()
    editor.is_answering = False
    for reply in ({"error": {"code": 1, "message": "no"}}, {"error": "odd"}, {"result": 5}):
        future = editor.server.protocol.send_request("workspace/applyEdit")
        editor.receive({"jsonrpc": "2.0", "id": editor.sent[-1]["id"], **reply})
        assert isinstance(future.exception(timeout=1), EditorRefused)


async def test_too_many_waiting_requests_are_refused() -> None:
    editor = await ready_editor()
    editor.world.text = "slow download"
    for number in range(INBOUND_MAX + 3):
        editor.request(number, "workspace/executeCommand", {"command": "fimble.server.downloadModel"})
    refused = [message for message in editor.sent if "error" in message]
    assert [message["error"]["code"] for message in refused] == [-32803] * 3
    editor.world.release.set()
    await editor.until(lambda: bool(editor.replies(0)))


async def test_what_breaks_inside_is_answered_without_traceback_or_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    editor = await ready_editor()

    async def break_later(params: Any) -> None:
        raise ValueError("SECRET")

    def break_now(params: Any) -> None:
        raise ValueError("SECRET")

    def give_nonsense(params: Any) -> object:
        return object()

    for number, handler in enumerate((break_later, break_now, give_nonsense)):
        editor.server.feature(f"test/{number}")(handler)
        editor.request(number, f"test/{number}", {"code": "SECRET"})
        error = (await editor.reply(number))["error"]
        assert error["code"] == -32603
        assert "SECRET" not in json.dumps(error)
        assert "data" not in error
        editor.notify(f"test/{number}", {"code": "SECRET"})
    await asyncio.sleep(0.01)
    assert "SECRET" not in caplog.text
    assert editor.notifications("window/showMessage") == []
    assert len(editor.notifications("window/logMessage")) == 2


async def test_failing_notifications_fill_no_log() -> None:
    editor = await ready_editor()

    def fail(params: Any) -> None:
        raise ValueError

    editor.server.feature("test/fail")(fail)
    for _ in range(500):
        editor.notify("test/fail")
    assert len(editor.notifications("window/logMessage")) == 10


async def test_no_log_of_ours_has_code_in_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="fimble")
    editor = await ready_editor()
    for text in ("#SECRET fine", "#SECRET #broken", "#SECRET #fail"):
        editor.open(text)
        editor.ask(text, 0, 3)
        await editor.reply(text)
    editor.notify("textDocument/didChange", {"SECRET": 1})
    editor.request("bad", INLINE, {"SECRET": "SECRET"})
    editor.server.protocol.receive(b'{"SECRET')
    editor.type(0, 0, "SECRET", uri="file:///SECRET")
    assert "SECRET" not in caplog.text
