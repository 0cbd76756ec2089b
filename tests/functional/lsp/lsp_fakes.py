"""The outside world of the language server, faked: suggestions by what the document says, and no engine."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fimble.errors import EngineGone, ModelFileMissing
from fimble.features.acceptance.feedback import Feedback
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.lsp.main import make_server
from fimble.lsp.options import Options
from fimble.lsp.server import FimbleServer
from fimble.lsp.services import OnDownload, OnStatus, Services
from fimble.lsp.status import Status


class FakeWorld:
    """Suggests what the comments in a document ask for.

    `#fail`, `#missing` and `#broken` raise, `#hang` never answers, `#slow` takes half a second, `#nothing`
    suppresses, `#replace` replaces the next character, and everything else gets `suggested()`.
    """

    def __init__(self) -> None:
        self.queries: list[CompletionQuery] = []
        self.cancelled: list[CompletionQuery] = []
        self.options: list[Options] = []
        self.feedback: list[Feedback] = []
        self.calls: list[str] = []
        self.on_status: OnStatus | None = None
        self.text = "suggested()"
        self.release = asyncio.Event()

    def services(self) -> Services:
        return Services(
            suggest=self.suggest,
            start=self.start,
            stop=self.stop,
            configure=self.configure,
            restart_engine=self.restart_engine,
            download_model=self.download_model,
            on_feedback=self.feedback.append,
        )

    async def suggest(self, query: CompletionQuery) -> Suggestion:
        self.queries.append(query)
        text = query.snapshot.text.content
        try:
            if "#hang" in text:
                await self.release.wait()
            if "#slow" in text:
                await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            self.cancelled.append(query)
            raise
        if "#fail" in text:
            raise EngineGone("The engine ended; it starts again with the next request.")
        if "#missing" in text:
            raise ModelFileMissing("The model is not here yet; download it.")
        if "#broken" in text:
            raise ValueError(text)
        if "#nothing" in text:
            return Suggestion(text="", offset=query.offset, suppressed_by="confidence")
        length = 1 if "#replace" in text else 0
        others = (Suggestion(text=f"other{number}()", offset=query.offset) for number in range(query.alternatives))
        return Suggestion(text=self.text, offset=query.offset, replace_length=length, alternatives=tuple(others))

    async def start(self, on_status: OnStatus) -> None:
        self.calls.append("start")
        print("a stray line", flush=True)
        self.on_status = on_status
        on_status(Status(message="ready"))

    async def stop(self) -> None:
        self.calls.append("stop")

    async def configure(self, options: Options) -> None:
        self.calls.append("configure")
        self.options.append(options)

    async def restart_engine(self) -> None:
        self.calls.append("restart")

    async def download_model(self, on_download: OnDownload) -> None:
        self.calls.append("download")
        on_download("model.gguf", 50, 200)
        if self.text == "slow download":
            await self.release.wait()


class FakeEditor:
    """The other end of a server in the same process: keeps what the server sends, and answers what it asks."""

    def __init__(self, world: FakeWorld | None = None) -> None:
        self.world = world or FakeWorld()
        self.server: FimbleServer = make_server(self.world.services())
        self.server.protocol.outbound = self
        self.sent: list[Any] = []
        self.settings: Any = {}
        self.is_answering = True

    def write(self, data: bytes) -> None:
        message = json.loads(data.split(b"\r\n\r\n", 1)[1])
        self.sent.append(message)
        if self.is_answering and isinstance(message, dict) and "id" in message and "method" in message:
            result = [self.settings] if message["method"] == "workspace/configuration" else None
            self.receive({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def offer(self, data: bytes, key: str) -> None:
        self.write(data)

    def receive(self, message: Any) -> None:
        self.server.protocol.receive(json.dumps(message).encode())

    def notify(self, method: str, params: Any = None) -> None:
        self.receive({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, msg_id: Any, method: str, params: Any = None) -> None:
        self.receive({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})

    def replies(self, msg_id: Any) -> list[Any]:
        flat = [each for message in self.sent for each in (message if isinstance(message, list) else [message])]
        return [
            message
            for message in flat
            if "method" not in message and message["id"] == msg_id and type(message["id"]) is type(msg_id)
        ]

    def notifications(self, method: str) -> list[Any]:
        return [
            message["params"] for message in self.sent if isinstance(message, dict) and message.get("method") == method
        ]

    async def reply(self, msg_id: Any) -> Any:
        await self.until(lambda: bool(self.replies(msg_id)))
        (only,) = self.replies(msg_id)
        return only

    async def until(self, is_true: Callable[[], bool], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_true():
                await asyncio.sleep(0.005)

    async def initialize(
        self, capabilities: Any = None, *, name: str = "test", options: Any = None, **more: Any
    ) -> Any:
        params = {
            "processId": None,
            "clientInfo": {"name": name},
            "capabilities": capabilities or {},
            "initializationOptions": options,
            **more,
        }
        self.request("initialize", "initialize", params)
        self.notify("initialized", {})
        await self.until(lambda: "start" in self.world.calls)
        return (await self.reply("initialize"))["result"]

    def open(self, text: str, uri: str = "file:///w/a.py", language: str = "python") -> None:
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def type(self, line: int, character: int, text: str, uri: str = "file:///w/a.py", version: int = 2) -> None:
        place = {"line": line, "character": character}
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": version},
                "contentChanges": [{"range": {"start": place, "end": place}, "text": text}],
            },
        )

    def ask(
        self,
        msg_id: Any,
        line: int,
        character: int,
        *,
        uri: str = "file:///w/a.py",
        context: Any = None,
        method: str = "textDocument/inlineCompletion",
    ) -> None:
        self.request(
            msg_id,
            method,
            {
                "textDocument": {"uri": uri},
                "position": {"line": line, "character": character},
                "context": context or {"triggerKind": 2},
            },
        )
