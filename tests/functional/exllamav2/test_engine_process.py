"""The whole engine with a tiny model in ExLlamaV2: its process, its socket, the memory plan, the lock on the card.

The card is a program that answers like NVIDIA's, and the compiled extension has a stand-in; all else is real.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from fimble import folders
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import Done, Generate, Piece, State, TextPart
from fimble.errors import EngineGone, ModelRefused
from tests.exllamav2_cpu import FOLDER, import_exllamav2

import_exllamav2()

from tests.exllamav2_cpu import tiny_model  # noqa: E402 - imports torch.

MakeEngine = Callable[..., Engine]
SMI = """#!{python}
import sys
fields = next(word for word in sys.argv if word.startswith("--query-gpu=")).partition("=")[2].split(",")
card = {{"index": "0", "uuid": "{uuid}", "driver_version": "580.65", "compute_cap": "9.0", "name": "Test Card",
        "memory.total": "{total}", "memory.free": "{free}"}}
print(", ".join(card[field] for field in fields))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model.write(folder)
    return folder


@pytest.fixture
async def make_engine(
    place: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeEngine]:
    """Makes clients of an engine with the tiny model; `free_mib` is what the card has free."""
    engines: list[Engine] = []

    def make(*options: str, folder: Path = place, name: Path = model, free_mib: int = 8000) -> Engine:
        programs = tmp_path / "programs"
        programs.mkdir(exist_ok=True)
        script = programs / "nvidia-smi"
        # A lock on a card holds for the whole machine: these tests take a card of their own.
        uuid = f"GPU-test-{os.getpid()}"
        script.write_text(SMI.format(python=sys.executable, uuid=uuid, total=8192, free=free_mib), "utf-8")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", str(FOLDER))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        command = [sys.executable, "-m", "fimble", "engine", "run", "--model", str(name), *options]
        engine = Engine(folder, model=str(name), client="test", command=command)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        await engine.shut_down()


def request(text: str = "def add(a, b):\n    return a", tokens_max: int = 8, **settings: object) -> Generate:
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


async def test_a_folder_is_loaded_and_writes(make_engine: MakeEngine) -> None:
    engine = make_engine("--context", "2048")
    text, done = await generate(engine, request())
    assert text
    status = await engine.status()
    assert (status.backend, status.model, status.state, status.loads) == ("exllamav2", "tiny", State.READY, 1)
    assert status.context_tokens == 2048 - 256
    again, second = await generate(engine, request())
    assert again == text
    assert second.timings.cached_tokens == done.timings.prompt_tokens - 1


async def test_eight_requests_at_once_write_what_each_writes_alone(make_engine: MakeEngine) -> None:
    engine = make_engine()
    asked = [request(f"x{number} = " * (number + 3), 12) for number in range(8)]
    alone = [(await generate(engine, each))[0] for each in asked]
    together = await asyncio.gather(*(generate(engine, each) for each in asked))
    assert [text for text, _ in together] == alone


async def test_a_card_that_another_engine_uses_is_not_fought_for(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_engine()
    pid = (await first.load()).pid
    with tempfile.TemporaryDirectory(prefix="fimble-") as elsewhere:
        monkeypatch.setenv("XDG_RUNTIME_DIR", elsewhere)
        second = make_engine(folder=folders.make_private(folders.runtime_folder()))
        with pytest.raises(ModelRefused, match=str(pid)):
            await second.load()
        await first.shut_down()
        await second.shut_down()
        assert (await second.load()).state is State.READY
        await second.shut_down()


async def test_a_model_that_does_not_fit_is_refused_before_the_card_is_touched(make_engine: MakeEngine) -> None:
    engine = make_engine(free_mib=900)
    with pytest.raises(ModelRefused, match=r"tiny needs 0\.\d GiB with .* the Test Card has 0\.9 of 8\.0 GiB free"):
        await engine.load()
    assert (await engine.status()).loads == 0


async def test_a_damaged_file_is_refused_in_one_sentence(make_engine: MakeEngine, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    tiny_model.write(broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelRefused, match=r"model\.safetensors"):
        await make_engine(name=broken).load()


async def test_killed_in_mid_stream_the_engine_comes_back(make_engine: MakeEngine) -> None:
    engine = make_engine()
    pid = (await engine.load()).pid

    async def until_killed() -> None:
        async with aclosing(engine.generate(request(tokens_max=500))) as frames:
            async for frame in frames:
                if isinstance(frame, Piece):
                    os.kill(pid, signal.SIGKILL)

    with pytest.raises(EngineGone):
        await until_killed()
    text, _ = await generate(engine, request())
    assert text
    assert (await engine.status()).pid != pid


async def test_idle_the_process_ends_since_nothing_less_frees_the_card(make_engine: MakeEngine) -> None:
    engine = make_engine("--idle-unload", "0.02")
    pid = (await engine.load()).pid
    connection = await engine.connect()
    async with asyncio.timeout(20):
        await connection.closed.wait()
    assert (await generate(engine, request()))[0]
    assert (await engine.status()).pid != pid


async def test_cancelling_frees_the_device(make_engine: MakeEngine) -> None:
    engine = make_engine()
    async with aclosing(engine.generate(request(tokens_max=1000))) as frames:
        async for frame in frames:
            if isinstance(frame, Piece):
                break
    async with asyncio.timeout(5):
        while (await engine.status()).running:
            await asyncio.sleep(0.01)


async def test_a_draft_model_guesses_ahead_and_changes_nothing(make_engine: MakeEngine, model: Path) -> None:
    plain = make_engine()
    text, _ = await generate(plain, request(tokens_max=30))
    await plain.shut_down()
    drafted, done = await generate(make_engine("--draft-model", str(model)), request(tokens_max=30))
    assert (drafted, done.timings.generated_tokens) == (text, 30)
