"""Clients of the scripted engine, which the first of them starts as in real life."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from fimble.engine.client.engine import Engine

MakeEngine = Callable[..., Engine]


@pytest.fixture
async def make_engine(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeEngine]:
    """Makes clients of the scripted engine; `script` is what the engine writes, see the scripted backend."""
    engines: list[Engine] = []

    def make(script: dict[str, object] | None = None, *options: str) -> Engine:
        if script is not None:
            file = tmp_path / "script.json"
            file.write_bytes(msgspec.json.encode(script))
            monkeypatch.setenv("FIMBLE_SCRIPT", str(file))
        command = [sys.executable, "-m", "fimble", "engine", "run", "--model", "scripted", *options]
        engine = Engine(place, model="scripted", client="test", command=command)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        await engine.close()
