"""A small LSP client over a subprocess' stdin and stdout, for tests.

It keeps every reply by its id, so that a test can count them, and answers the server's own requests.
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SERVER_FOLDER = Path(__file__).parents[2] / "server"

Message = dict[str, Any]


class LspError(Exception):
    """The server answered a request with an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data = error.get("data")


class LspClient:
    """Speaks to one language server process.

    `settings` is what the editor answers to workspace/configuration; `answers` are its answers to other
    requests of the server, null where there is none.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.settings: Any = {}
        self.answers: dict[str, Any] = {}
        self.notifications: list[tuple[str, Any]] = []
        self.server_requests: list[tuple[str, Any]] = []
        self.replies: dict[str, list[Message]] = defaultdict(list)
        self.stderr = bytearray()
        self._numbers = 0
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._news = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._read_stderr())]

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str] | None = None) -> "LspClient":
        """Starts the server."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=128 * 1024 * 1024,
            env={**os.environ, "PYTHONPATH": str(SERVER_FOLDER), **(environment or {})},
        )
        return cls(process)

    async def initialize(
        self,
        *,
        capabilities: Message | None = None,
        options: Any = None,
        name: str = "test",
        folders: Sequence[str] = (),
        process_id: int | None = None,
    ) -> Any:
        """Does the handshake and returns the server's answer to `initialize`."""
        result = await self.request(
            "initialize",
            {
                "processId": process_id,
                "clientInfo": {"name": name},
                "rootUri": None,
                "capabilities": capabilities or {},
                "initializationOptions": options,
                "workspaceFolders": [{"uri": uri, "name": uri.rpartition("/")[2]} for uri in folders],
            },
        )
        self.notify("initialized", {})
        return result

    def send(self, message: Any) -> None:
        """Sends one message, whatever it is."""
        self.send_body(json.dumps(message).encode())

    def send_body(self, body: bytes) -> None:
        """Sends one message with its header; the body may be anything."""
        self.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    async def drain(self) -> None:
        """Waits until the server has taken what was sent."""
        assert self.process.stdin is not None
        await self.process.stdin.drain()

    def notify(self, method: str, params: Any = None) -> None:
        """Sends a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin_request(self, method: str, params: Any = None) -> tuple[str, asyncio.Future[Message]]:
        """Sends a request and returns its id and a future of the reply."""
        self._numbers += 1
        msg_id = f"client-{self._numbers}"
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[json.dumps(msg_id)] = future
        self.send({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})
        return msg_id, future

    def cancel(self, msg_id: Any) -> None:
        """Cancels a request."""
        self.notify("$/cancelRequest", {"id": msg_id})

    async def request(self, method: str, params: Any = None, timeout_s: float = 10.0) -> Any:
        """Sends a request and returns its result."""
        _, future = self.begin_request(method, params)
        return result_of(await asyncio.wait_for(future, timeout_s))

    async def wait_for_reply(self, msg_id: Any, timeout_s: float = 10.0) -> Message:
        """Returns the first reply to a request that was sent with `send`."""
        key = json.dumps(msg_id)
        await self.wait_until(lambda: bool(self.replies[key]), timeout_s)
        return self.replies[key][0]

    async def wait_for_notification(
        self, method: str, matches: Callable[[Any], bool] = lambda params: True, timeout_s: float = 10.0
    ) -> Any:
        """Returns the parameters of the first notification of `method` that matches."""

        def found() -> list[Any]:
            return [params for name, params in self.notifications if name == method and matches(params)]

        await self.wait_until(lambda: bool(found()), timeout_s)
        return found()[0]

    async def wait_until(self, is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Waits until a condition on what was received holds."""
        async with asyncio.timeout(timeout_s):
            while not is_true():
                self._news.clear()
                await self._news.wait()

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        """Opens a document."""
        document = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def insert(self, uri: str, line: int, character: int, text: str, version: int) -> None:
        """Types `text` into a document."""
        place = {"line": line, "character": character}
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": version},
                "contentChanges": [{"range": {"start": place, "end": place}, "text": text}],
            },
        )

    async def shut_down(self, timeout_s: float = 10.0) -> int:
        """Ends the server the polite way and returns its exit code."""
        await self.request("shutdown")
        self.notify("exit")
        return await self.wait_for_exit(timeout_s)

    async def wait_for_exit(self, timeout_s: float = 10.0) -> int:
        """Returns the exit code once the server has ended."""
        code = await asyncio.wait_for(self.process.wait(), timeout_s)
        await asyncio.wait(self._tasks, timeout=timeout_s)
        return code

    async def close(self) -> None:
        """Ends the server in whatever state it is."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def _read(self) -> None:
        try:
            await self._read_messages()
        except Exception as error:
            # What is no LSP fails the test at once instead of letting it wait.
            for future in self._waiting.values():
                future.set_exception(error)
            raise

    async def _read_messages(self) -> None:
        reader = self.process.stdout
        assert reader is not None
        while True:
            try:
                header = await reader.readuntil(b"\r\n\r\n")
                assert header.startswith(b"Content-Length: "), f"not LSP: {header[:200]!r}"
                length = int(header.split(b":", 1)[1].split(b"\r\n", 1)[0])
                message = json.loads(await reader.readexactly(length))
            except asyncio.IncompleteReadError:
                return
            for each in message if isinstance(message, list) else [message]:
                self._take(each)
            self._news.set()

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        while chunk := await self.process.stderr.read(65536):
            self.stderr += chunk

    def _take(self, message: Message) -> None:
        if "method" not in message:
            key = json.dumps(message.get("id"))
            self.replies[key].append(message)
            future = self._waiting.pop(key, None)
            if future is not None and not future.done():
                future.set_result(message)
        elif "id" in message:
            self.server_requests.append((message["method"], message.get("params")))
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": self._answer(message)})
        else:
            self.notifications.append((message["method"], message.get("params")))

    def _answer(self, request: Message) -> Any:
        if request["method"] == "workspace/configuration":
            return [self.settings for _ in request["params"]["items"]]
        return self.answers.get(request["method"])


def result_of(reply: Message) -> Any:
    """Returns the result of a reply."""
    if "error" in reply:
        raise LspError(reply["error"])
    return reply["result"]
