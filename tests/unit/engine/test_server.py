"""What the engine's server does by itself: watching a load that hangs."""

import asyncio
import threading
from pathlib import Path

import pytest

from fimble.engine.messages.frames import State
from fimble.engine.process.backends.backend import LoadProgress
from fimble.engine.process.backends.scripted import Script, ScriptedBackend
from fimble.engine.process.server import EngineServer


class HangingBackend(ScriptedBackend):
    """Says something `words` times in a while, then hangs as a driver may, until the test is over."""

    def __init__(self, words: int) -> None:
        super().__init__(Script())
        self.words = words
        self.over = threading.Event()

    def load(self, progress: LoadProgress) -> None:
        for word in range(self.words):
            progress(f"{word}")
            self.over.wait(0.5)
        self.over.wait()


class WatchedServer(EngineServer):
    """Notes a fault rather than end the test's process."""

    def on_fault(self, message: str) -> None:
        self.fault = self.fault or message
        self.stop()


async def serve(backend: HangingBackend, place: Path, seconds: float) -> str:
    server = WatchedServer(
        backend, folder=place, model="m", controls={}, load_silence_s=1.5, idle_unload_s=1e9, exit_idle_s=1e9
    )
    listener = await asyncio.start_unix_server(server.on_connection, place / "test.sock")
    server.want_load()
    serving = asyncio.ensure_future(server.serve(listener))
    await asyncio.wait([serving], timeout=seconds)
    assert server._worker.state is State.LOADING
    backend.over.set()
    server.stop()
    await serving
    return server.fault


@pytest.mark.parametrize(("words", "is_ended"), [(1, True), (100, False)])
async def test_a_load_that_says_nothing_for_too_long_is_a_fault(words: int, is_ended: bool, place: Path) -> None:
    fault = await serve(HangingBackend(words), place, seconds=6)
    assert fault == ("Loading the model made no progress for 2 s." if is_ended else "")
