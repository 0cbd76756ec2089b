"""One connection to the engine: requests out, replies to whom they belong, and a watch on the engine's pulse.

A stopped process, or a driver call that never returns, never closes its socket. So the engine is pinged; one that
says nothing for too long is killed, which frees its memory and lets the next request start a new one.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fimble.engine.messages.frames import (
    FRAME_BYTES_MAX,
    PROTOCOL_VERSION,
    Cancel,
    ClientFrame,
    EngineFrame,
    Hello,
    Ping,
    Pong,
    Refused,
    State,
    StateChanged,
    Welcome,
    build,
    decode_engine_frame,
    encode,
)
from fimble.engine.messages.socket import connect, peer_of, read_frame, silent_until
from fimble.errors import EngineGone, EngineRefused, FrameInvalid

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 2.0
HANDSHAKE_TIMEOUT_S = 5.0
PING_INTERVAL_S = 1.0
# Declared dead after this silence; with the ping's interval that is within 5 s of the moment it stopped.
SILENCE_S_MAX = 3.5
# What may wait for an engine that does not read.
UNSENT_BYTES_MAX = 16 * 1024 * 1024


class OtherEngine(EngineRefused):
    """The running engine is of another build or has another model; `pid` is its process, `clients` who else uses it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.pid = refused.pid
        self.clients = refused.clients


class Reply:
    """The frames that answer one request; the last of them is an end, or `EngineGone`."""

    def __init__(self, id: int) -> None:
        self.id = id
        # The engine writes at most one frame per token that was asked for, which bounds this queue.
        self._frames: asyncio.Queue[EngineFrame | EngineGone] = asyncio.Queue()

    def put(self, frame: EngineFrame | EngineGone) -> None:
        """Adds a frame."""
        self._frames.put_nowait(frame)

    async def get(self) -> EngineFrame:
        """Waits for the next frame; the connection's watch on the engine bounds the wait.

        Raises:
            EngineGone: the engine ended or fell silent.
        """
        frame = await self._frames.get()
        if isinstance(frame, EngineGone):
            self._frames.put_nowait(frame)
            raise frame
        return frame


class EngineConnection:
    """A connection after its handshake. Create it with `open`, end it with `close`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        welcome: Welcome,
        on_state: Callable[[StateChanged], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_state = on_state
        self._ids = itertools.count(1)
        self._replies: dict[int, Reply] = {}
        self._heard = time.monotonic()
        self._silence_s_max = SILENCE_S_MAX
        self._gone: EngineGone | None = None
        self.welcome = welcome
        self.closed = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]

    @classmethod
    async def open(
        cls, folder: Path, *, client: str, model: str, on_state: Callable[[StateChanged], None]
    ) -> "EngineConnection":
        """Connects to the engine whose socket is in `folder`.

        Raises:
            OSError: no engine listens there, or it ended just now.
            OtherEngine: an engine of another build, or an unused one with another model, listens there.
            EngineRefused: the engine declines for another reason.
            PeerRefused: the listener belongs to another user; nothing was sent to it.
        """
        sock = await asyncio.to_thread(connect, folder, CONNECT_TIMEOUT_S)
        pid, _ = peer_of(sock)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=FRAME_BYTES_MAX)
        patience_s = max(HANDSHAKE_TIMEOUT_S, silent_until(folder) - time.monotonic())
        try:
            async with asyncio.timeout(patience_s):
                writer.write(encode(Hello(PROTOCOL_VERSION, build(), client, os.getpid(), model)))
                body = await read_frame(reader)
            answer = decode_engine_frame(body) if body is not None else None
        except TimeoutError as error:
            writer.close()
            kill_engine(pid)
            raise ConnectionResetError("the engine did not answer and was killed") from error
        except BaseException:
            writer.close()
            raise
        except FrameInvalid as error:
            writer.close()
            raise EngineRefused(f"What listens on the engine's socket is no engine: {error}") from error
        if isinstance(answer, Welcome):
            return cls(reader, writer, answer, on_state)
        writer.close()
        if isinstance(answer, Refused) and answer.code != "ending":
            raise OtherEngine(answer) if answer.code in ("build", "model") else EngineRefused(answer.message)
        raise ConnectionResetError("the engine was ending")

    def next_id(self) -> int:
        """Returns an id for a request."""
        return next(self._ids)

    def request(self, id: int, frame: ClientFrame) -> Reply:
        """Sends a request and returns where its answers arrive.

        Raises:
            EngineGone: the connection has ended.
        """
        if self._gone is not None:
            raise self._gone
        reply = self._replies[id] = Reply(id)
        self._send(frame)
        return reply

    def forget(self, reply: Reply, *, cancel: bool) -> None:
        """Ends the interest in a reply; `cancel` tells the engine as well."""
        if self._replies.pop(reply.id, None) is not None and cancel and self._gone is None:
            self._send(Cancel(reply.id))

    def tell(self, frame: ClientFrame) -> None:
        """Sends a frame that has no answer."""
        if self._gone is None:
            self._send(frame)

    async def close(self) -> None:
        """Ends the connection; whoever waits for a reply gets `EngineGone`."""
        self._lose("the connection was closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self, frame: ClientFrame) -> None:
        self._writer.write(encode(frame))
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self._lose("the engine does not read")

    async def _read(self) -> None:
        reason = "the engine ended"
        try:
            while (body := await read_frame(self._reader)) is not None:
                self._heard = time.monotonic()
                self._on_frame(decode_engine_frame(body))
        except (FrameInvalid, ConnectionError) as error:
            reason = f"the connection broke: {error}"
        self._lose(reason)

    def _on_frame(self, frame: EngineFrame) -> None:
        if isinstance(frame, StateChanged):
            self._silence_s_max = max(SILENCE_S_MAX, frame.silent_s_max)
            if frame.state is not State.LOADING:
                self._silence_s_max = SILENCE_S_MAX
            self._on_state(frame)
        elif isinstance(frame, Pong | Welcome | Refused):
            pass
        elif (reply := self._replies.get(frame.id)) is not None:
            reply.put(frame)

    async def _watch(self) -> None:
        for number in itertools.count():
            self.tell(Ping(number))
            slept_from = time.monotonic()
            await asyncio.sleep(PING_INTERVAL_S)
            now = time.monotonic()
            if now - slept_from > 2 * PING_INTERVAL_S:
                # It was this process that did not run (suspended, or starved): what the engine said meanwhile
                # is still unread, so that its silence is not known to be one.
                self._heard = now
            if now - self._heard > self._silence_s_max:
                kill_engine(self.welcome.pid)
                self._lose("the engine stopped answering")
                return

    def _lose(self, reason: str) -> None:
        if self._gone is None:
            self._gone = EngineGone(f"The engine is gone ({reason}); the next request starts it again.")
            for reply in self._replies.values():
                reply.put(self._gone)
            self._replies.clear()
            self._writer.close()
            self.closed.set()


def kill_engine(pid: int) -> None:
    """Ends an engine that does not answer; a stopped process takes no other signal."""
    logger.warning("the engine (pid %d) does not answer, killing it", pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
