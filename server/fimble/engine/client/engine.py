"""The engine as the rest of Fimble sees it: one object that is always there, whatever happens to the process.

Connects on first use, starts the process if need be, and starts it again after a crash, at most five times in ten
minutes: an engine that keeps crashing is told to the user, not restarted for ever.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec

from fimble.engine.client.connection import EngineConnection, Reply
from fimble.engine.client.launch import connect_or_start, engine_command
from fimble.engine.messages.frames import (
    Cancelled,
    ClientFrame,
    CountTokens,
    Done,
    EngineFrame,
    EngineStatus,
    Evaluated,
    Failed,
    Generate,
    GetStatus,
    Load,
    Piece,
    Shutdown,
    StateChanged,
    TokenCounts,
)
from fimble.errors import (
    EngineBusy,
    EngineError,
    EngineGone,
    EngineUnavailable,
    ModelRefused,
    RequestCancelled,
    RequestFailed,
)

STARTS_MAX = 5
STARTS_WINDOW_S = 600.0
END_TIMEOUT_S = 10.0


class Engine:
    """Asks the user's engine process."""

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        client: str,
        on_state: Callable[[StateChanged], None] = lambda _: None,
        command: list[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is the runtime folder, `client` names this program in the engine's log."""
        self._folder = folder
        self._model = model
        self._client = client
        self._on_state = on_state
        self._command = command or engine_command(model)
        self._clock = clock
        self._connection: EngineConnection | None = None
        self._connecting = asyncio.Lock()
        self._starts: deque[float] = deque(maxlen=STARTS_MAX)

    async def connect(self) -> EngineConnection:
        """Returns the connection, making one (and starting the engine) if need be.

        Raises:
            EngineUnavailable: the engine cannot be started, or crashed too often.
            EngineRefused: an engine of another build is in use by others.
        """
        async with self._connecting:
            if self._connection is not None and not self._connection.closed.is_set():
                return self._connection
            if self._connection is not None:
                self._count_restart()
                await self._connection.close()
                self._connection = None
            self._connection = await connect_or_start(self._folder, self._command, self._open)
            return self._connection

    async def generate(self, request: Generate) -> AsyncGenerator[Piece | Evaluated | Done, None]:
        """Yields one `Evaluated`, pieces, then one `Done`; closing the generator early cancels the request.

        Raises:
            RequestCancelled: it was superseded, cancelled from elsewhere, or the engine is ending.
            EngineBusy: too many requests are waiting.
            RequestFailed: the engine could not serve it.
            ModelRefused: the model cannot be loaded.
            EngineGone: the engine ended meanwhile.
        """
        connection = await self.connect()
        id = connection.next_id()
        reply = connection.request(id, msgspec.structs.replace(request, id=id))
        has_ended = False
        try:
            while not has_ended:
                frame = await reply.get()
                has_ended = not isinstance(frame, Piece | Evaluated)
                if isinstance(frame, Piece | Evaluated | Done):
                    yield frame
                else:
                    raise _as_error(frame)
        finally:
            connection.forget(reply, cancel=not has_ended)

    async def count_tokens(self, texts: list[str]) -> list[int]:
        """Returns the number of tokens of each text; loads the model if need be."""
        answer = await self._ask(lambda id: CountTokens(id, texts))
        if not isinstance(answer, TokenCounts):
            raise _as_error(answer)
        return answer.counts

    async def load(self) -> EngineStatus:
        """Loads the model if need be, and returns the engine's status."""
        return await self._ask_status(Load)

    async def status(self) -> EngineStatus:
        """Returns the engine's status, without loading the model."""
        return await self._ask_status(GetStatus)

    async def shut_down(self) -> None:
        """Ends the engine's process, if one runs, and waits until it has gone (at most ten seconds).

        Raises:
            EngineError: it does not end.
        """
        await self.close()
        try:
            connection = await self._open()
        except OSError:
            return
        try:
            connection.tell(Shutdown())
            async with asyncio.timeout(END_TIMEOUT_S):
                await connection.closed.wait()
        except TimeoutError as error:
            raise EngineError(f"The engine (pid {connection.welcome.pid}) does not end; kill it.") from error
        finally:
            await connection.close()

    async def close(self) -> None:
        """Disconnects; the engine goes on."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        self._starts.clear()

    async def _open(self) -> EngineConnection:
        return await EngineConnection.open(
            self._folder, client=self._client, model=model_name(self._model), on_state=self._on_state
        )

    async def _ask_status(self, make_frame: Callable[[int], ClientFrame]) -> EngineStatus:
        answer = await self._ask(make_frame)
        if not isinstance(answer, EngineStatus):
            raise _as_error(answer)
        return answer

    async def _ask(self, make_frame: Callable[[int], ClientFrame]) -> EngineFrame:
        connection = await self.connect()
        id = connection.next_id()
        reply: Reply = connection.request(id, make_frame(id))
        try:
            return await reply.get()
        finally:
            connection.forget(reply, cancel=False)

    def _count_restart(self) -> None:
        now = self._clock()
        if len(self._starts) == STARTS_MAX and now - self._starts[0] < STARTS_WINDOW_S:
            raise EngineUnavailable(
                f"The engine ended {STARTS_MAX} times within {STARTS_WINDOW_S / 60:.0f} minutes and stays down; "
                "look at its log (fimble doctor names it), then restart it from the editor."
            )
        self._starts.append(now)


def model_name(model: str) -> str:
    """Returns the name under which an engine runs a model: a file or folder without a card is named like itself."""
    if model.endswith(".gguf"):
        return Path(model).stem
    return Path(model).expanduser().name if "/" in model or model.startswith("~") else model


def _as_error(frame: EngineFrame) -> EngineError | ModelRefused:
    if isinstance(frame, Cancelled):
        return RequestCancelled(f"The request was {frame.reason}.")
    if isinstance(frame, Failed):
        if frame.code == "model":
            return ModelRefused(frame.message)
        return EngineBusy(frame.message) if frame.code == "busy" else RequestFailed(frame.message)
    return EngineGone(f"The engine answered with an unexpected {type(frame).__name__}.")
