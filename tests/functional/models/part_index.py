"""Fakes of the outside world: a package index, a model site, and a server that never answers."""

import contextlib
import hashlib
import io
import re
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


def wheel(package: str, members: dict[str, bytes], version: str = "1.0") -> bytes:
    """Builds a wheel that contains `members` besides its metadata."""
    info = f"{package.replace('-', '_')}-{version}.dist-info"
    files = members | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


class Server:
    """An HTTP server on 127.0.0.1 that counts requests and can hold back chosen answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.held: set[str] = set()
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.command, self.path))
                outer.headers.append({key.lower(): value for key, value in self.headers.items()})
                if any(word in self.path for word in outer.held):
                    outer.release.wait(20)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.answer(self)

            do_HEAD = do_GET  # noqa: N815 - the base class calls it by this name.

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        raise NotImplementedError

    def count(self, word: str, method: str = "GET") -> int:
        return sum(method == made and word in path for made, path in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()


class PartIndex(Server):
    """A package index (PEP 503) that offers the wheels it is given, by package."""

    def __init__(self) -> None:
        super().__init__()
        self.wheels: dict[str, bytes] = {}

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if match := re.fullmatch(r"/simple/([^/]+)/", request.path):
            package = match[1]
            if package in self.wheels:
                name = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
                digest = hashlib.sha256(self.wheels[package]).hexdigest()
                page = f'<html><body><a href="/files/{package}/{name}#sha256={digest}">{name}</a></body></html>'
                return self._send(request, 200, page.encode(), "text/html")
        elif match := re.fullmatch(r"/files/([^/]+)/.*", request.path):
            return self._send(request, 200, self.wheels[match[1]], "application/octet-stream")
        return self._send(request, 404, b"", "text/plain")

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)


class ModelSite(Server):
    """A site that offers one file as Hugging Face does, and can be cut off after some bytes of it."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content
        self.etag = hashlib.sha256(content).hexdigest()
        self.cut_after_bytes: int | None = None
        self.is_cut = threading.Event()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        start = 0
        if match := re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", "")):
            start = int(match[1])
        body = self.content[start:]
        request.send_response(206 if start else 200)
        request.send_header("ETag", f'"{self.etag}"')
        request.send_header("X-Repo-Commit", "0" * 40)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            if self.cut_after_bytes is not None:
                request.wfile.write(body[: self.cut_after_bytes])
                request.wfile.flush()
                self.is_cut.set()
                self.release.wait(20)
                return
            request.wfile.write(body)


class BlackHole:
    """A port that accepts connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._socket.close()


def closed_port_url() -> str:
    """Returns an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
