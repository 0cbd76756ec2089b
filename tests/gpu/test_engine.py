"""The engine's process on a card: its answers under load, its faults, and the memory that it takes and gives back."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from fimble.bench.engine_place import Place
from fimble.bench.engine_typing import measure_editors
from fimble.bench.nvml import Meter, open_meter
from fimble.bench.sample_code import sample_code
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import Done, Generate, Piece, TextPart, Urgency
from fimble.errors import EngineGone, ModelRefused
from fimble.models.catalogue import find_card
from fimble.models.devices import Device
from fimble.models.fit import gpu_need
from fimble.models.gpu import find_device
from tests.gpu.conftest import MakePlace, Models

CONTEXT = 8192
# For five minutes, as once before a release: FIMBLE_GPU_SECONDS=300.
SECONDS = float(os.environ.get("FIMBLE_GPU_SECONDS", "10"))
PREDICTION_ERROR_MAX = 0.25
GIB = 1 << 30
BALLAST = """
import sys, torch
kept = torch.empty(int(sys.argv[1]), dtype=torch.uint8, device="cuda")
print("there", flush=True)
sys.stdin.read()
"""
SMI = """#!{python}
import subprocess, sys
words = next(word for word in sys.argv if word.startswith("--query-gpu=")).partition("=")[2].split(",")
lines = subprocess.run([{program!r}, *sys.argv[1:]], capture_output=True, text=True, check=True).stdout.splitlines()
for line in lines:
    cells = line.split(", ")
    if "memory.free" in words:
        cells[words.index("memory.free")] = "{free_mib}"
    print(", ".join(cells))
"""


@contextlib.asynccontextmanager
async def client(place: Place) -> AsyncIterator[Engine]:
    engine = place.client("test")
    try:
        yield engine
    finally:
        await engine.close()


def request(text: str, tokens_max: int = 8, **settings: object) -> Generate:
    return Generate(id=0, parts=[TextPart(text)], tokens_max=tokens_max, **settings)  # type: ignore[arg-type]


async def generate(engine: Engine, asked: Generate) -> tuple[str, Done]:
    text = ""
    async with aclosing(engine.generate(asked)) as frames:
        async for frame in frames:
            if isinstance(frame, Piece):
                text += frame.text
            elif isinstance(frame, Done):
                return text, frame
    raise AssertionError("no end")


async def test_eight_requests_at_once_are_all_answered_and_each_alone_writes_the_same(make_place: MakePlace) -> None:
    """Rows of a batch may be rounded otherwise than one alone, so that ties may fall otherwise."""
    async with make_place("--context", str(CONTEXT)) as place, client(place) as engine:
        asked = [request(await sample_code(engine, 100 + 50 * number, number), 32) for number in range(8)]
        alone = [(await generate(engine, each))[0] for each in asked]
        together = [text for text, _ in await asyncio.gather(*(generate(engine, each) for each in asked))]
        same = sum(one == other for one, other in zip(alone, together, strict=True))
    print(f"{same} of 8 texts the same alone and together")
    assert all(together)
    assert same >= 4


async def test_eight_editors_lose_no_reply(make_place: MakePlace) -> None:
    async with make_place("--context", "16384") as place:
        found = await measure_editors(place.client, editors=8, context=512, seconds=SECONDS)
    print(found)
    assert found.lost == 0
    assert found.answered > 0


async def test_a_cancelled_request_frees_the_card_and_the_next_is_served(make_place: MakePlace) -> None:
    async with make_place("--context", str(CONTEXT)) as place, client(place) as engine:
        code = await sample_code(engine, 1500, 1)
        pieces = 0
        async with aclosing(engine.generate(request(code, 1000))) as frames:
            async for frame in frames:
                pieces += isinstance(frame, Piece)
                if pieces == 3:
                    break
        async with asyncio.timeout(30):
            while (await engine.status()).running:
                await asyncio.sleep(0.01)
        _, done = await generate(engine, request(code, 4))
        # What was read before the cancellation is still in the cache.
        assert done.timings.cached_tokens > 1000


async def test_an_urgent_request_does_not_wait_for_a_long_prompt_to_be_read(make_place: MakePlace) -> None:
    async with make_place("--context", "16384") as place, client(place) as engine:
        longest = (await engine.load()).context_tokens
        long = await sample_code(engine, longest - 200, 1)
        short = await sample_code(engine, 100, 2)
        order: list[str] = []

        async def read(name: str, asked: Generate) -> None:
            async with aclosing(engine.generate(asked)) as frames:
                await anext(frames)
                order.append(name)
                async for _ in frames:
                    pass

        reading = asyncio.create_task(read("long", request(long, 2, urgency=Urgency.ACTION)))
        while not (await engine.status()).running:
            pass
        await read("short", request(short, 2, urgency=Urgency.INLINE))
        await reading
    assert order == ["short", "long"]


async def test_killed_in_mid_stream_the_engine_comes_back(make_place: MakePlace) -> None:
    async with make_place("--context", str(CONTEXT)) as place, client(place) as engine:
        pid = (await engine.load()).pid

        async def until_killed() -> None:
            async with aclosing(engine.generate(request("def add(a, b):\n", 1000))) as frames:
                async for frame in frames:
                    if isinstance(frame, Piece):
                        os.kill(pid, signal.SIGKILL)

        with pytest.raises(EngineGone):
            await until_killed()
        text, _ = await generate(engine, request("def add(a, b):\n"))
        assert text
        assert (await engine.status()).pid != pid


async def test_a_draft_model_guesses_ahead_and_what_is_written_stays(make_place: MakePlace, models: Models) -> None:
    texts = []
    for options in ((), ("--draft-model", str(models.fp16))):
        async with make_place("--context", str(CONTEXT), *options) as place, client(place) as engine:
            text, done = await generate(engine, request("import os\n\n\ndef size(path):\n    ", 32))
            texts.append(text)
            assert done.timings.generated_tokens == 32 or done.stop_reason == "stop"
    # Guesses are verified in a batch of rows, so that a tie may fall otherwise.
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    print(f"the same for {same} of {len(texts[0])} characters")
    assert same > len(texts[0]) // 4


async def test_idle_the_engine_ends_and_the_next_request_starts_another(make_place: MakePlace) -> None:
    async with make_place("--context", str(CONTEXT), "--idle-unload", "0.02") as place, client(place) as engine:
        pid = (await engine.load()).pid
        connection = await engine.connect()
        async with asyncio.timeout(60):
            await connection.closed.wait()
        await generate(engine, request("x = 1\n"))
        assert (await engine.status()).pid != pid


@pytest.fixture
def device(card: None) -> Device:
    return find_device(None)


@pytest.fixture
def meter(device: Device) -> Iterator[Meter]:
    with open_meter(device.uuid) as found:
        if found is None or found.used_bytes() is None:
            pytest.skip("the driver's library does not tell how much memory is in use")
        yield found


async def test_the_end_of_an_engine_frees_the_memory_that_was_predicted(
    make_place: MakePlace, models: Models, meter: Meter
) -> None:
    before = meter.used_bytes() or 0
    need = gpu_need(find_card(str(models.fp16)), CONTEXT, "fp16")
    options = ("--context", str(CONTEXT), "--cache", "fp16", "--idle-unload", "0.05")
    async with make_place(*options) as place, client(place) as engine:
        await generate(engine, request(await sample_code(engine, 2000, 1), 32))
        used = (meter.used_bytes() or 0) - before
        connection = await engine.connect()
        async with asyncio.timeout(60):
            await connection.closed.wait()
        deadline = time.monotonic() + 15
        while (left := (meter.used_bytes() or 0) - before) > 0 and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
    error = need.total / used - 1
    print(f"used {used / GIB:.2f} GiB, predicted {need.total / GIB:.2f} ({error:+.1%}); left {left / GIB:.3f}")
    assert abs(error) < PREDICTION_ERROR_MAX
    assert left < 64 << 20


def claim_free(folder: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int) -> None:
    """Puts a program in front of nvidia-smi that says so much memory was free, whatever is."""
    program = shutil.which("nvidia-smi")
    assert program
    script = folder / "nvidia-smi"
    script.write_text(SMI.format(python=sys.executable, program=program, free_mib=free_mib), "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


async def test_a_model_that_does_not_fit_is_refused_before_anything_is_loaded(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claim_free(tmp_path, monkeypatch, 700)
    async with make_place("--context", str(CONTEXT)) as place, client(place) as engine:
        with pytest.raises(ModelRefused, match=r"needs \d+\.\d GiB with .* has 0\.7 of .* GiB free"):
            await engine.load()
        assert (await engine.status()).vram_bytes == 0


async def test_memory_that_runs_out_while_loading_is_told_with_what_fits(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: Device
) -> None:
    """Another program takes the memory after the plan was made: the plan is made from a false claim."""
    ballast = subprocess.Popen(
        [sys.executable, "-c", BALLAST, str(device.free_bytes - 600 * (1 << 20))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert ballast.stdout is not None
        assert ballast.stdout.readline().strip() == b"there"
        claim_free(tmp_path, monkeypatch, 64 * 1024)
        async with make_place("--context", "131072") as place, client(place) as engine:
            with pytest.raises(ModelRefused, match=r"memory is not enough for .*fits"):
                await engine.load()
    finally:
        ballast.kill()
        ballast.wait()
