"""The engine's socket: takes clients, passes their requests to the scheduler and the worker's frames back.

Runs on the event loop and never waits for the device. Every request that is accepted here is answered exactly once:
by the worker where it ran, and by this module where it was withdrawn, refused or never queued.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from fimble.engine.messages.frames import (
    PROTOCOL_VERSION,
    Cancel,
    Cancelled,
    ClientFrame,
    CountTokens,
    EngineFrame,
    EngineStatus,
    Failed,
    Generate,
    GetStatus,
    Hello,
    Load,
    Ping,
    Pong,
    Refused,
    Shutdown,
    State,
    StateChanged,
    TokenCounts,
    Welcome,
    build,
    decode_client_frame,
    encode,
)
from fimble.engine.messages.socket import LOADING_NAME, check_peer, read_frame
from fimble.engine.process.backends.backend import Backend
from fimble.engine.process.scheduler import Job, Scheduler
from fimble.engine.process.worker import Worker
from fimble.errors import EngineBusy, FimbleError, FrameInvalid, PeerRefused, RequestFailed

logger = logging.getLogger(__name__)

CLIENTS_MAX = 64
QUEUE_MAX = 64
HELLO_TIMEOUT_S = 5.0
# What may wait for a client that does not read; then it is cut off and its requests are cancelled.
UNSENT_BYTES_MAX = 1024 * 1024
LOAD_TIMEOUT_S = 600.0
WORKER_END_TIMEOUT_S = 5.0
TICK_S = 1.0
TELL_TIMEOUT_S = 2.0


@dataclass(eq=False, slots=True)
class Client:
    """One connection after its handshake."""

    number: int
    name: str
    pid: int
    writer: asyncio.StreamWriter


class EngineServer:
    """Serves clients until it is told to stop, or nobody has been there for `exit_idle_s`."""

    def __init__(
        self,
        backend: Backend,
        *,
        folder: Path,
        model: str,
        controls: dict[str, str],
        load_silence_s: float,
        idle_unload_s: float,
        exit_idle_s: float,
        asked_model: str = "",
        notice: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is the runtime folder.

        `load_silence_s` is told to clients: how long loading may keep the process from answering. Where `model`
        stands in for another one that cannot run here, `asked_model` is that one, and `notice` says why.
        """
        self._backend = backend
        self._loading_mark = folder / LOADING_NAME
        self._model = model
        self._asked_model = asked_model or model
        self._notice = notice
        self._load_silence_s = load_silence_s
        self._exit_idle_s = exit_idle_s
        self._clock = clock
        self._scheduler = Scheduler(queue_max=QUEUE_MAX, clock=clock, places=backend.runs_max)
        self._worker = Worker(
            backend, self._scheduler, self, controls=controls, idle_unload_s=idle_unload_s, clock=clock
        )
        self._clients: dict[int, Client] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = 0
        self._started = clock()
        self._last_client = clock()
        self._silent_ticks = 0
        self._stop = asyncio.Event()
        self._state_changed = asyncio.Condition()
        self._loop = asyncio.get_running_loop()
        self.fault = ""

    async def serve(self, listener: asyncio.Server) -> None:
        """Serves on `listener` until stopped; ends with every request answered."""
        self._worker.start()
        try:
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), TICK_S)
                self._watch_loading()
                if not self._clients and self._clock() - self._last_client > self._exit_idle_s:
                    logger.info("nobody connected for %.0f s, ending", self._exit_idle_s)
                    self._stop.set()
        finally:
            # Not `async with`: its end waits for all connections since Python 3.12.1, and we are who closes them.
            listener.close()
            await self._end()

    def want_load(self) -> None:
        """Loads the model once `serve` runs, ahead of the first request."""
        self._worker.want_load()

    def stop(self) -> None:
        """Asks `serve` to end; may be called from a signal handler of the loop."""
        self._stop.set()

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection from its first byte to its last; the first of the engine's two fences."""
        client: Client | None = None
        try:
            check_peer(writer.get_extra_info("socket"))
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                client = await self._shake_hands(reader, writer)
            while client is not None and (body := await read_frame(reader)) is not None:
                self._on_client_frame(client, decode_client_frame(body))
        except (FrameInvalid, PeerRefused, TimeoutError) as error:
            logger.warning("closing a connection: %s", error or type(error).__name__)
        except (ConnectionError, asyncio.CancelledError):
            pass
        except Exception:
            logger.exception("closing a connection after an unexpected error")
        finally:
            if client is not None:
                self._clients.pop(client.number, None)
                self._last_client = self._clock()
                # Nobody is left to hear how these ended.
                self._scheduler.withdraw_all("cancelled", client.number)
            writer.close()

    # What the worker calls, on its own thread.

    def on_frame(self, client: int, frame: EngineFrame) -> None:
        """Passes a frame to its client."""
        self._from_worker(self._send_to, client, frame)

    def on_state(self, state: State, message: str) -> None:
        """Tells all clients; before loading, which may freeze this process, once the bytes are with the kernel."""
        silent_s = self._load_silence_s if state is State.LOADING else 0.0
        if state is State.LOADING:
            self._loading_mark.write_text(f"{time.monotonic() + silent_s:.3f}", "ascii")
        else:
            self._loading_mark.unlink(missing_ok=True)
        telling = self._broadcast(StateChanged(state, message, silent_s))
        try:
            told = asyncio.run_coroutine_threadsafe(telling, self._loop)
        except RuntimeError:
            telling.close()  # The loop has ended, and with it everybody who could be told.
            return
        if state is State.LOADING:
            with contextlib.suppress(TimeoutError):
                told.result(timeout=TELL_TIMEOUT_S)

    def on_idle(self) -> None:
        """Ends the process, which the next request starts again: nothing less frees a device's memory."""
        self._from_worker(self.stop)

    def on_fault(self, message: str) -> None:
        """Ends the process without ceremony: the device's state is unknown (crash-only)."""
        self.fault = message
        logger.error("ending after a backend fault: %s", message)
        logging.shutdown()
        os._exit(70)

    # On the loop.

    def _watch_loading(self) -> None:
        """Ends the process when loading has been silent for too long: a hanging driver lets no thread go.

        Counted in turns of this loop, since a load that holds the interpreter's lock may be slow and yet well.
        """
        silent_s = self._clock() - self._worker.load_heard
        is_silent = self._worker.state is State.LOADING and silent_s > TICK_S
        self._silent_ticks = self._silent_ticks + 1 if is_silent else 0
        if self._silent_ticks * TICK_S > self._load_silence_s:
            self.on_fault(f"Loading the model made no progress for {self._load_silence_s:.0f} s.")

    def _from_worker(self, call: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Client | None:
        body = await read_frame(reader)
        if body is None:
            return None
        hello = decode_client_frame(body)
        if not isinstance(hello, Hello):
            raise FrameInvalid("The first frame is not a Hello.")
        if refused := self._refusal(hello):
            writer.write(encode(refused))
            await writer.drain()
            return None
        self._numbers += 1
        client = Client(self._numbers, hello.client, hello.pid, writer)
        self._clients[client.number] = client
        self._send(client, Welcome(PROTOCOL_VERSION, build(), os.getpid(), self._model))
        silent_s = self._load_silence_s if self._worker.state is State.LOADING else 0.0
        self._send(client, StateChanged(self._worker.state, self._worker.message, silent_s))
        logger.info("client %d is %s, pid %d", client.number, hello.client, hello.pid)
        return client

    def _refusal(self, hello: Hello) -> Refused | None:
        if hello.protocol != PROTOCOL_VERSION or hello.build != build():
            code, message = "build", f"The running engine is Fimble {build()}, this program is {hello.build}."
        elif hello.model and hello.model not in (self._model, self._asked_model) and not self._clients:
            code, message = "model", f"The running engine has the model {self._model}."
        elif len(self._clients) >= CLIENTS_MAX:
            code, message = "clients", f"{CLIENTS_MAX} programs use the engine already; close one of them."
        elif self._stop.is_set():
            code, message = "ending", "The engine is ending; try again."
        else:
            return None
        return Refused(code, message, build(), os.getpid(), len(self._clients))

    def _on_client_frame(self, client: Client, frame: ClientFrame) -> None:
        match frame:
            case Generate():
                self._submit(client, frame)
            case Cancel():
                job = self._scheduler.cancel(client.number, frame.id)
                if job is not None:
                    self._send(client, Cancelled(job.id, "cancelled", job.timings()))
            case CountTokens():
                self._spawn(self._answer(client, frame.id, self._count(frame)))
            case Load():
                self._spawn(self._answer(client, frame.id, self._load(frame)))
            case GetStatus():
                self._send(client, self._status(frame.id))
            case Ping():
                self._send(client, Pong(frame.number))
            case Shutdown():
                logger.info("client %d asks to end", client.number)
                self._stop.set()
            case Hello():
                raise FrameInvalid("A second Hello.")

    def _submit(self, client: Client, frame: Generate) -> None:
        job = Job(
            client=client.number,
            id=frame.id,
            parts=frame.parts,
            tokens_max=frame.tokens_max,
            starts_with=frame.starts_with,
            urgency=frame.urgency,
            supersede_key=frame.supersede_key,
            temperature=frame.temperature,
            seed=frame.seed,
            drafts=frame.drafts,
            version_of=f"{client.number} {frame.version_of}" if frame.version_of else "",
        )
        try:
            superseded = self._scheduler.submit(job)
        except EngineBusy as error:
            self._send(client, Failed(frame.id, "busy", str(error)))
            return
        for other in superseded:
            self._send(client, Cancelled(other.id, "superseded", other.timings()))

    async def _answer(self, client: Client, id: int, answer: Coroutine[Any, Any, EngineFrame]) -> None:
        try:
            frame = await answer
        except FimbleError as error:
            frame = Failed(id, "request", str(error))
        except TimeoutError:
            frame = Failed(id, "timeout", "The model did not load in time; look at the engine's log.")
        self._send(client, frame)

    async def _count(self, frame: CountTokens) -> EngineFrame:
        if failed := await self._loaded(frame.id):
            return failed
        try:
            counts = await asyncio.to_thread(self._lengths, frame.texts)
        except RequestFailed:
            # The model was unloaded at just this moment, for being idle.
            if failed := await self._loaded(frame.id):
                return failed
            counts = await asyncio.to_thread(self._lengths, frame.texts)
        return TokenCounts(frame.id, counts)

    def _lengths(self, texts: list[str]) -> list[int]:
        return [len(self._backend.tokenize(text)) for text in texts]

    async def _load(self, frame: Load) -> EngineFrame:
        return await self._loaded(frame.id) or self._status(frame.id)

    async def _loaded(self, id: int) -> Failed | None:
        """Waits until a model is in memory, loading it if need be; returns the failure if there is one."""
        self._worker.touch()
        if self._worker.state in (State.READY, State.BUSY):
            return None
        if self._worker.may_load:
            attempts = self._worker.load_attempts
            self._worker.want_load()
            async with asyncio.timeout(LOAD_TIMEOUT_S), self._state_changed:
                await self._state_changed.wait_for(lambda: self._worker.load_attempts > attempts)
        if self._worker.state is State.FAILED:
            return Failed(id, "model", self._worker.message)
        return None

    def _status(self, id: int) -> EngineStatus:
        worker = self._worker
        return EngineStatus(
            id=id,
            state=worker.state,
            pid=os.getpid(),
            build=build(),
            backend=self._backend.name,
            model=self._model,
            clients=len(self._clients),
            queued=self._scheduler.queued,
            running=self._scheduler.running,
            context_tokens=self._backend.context_tokens,
            fill_in_middle=bool(worker.controls),
            controls=worker.controls,
            prefill_tps=worker.prefill_tps,
            decode_tps=worker.decode_tps,
            rss_bytes=psutil.Process().memory_info().rss,
            vram_bytes=self._backend.vram_bytes,
            uptime_s=self._clock() - self._started,
            loads=worker.loads,
            message=worker.message or self._notice,
            asked_model=self._asked_model,
            read_tokens={urgency.name.lower(): tokens for urgency, tokens in worker.read_tokens.items()},
            written_tokens=worker.written_tokens,
            ended_jobs=worker.ended_jobs,
        )

    def _send_to(self, number: int, frame: EngineFrame) -> None:
        if (client := self._clients.get(number)) is not None:
            self._send(client, frame)

    def _send(self, client: Client, frame: EngineFrame) -> None:
        if client.writer.is_closing():
            return
        client.writer.write(encode(frame))
        if client.writer.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            logger.warning("client %d does not read; closing its connection", client.number)
            client.writer.transport.abort()

    async def _broadcast(self, frame: StateChanged) -> None:
        for client in tuple(self._clients.values()):
            self._send(client, frame)
        async with self._state_changed:
            self._state_changed.notify_all()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        for job in self._scheduler.withdraw_all("shutdown"):
            self._send_to(job.client, Cancelled(job.id, "shutdown", job.timings()))
        self._worker.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._worker.join), WORKER_END_TIMEOUT_S)
        for task in tuple(self._tasks):
            task.cancel()
        # One turn of the loop, so that what the worker said last is written before the connections close.
        await asyncio.sleep(0)
        for client in tuple(self._clients.values()):
            client.writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(client.writer.wait_closed(), 1.0)
