"""Grades programs in a sandboxed child: `async with Sandbox() as sandbox: verdict = await sandbox.grade(...)`."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

import fimble
from fimble.bench.sandbox.confinement import Limits
from fimble.bench.sandbox.pipes import frame
from fimble.errors import FimbleError

ALL_LAYERS: Final = ("own-processes", "no-network", "read-only-files", "forbidden-calls", "forbidden-events", "limits")
_WITHOUT: Final = {
    "own-processes": "processes that an answer starts are ended by name only",
    "no-network": "the network is barred by the interpreter's own list of forbidden things only",
    "read-only-files": "files outside of its folder are protected by that list only",
    "forbidden-calls": "no system call is forbidden",
}
_START_TIMEOUT_S: Final = 20.0
_MARGIN_S: Final = 10.0
# The package is put in front of the path for as long as the child's own modules load, and hidden from answers then.
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv[2]); from fimble.bench.sandbox.warden import main; "
    "del sys.path[0]; main(sys.argv[1])"
)


class SandboxFailed(FimbleError):
    """The child that runs untrusted code does not start, or does not answer."""


class Verdict(msgspec.Struct, frozen=True):
    """How a program fared.

    `outcome` is `passed`, `wrong` (a value differs), `raised` (an error of the answer's, one of syntax included),
    `timeout`, `forbidden` (it tried what answers must not do), `gone` (it ended itself), or `lost` (no verdict came).
    """

    outcome: str
    words: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all tests passed."""
        return self.outcome == "passed"


class _Hello(msgspec.Struct, frozen=True):
    layers: list[str]


class Sandbox:
    """One warm child, which grades one program at a time and is started again where it is lost."""

    def __init__(self, limits: Limits | None = None, temporary: Path | None = None) -> None:
        """The child's own folder is made in the folder `temporary`, or in the system's."""
        self._temporary = temporary
        self._limits = limits or Limits()
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.layers: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What this system does not shut in as well as Linux can, a few words each."""
        return tuple(words for layer, words in _WITHOUT.items() if layer not in self.layers)

    @property
    def pid(self) -> int | None:
        """The child's process id, while it runs."""
        return self._process.pid if self._process is not None else None

    async def grade(self, program: str, test: str, entry_point: str) -> Verdict:
        """Runs `program`, then the function `check` of `test` on its function `entry_point`.

        Raises:
            SandboxFailed: the child does not start.
        """
        if self._process is None:
            await self._start()
        task = {"program": program, "limits": asdict(self._limits)}
        try:
            self._send(frame(msgspec.json.encode(task)))
            self._send(frame(msgspec.json.encode({"test": test, "entry_point": entry_point})))
            verdict = msgspec.json.decode(await self._receive(self._limits.wall_s + _MARGIN_S), type=Verdict)
        except (SandboxFailed, UnicodeEncodeError, ValueError) as error:
            await self._end()
            return Verdict("lost", str(error)[:200])
        if verdict.outcome == "lost":
            # A judge that ended early may have left its half of the conversation unread.
            await self._end()
        return verdict

    async def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fimble-sandbox-", dir=self._temporary)
        package = str(Path(fimble.__file__).parent.parent)
        # -P, -s, -S, -B: the standard library alone, and nothing written. A fixed hash seed, so that an answer whose
        # result depends on the order of a set fares alike each time.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-s", "-S", "-B", "-c", _START, self._folder.name, package),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            cwd="/",
            start_new_session=True,
        )
        try:
            hello = msgspec.json.decode(await self._receive(_START_TIMEOUT_S), type=_Hello)
        except BaseException:
            await self._end()
            raise
        self.layers = tuple(hello.layers)

    def _send(self, words: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None  # noqa: S101, PT018 - it was started.
        self._process.stdin.write(words)

    async def _receive(self, timeout_s: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101, PT018 - as above.
        try:
            async with asyncio.timeout(timeout_s):
                header = await self._process.stdout.readexactly(4)
                return await self._process.stdout.readexactly(int.from_bytes(header, "big"))
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            raise SandboxFailed(
                "The child that runs untrusted code does not answer; try again, and look at the limits of this user."
            ) from error

    async def _end(self) -> None:
        """Ends the child, and with it all that it has started."""
        process, self._process = self._process, None
        if process is not None:
            # It leads a group of its own, to which the inner process belongs too.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
