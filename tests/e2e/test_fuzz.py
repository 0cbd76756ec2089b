"""Ten thousand messages that no editor should send; each request among them gets exactly one reply.

`FIMBLE_FUZZ_SEED` repeats a run, and `FIMBLE_FUZZ_MESSAGES` makes it longer.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from .lsp_client import LspClient, Message

FUNCTIONAL = Path(__file__).parents[1] / "functional" / "lsp"
FAKE = [sys.executable, str(FUNCTIONAL / "fake_server.py")]
REAL = [sys.executable, "-m", "fimble", "lsp"]
STOCK = [sys.executable, str(FUNCTIONAL / "stock_server.py")]
MESSAGES = int(os.environ.get("FIMBLE_FUZZ_MESSAGES", "10000"))
PING_EVERY = 200
# A server that is silent for longer hangs.
PING_S_MAX = 10.0

TEXTS = ["", "x = \n", "a\r\nb\rc\n", "😀 = '\u2028'\n\x0cy", "\ud83d", "#slow", "#hang", "#fail", "#broken", "é" * 300]
URIS = ["file:///w/a.py", "file:///w/%F0%9F%98%80.py", "untitled:U-1", "", "not a uri", "file:///w/\ud800", "http://[x"]
CELLS = [f"vscode-notebook-cell:/w/b.ipynb#W{number}" for number in range(4)]
NUMBERS = [0, 1, 2, 3, 7, 99, -1, 2**31 - 1, 2**31, 2**63, -(2**63), 1.5, 3.0, 1e300, None, True, "1", [], {}]
METHODS = [
    "textDocument/inlineCompletion",
    "textDocument/completion",
    "textDocument/hover",
    "textDocument/codeAction",
    "workspace/executeCommand",
    "initialize",
    "fimble/unknown",
    "$/unknown",
    "",
    "\ud800",
]
NOTIFICATIONS = [
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/didSave",
    "notebookDocument/didOpen",
    "notebookDocument/didChange",
    "notebookDocument/didClose",
    "workspace/didChangeConfiguration",
    "workspace/didChangeWorkspaceFolders",
    "window/workDoneProgress/cancel",
    "$/setTrace",
    "$/cancelRequest",
    "$/progress",
    "initialized/again",
    "textDocument/didShowCompletion",
    "textDocument/didPartiallyAcceptCompletion",
    "textDocument/didFocus",
]
COMMANDS = ["acceptedCompletion", "restartEngine", "downloadModel", "unknown"]


class Fuzzer:
    """Makes messages from a seed, and says for each which ids its replies must have."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.count = 0
        self.used: list[Any] = []
        self.kinds: list[Callable[[], tuple[bytes, list[Any]]]] = [
            self.suggestion,
            self.suggestion,
            self.edit,
            self.edit,
            self.open,
            self.notebook,
            self.malformed_request,
            self.malformed_notification,
            self.cancel,
            self.command,
            self.no_json,
            self.no_message,
            self.odd_id,
            self.batch,
            self.nested,
            self.response,
        ]

    def message(self) -> tuple[bytes, list[Any]]:
        self.count += 1
        return self.chance.choice(self.kinds)()

    def suggestion(self) -> tuple[bytes, list[Any]]:
        params: Message = {"textDocument": {"uri": self.uri()}, "position": self.place()}
        if self.chance.random() < 0.8:
            params["context"] = self.pick(
                {"triggerKind": self.number()},
                {},
                None,
                {"triggerKind": 2, "selectedCompletionInfo": {"range": self.range(), "text": self.pick(*TEXTS)}},
            )
        return self.request(self.pick(*METHODS[:2]), params)

    def edit(self) -> tuple[bytes, list[Any]]:
        changes = [
            self.pick({"text": self.text()}, {"range": self.range(), "text": self.text()}, {"range": self.range()}, 5)
            if self.chance.random() < 0.2
            else {"range": self.range(), "text": self.text()}
            for _ in range(self.chance.randrange(4))
        ]
        document = {"uri": self.uri(), "version": self.number()}
        return self.notification("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def open(self) -> tuple[bytes, list[Any]]:
        if self.chance.random() < 0.2:
            return self.notification("textDocument/didClose", {"textDocument": {"uri": self.uri()}})
        return self.notification("textDocument/didOpen", {"textDocument": self.item(self.uri())})

    def notebook(self) -> tuple[bytes, list[Any]]:
        uri = {"uri": "file:///w/b.ipynb", "version": self.number(), "notebookType": "j"}
        cells = [{"kind": self.pick(1, 2, 3, None), "document": self.pick(*CELLS)} for _ in range(3)]
        items = [self.item(self.pick(*CELLS)) for _ in range(2)]
        array = {"start": self.number(), "deleteCount": self.number(), "cells": self.pick(cells, None, [])}
        content = [
            {
                "document": {"uri": self.pick(*CELLS), "version": 2},
                "changes": [{"range": self.range(), "text": self.text()}],
            }
        ]
        return self.pick(
            self.notification(
                "notebookDocument/didOpen", {"notebookDocument": {**uri, "cells": cells}, "cellTextDocuments": items}
            ),
            self.notification(
                "notebookDocument/didChange",
                {"notebookDocument": uri, "change": {"cells": {"structure": {"array": array, "didOpen": items}}}},
            ),
            self.notification(
                "notebookDocument/didChange",
                {"notebookDocument": uri, "change": {"cells": {"textContent": content, "data": cells}}},
            ),
            self.notification(
                "notebookDocument/didClose",
                {"notebookDocument": uri, "cellTextDocuments": [{"uri": self.pick(*CELLS)}]},
            ),
        )

    def malformed_request(self) -> tuple[bytes, list[Any]]:
        return self.request(self.pick(*METHODS), self.junk(3))

    def malformed_notification(self) -> tuple[bytes, list[Any]]:
        return self.notification(self.pick(*NOTIFICATIONS), self.junk(3))

    def cancel(self) -> tuple[bytes, list[Any]]:
        return self.notification("$/cancelRequest", {"id": self.pick(*self.used[-5:], "unknown", None, 1.5, [])})

    def command(self) -> tuple[bytes, list[Any]]:
        arguments = self.pick([], None, ["s1"], [self.junk(2)], [{"jsonrpc": "2.0", "id": 1, "method": "exit"}], "odd")
        return self.request(
            "workspace/executeCommand", {"command": f"fimble.server.{self.pick(*COMMANDS)}", "arguments": arguments}
        )

    def no_json(self) -> tuple[bytes, list[Any]]:
        body = self.pick(
            b"",
            b"{",
            b"\xff\xfe\x00",
            b'{"a":NaN}',
            b"[" * 100_000,
            b'{"jsonrpc":"2.0","id":1,"method":',
            bytes(self.chance.randrange(128, 256) for _ in range(50)),
        )
        return body, [None]

    def no_message(self) -> tuple[bytes, list[Any]]:
        return encoded(
            self.pick(
                5,
                "x",
                None,
                True,
                1e300,
                {},
                {"jsonrpc": "2.0"},
                {"method": "x"},
                {"jsonrpc": "1.0", "method": "x"},
                {"jsonrpc": "2.0", "method": self.pick(None, 5, {})},
            )
        ), [None]

    def odd_id(self) -> tuple[bytes, list[Any]]:
        message = {"jsonrpc": "2.0", "method": self.pick(*METHODS[:5]), "params": self.junk(1)}
        if self.chance.random() < 0.5:
            return encoded({**message, "id": self.pick(None, True, [], {}, [1])}), [None]
        msg_id = self.pick(
            2**70 + self.count, self.count + 0.5, -self.count, f"\ud800{self.count}", "x" * 5000 + str(self.count)
        )
        return encoded({**message, "id": msg_id}), [msg_id]

    def batch(self) -> tuple[bytes, list[Any]]:
        ids = [self.new_id() for _ in range(self.chance.randrange(4))]
        batch: list[Any] = [
            {"jsonrpc": "2.0", "id": msg_id, "method": self.pick(*METHODS), "params": {}} for msg_id in ids
        ]
        batch += self.pick([], [5], [{"jsonrpc": "2.0", "method": "exit"}], [[]])
        self.chance.shuffle(batch)
        return encoded(batch), ids if batch else [None]

    def nested(self) -> tuple[bytes, list[Any]]:
        depth = self.pick(10, 100, 300)
        inner = self.pick('{"a":' * depth + "1" + "}" * depth, "[" * depth + "]" * depth)
        msg_id = self.new_id()
        method = self.pick("workspace/executeCommand", "textDocument/inlineCompletion", "fimble/unknown")
        # Spelled out, because encoding it from objects would be limited to less depth.
        params = f'{{"command":"x","arguments":[{inner}],"context":{inner}}}'
        body = f'{{"jsonrpc":"2.0","id":{json.dumps(msg_id)},"method":"{method}","params":{params}}}'
        return body.encode(), [msg_id]

    def response(self) -> tuple[bytes, list[Any]]:
        msg_id = self.pick("fimble-1", "unknown", 5, None, [], self.new_id())
        return encoded(
            {"jsonrpc": "2.0", "id": msg_id, **self.pick({"result": self.junk(2)}, {"error": self.junk(1)}, {})}
        ), []

    def request(self, method: str, params: Any) -> tuple[bytes, list[Any]]:
        # Now and then two requests that run at the same time share an id.
        msg_id = self.used[-1] if self.used and self.chance.random() < 0.02 else self.new_id()
        self.used.append(msg_id)
        return encoded({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params}), [msg_id]

    def notification(self, method: str, params: Any) -> tuple[bytes, list[Any]]:
        return encoded({"jsonrpc": "2.0", "method": method, "params": params}), []

    def new_id(self) -> Any:
        self.count += 1
        return self.pick(self.count, f"f-{self.count}")

    def pick(self, *choices: Any) -> Any:
        return self.chance.choice(choices)

    def number(self) -> Any:
        return self.chance.choice(NUMBERS[:5]) if self.chance.random() < 0.7 else self.chance.choice(NUMBERS)

    def place(self) -> Any:
        return {"line": self.number(), "character": self.number()} if self.chance.random() < 0.97 else self.junk(1)

    def range(self) -> Any:
        return {"start": self.place(), "end": self.place()}

    def uri(self) -> str:
        return self.pick(*URIS[:2], *CELLS[:1]) if self.chance.random() < 0.7 else self.pick(*URIS)

    def text(self) -> str:
        return "".join(self.pick(*TEXTS) for _ in range(self.chance.randrange(3)))

    def item(self, uri: str) -> Message:
        return {
            "uri": uri,
            "languageId": self.pick("python", "", "rust"),
            "version": self.number(),
            "text": self.text(),
        }

    def junk(self, depth: int) -> Any:
        if depth == 0 or self.chance.random() < 0.3:
            return self.pick(*NUMBERS, *TEXTS, *URIS)
        if self.chance.random() < 0.3:
            return [self.junk(depth - 1) for _ in range(self.chance.randrange(4))]
        names = [
            "textDocument",
            "position",
            "uri",
            "line",
            "character",
            "context",
            "triggerKind",
            "settings",
            "event",
            "jsonrpc",
            "id",
            "method",
            "token",
            "item",
            "class",
            "type_name",
        ]
        return {name: self.junk(depth - 1) for name in self.chance.sample(names, 4)}


def encoded(message: Any) -> bytes:
    return json.dumps(message).encode()


async def run(command: Sequence[str], seed: int, messages: int) -> tuple[Counter[str], Counter[str], float, str]:
    """Returns the replies that were expected and those that came, the slowest ping, and how the server ended."""
    fuzzer, expected = Fuzzer(seed), Counter[str]()
    client = await LspClient.start(command)
    slowest_s = 0.0
    try:
        await client.initialize(capabilities={"workspace": {"configuration": True}})
        client.replies.clear()
        for number in range(messages):
            body, ids = fuzzer.message()
            client.send_body(body)
            expected.update(json.dumps(msg_id) for msg_id in ids)
            if number % PING_EVERY == PING_EVERY - 1:
                slowest_s = max(slowest_s, await ping(client))
        # What still runs is cancelled, so that everything has its reply.
        for key in expected:
            if not client.replies[key]:
                client.cancel(json.loads(key))
        slowest_s = max(slowest_s, await ping(client))
        await settle(client, expected)
        alive = "running" if client.process.returncode is None else f"exit {client.process.returncode}"
    except (TimeoutError, ConnectionError) as error:
        alive = f"gone ({error!r}, exit {client.process.returncode})"
    finally:
        await client.close()
    received = Counter({key: len(replies) for key, replies in client.replies.items() if not key.startswith('"client-')})
    return expected, received, slowest_s, alive


async def ping(client: LspClient) -> float:
    start_s = time.monotonic()
    _, future = client.begin_request("fimble/ping")
    await asyncio.wait_for(future, PING_S_MAX)
    return time.monotonic() - start_s


async def settle(client: LspClient, expected: Counter[str]) -> None:
    deadline_s = time.monotonic() + 3
    while time.monotonic() < deadline_s:
        if all(len(client.replies[key]) >= count for key, count in expected.items()):
            # A second reply would come right behind the first.
            await asyncio.sleep(0.2)
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("command", [FAKE, REAL], ids=["fake services", "the real command with the scripted engine"])
async def test_ten_thousand_odd_messages_cost_no_reply_and_no_server(
    command: list[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.parent / "config.toml").write_text('model = "scripted"\n')
    monkeypatch.setenv("FIMBLE_CONFIG", str(place.parent / "config.toml"))
    seed = int(os.environ.get("FIMBLE_FUZZ_SEED", random.randrange(2**32)))
    print(f"FIMBLE_FUZZ_SEED={seed}")
    expected, received, slowest_s, alive = await run(command, seed, MESSAGES)
    assert alive == "running"
    assert dict(expected - received) == {}, "requests without their reply"
    assert dict(received - expected) == {}, "replies that nobody asked for"
    print(f"{MESSAGES} messages, {expected.total()} replies, slowest ping {slowest_s * 1000:.0f} ms")


async def test_stock_pygls_loses_replies_under_the_same_messages() -> None:
    # The positive control: a server that loses replies is found out.
    expected, received, _, _ = await run(STOCK, 1, 2 * PING_EVERY)
    assert (expected - received).total() > 20
