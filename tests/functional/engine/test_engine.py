"""The engine's process with the scripted backend: started, shared, cancelled, killed, stopped, unloaded."""

import asyncio
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from fimble.engine.client.connection import HANDSHAKE_TIMEOUT_S
from fimble.engine.client.engine import Engine
from fimble.engine.messages import frames
from fimble.engine.messages.socket import LOADING_NAME, SOCKET_NAME, check_peer, connect
from fimble.errors import EngineGone, EngineUnavailable, PeerRefused, RequestCancelled, RequestFailed
from tests.conftest import engines_in

from .conftest import MakeEngine

SLOW = {"otherwise": "word " * 2000, "decode_tps": 100, "prefill_tps": 640}


def generate(text: str = "def f():\n", **fields: object) -> frames.Generate:
    settings: dict[str, object] = {"tokens_max": 64} | fields
    return frames.Generate(id=0, parts=[frames.TextPart(text)], **settings)  # type: ignore[arg-type]


async def written(engine: Engine, request: frames.Generate) -> tuple[str, frames.Done]:
    text, done = "", None
    async for frame in engine.generate(request):
        if isinstance(frame, frames.Piece):
            text += frame.text
        elif isinstance(frame, frames.Done):
            done = frame
    assert done is not None
    return text, done


async def test_a_request_starts_the_engine_and_is_answered(make_engine: MakeEngine) -> None:
    engine = make_engine({"lines": [{"when": "add", "write": "return a + b"}]})
    text, done = await written(engine, generate("def add(a, b):\n    "))
    assert text == "return a + b"
    assert done.stop_reason == "stop"
    assert done.timings.prompt_tokens > 0


async def test_the_second_request_finds_the_first_ones_prompt_in_the_cache(make_engine: MakeEngine) -> None:
    engine = make_engine()
    prompt = "def add(a, b):\n    return a " * 10
    _, first = await written(engine, generate(prompt))
    _, second = await written(engine, generate(prompt + "+"))
    assert first.timings.cached_tokens == 0
    assert second.timings.cached_tokens >= second.timings.prompt_tokens - 2


async def test_the_text_starts_with_what_was_asked_for(make_engine: MakeEngine) -> None:
    text, _ = await written(make_engine(), generate(starts_with=" su"))
    assert text.startswith(" su")


async def test_sixteen_clients_at_once_start_exactly_one_engine(make_engine: MakeEngine, place: Path) -> None:
    engines = [make_engine() for _ in range(16)]
    statuses = await asyncio.gather(*(engine.status() for engine in engines))
    assert len({status.pid for status in statuses}) == 1
    assert engines_in(place) == [statuses[0].pid]
    assert max(status.clients for status in statuses) == 16


async def test_a_killed_engine_leaves_a_socket_that_the_next_start_replaces(
    make_engine: MakeEngine, place: Path
) -> None:
    for _ in range(3):
        engines = [make_engine() for _ in range(8)]
        statuses = await asyncio.gather(*(engine.status() for engine in engines))
        assert len({status.pid for status in statuses}) == 1
        os.kill(statuses[0].pid, signal.SIGKILL)
        await wait_until(lambda: not engines_in(place))
        assert (place / SOCKET_NAME).exists()


async def test_a_crash_in_mid_stream_ends_the_request_at_once_and_the_next_one_succeeds(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(SLOW)
    status = await engine.load()
    stream = engine.generate(generate(tokens_max=1000))
    for _ in range(4):
        await anext(stream)
    killed = time.monotonic()
    os.kill(status.pid, signal.SIGKILL)
    with pytest.raises(EngineGone):
        await to_the_end(stream)
    assert time.monotonic() - killed < 1.0
    _, done = await written(engine, generate(tokens_max=3))
    assert done.stop_reason == "length"
    assert (await engine.status()).pid != status.pid


async def test_a_stopped_engine_is_declared_dead_within_five_seconds(make_engine: MakeEngine) -> None:
    engine = make_engine(SLOW)
    status = await engine.load()
    stream = engine.generate(generate(tokens_max=1000))
    await anext(stream)
    stopped = time.monotonic()
    os.kill(status.pid, signal.SIGSTOP)
    with pytest.raises(EngineGone, match="stopped answering"):
        await to_the_end(stream)
    assert time.monotonic() - stopped < 5.0
    _, done = await written(engine, generate(tokens_max=2))
    assert done.stop_reason == "length"


async def test_a_client_that_finds_a_stopped_engine_replaces_it(make_engine: MakeEngine) -> None:
    first, second = make_engine(), make_engine()
    status = await first.status()
    await first.close()
    os.kill(status.pid, signal.SIGSTOP)
    assert (await second.status()).pid != status.pid


async def test_a_client_that_finds_a_loading_engine_waits_for_it(make_engine: MakeEngine, place: Path) -> None:
    first, second = make_engine(), make_engine()
    status = await first.status()
    # What an engine looks like whose interpreter lock is held by the library that reads the model.
    (place / LOADING_NAME).write_text(f"{time.monotonic() + 30:.3f}", "ascii")
    await first.close()
    os.kill(status.pid, signal.SIGSTOP)
    waiting = asyncio.create_task(second.status())
    await asyncio.sleep(HANDSHAKE_TIMEOUT_S + 1)
    assert not waiting.done()
    os.kill(status.pid, signal.SIGCONT)
    assert (await waiting).pid == status.pid


async def test_an_engine_that_keeps_crashing_stays_down(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(6):
        os.kill((await engine.status()).pid, signal.SIGKILL)
        await wait_for_loss(engine)
    with pytest.raises(EngineUnavailable, match="stays down"):
        await engine.status()
    # Restarting by hand is another decision.
    await engine.close()
    assert (await engine.status()).pid > 0


async def test_closing_the_stream_frees_the_device(make_engine: MakeEngine) -> None:
    engine = make_engine(SLOW)
    stream = engine.generate(generate(tokens_max=1000))
    await anext(stream)
    assert (await engine.status()).running == 1
    await stream.aclose()
    await wait_until_async(lambda: is_idle(engine))


async def test_a_newer_request_of_the_same_window_ends_the_older_one(make_engine: MakeEngine) -> None:
    engine = make_engine(SLOW)
    old = asyncio.create_task(written(engine, generate(tokens_max=1000, supersede_key="w")))
    await wait_until_async(lambda: is_running(engine))
    _, done = await written(engine, generate(tokens_max=2, supersede_key="w"))
    assert done.timings.generated_tokens == 2
    with pytest.raises(RequestCancelled, match="superseded"):
        await old


async def test_an_inline_completion_interrupts_a_long_prefill_which_then_goes_on(make_engine: MakeEngine) -> None:
    engine = make_engine(SLOW)
    ends: list[str] = []

    async def run(name: str, request: frames.Generate) -> None:
        await written(engine, request)
        ends.append(name)

    # 2,000 tokens at 640 tokens/s; one chunk of 64 takes 0.1 s.
    action = run("action", generate("a " * 1000, tokens_max=2, urgency=frames.Urgency.ACTION))
    waiting = asyncio.create_task(action)
    await wait_until_async(lambda: is_running(engine))
    await run("inline", generate("b", tokens_max=2))
    await waiting
    assert ends == ["inline", "action"]


async def test_an_interrupted_text_is_written_to_its_end_without_a_gap(make_engine: MakeEngine) -> None:
    words = " ".join(f"w{number}" for number in range(60))
    engine = make_engine({"lines": [{"when": "story", "write": words}], "decode_tps": 200})
    action = asyncio.create_task(written(engine, generate("story", tokens_max=500, urgency=frames.Urgency.ACTION)))
    await wait_until_async(lambda: is_running(engine))
    await written(engine, generate("x", tokens_max=2))
    text, done = await action
    assert text == words
    assert done.stop_reason == "stop"


async def test_a_prompt_that_is_too_long_fails_alone(make_engine: MakeEngine) -> None:
    engine = make_engine()
    with pytest.raises(RequestFailed, match="tokens"):
        await written(engine, generate("a " * 40_000))
    assert (await written(engine, generate("b")))[1].stop_reason == "stop"


async def test_the_model_is_unloaded_when_idle_and_loaded_again_on_demand(make_engine: MakeEngine) -> None:
    engine = make_engine({"otherwise": "x"}, "--idle-unload", "0.01")
    assert (await engine.load()).loads == 1
    await wait_until_async(lambda: has_state(engine, frames.State.UNLOADED), timeout_s=10)
    await written(engine, generate())
    assert (await engine.status()).loads == 2


async def test_the_socket_is_private_and_no_network_socket_exists(make_engine: MakeEngine, place: Path) -> None:
    status = await make_engine().load()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert inet_sockets(status.pid) == []


def test_a_listening_port_would_be_seen() -> None:
    """The positive control of the test above."""
    with socket.create_server(("127.0.0.1", 0)):
        assert inet_sockets(os.getpid()) != []


async def test_a_peer_of_another_user_is_refused_before_anything_is_sent(make_engine: MakeEngine, place: Path) -> None:
    await make_engine().status()
    with connect(place, 1.0) as sock:
        assert check_peer(sock) > 0
        with pytest.raises(PeerRefused):
            check_peer(sock, own_uid=os.getuid() + 1)


async def test_garbage_on_the_socket_ends_that_connection_only(make_engine: MakeEngine, place: Path) -> None:
    engine = make_engine()
    await engine.status()
    for garbage in (b"\xff" * 64, b"\x00\x00\x00\x04abcd", b"\x7f\xff\xff\xff", frames.encode(frames.Ping(1))):
        with connect(place, 1.0) as sock:
            sock.setblocking(True)
            sock.sendall(garbage)
            assert await asyncio.to_thread(sock.recv, 1024) == b""
    assert (await engine.status()).clients == 1


async def test_a_client_of_another_build_is_told_which_one_runs(make_engine: MakeEngine, place: Path) -> None:
    await make_engine().status()
    with connect(place, 1.0) as sock:
        sock.setblocking(True)
        sock.sendall(frames.encode(frames.Hello(frames.PROTOCOL_VERSION, "0.0.0+old", "test", os.getpid())))
        answer = frames.decode_engine_frame((await asyncio.to_thread(sock.recv, 65536))[frames.HEADER.size :])
    assert isinstance(answer, frames.Refused)
    assert (answer.code, answer.build) == ("build", frames.build())


async def test_a_client_that_does_not_read_is_cut_off_and_others_go_on(make_engine: MakeEngine, place: Path) -> None:
    engine = make_engine({"otherwise": "x" * 4000 + " "})
    await engine.load()
    with connect(place, 1.0) as sock:
        sock.setblocking(True)
        sock.sendall(frames.encode(frames.Hello(frames.PROTOCOL_VERSION, frames.build(), "deaf", os.getpid())))
        for id in range(1, 20_000):
            try:
                sock.sendall(frames.encode(frames.GetStatus(id)))
            except OSError:
                break
            if id % 50 == 0 and (await engine.status()).clients == 1:
                break
        else:
            pytest.fail("the engine kept everything that the client did not read")
    assert (await written(engine, generate()))[1].stop_reason in ("stop", "length")


async def test_an_unused_engine_with_another_model_is_replaced_and_a_used_one_is_shared(
    make_engine: MakeEngine, place: Path
) -> None:
    first = make_engine()
    pid = (await first.status()).pid
    other = Engine(place, model="another", client="test", command=[sys.executable, "-m", "fimble", "engine", "status"])
    assert (await other.status()).pid == pid
    await other.close()
    await first.close()
    with pytest.raises(EngineUnavailable):
        await other.status()  # Its command starts nothing, but the unused engine has made way.
    assert engines_in(place) == []


async def test_shutting_down_answers_what_is_under_way(make_engine: MakeEngine, place: Path) -> None:
    engine, other = make_engine(SLOW), make_engine(SLOW)
    running = asyncio.create_task(written(other, generate(tokens_max=1000)))
    await wait_until_async(lambda: is_running(engine))
    await engine.shut_down()
    with pytest.raises((RequestCancelled, EngineGone)):
        await running
    await wait_until(lambda: not engines_in(place))
    assert not (place / SOCKET_NAME).exists()


async def test_a_model_that_does_not_exist_is_told_in_one_sentence(make_engine: MakeEngine, place: Path) -> None:
    command = [sys.executable, "-m", "fimble", "engine", "run", "--model", "no-such-model"]
    engine = Engine(place, model="no-such-model", client="test", command=command)
    with pytest.raises(EngineUnavailable, match="no-such-model"):
        await engine.status()


async def to_the_end(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


async def is_running(engine: Engine) -> bool:
    return (await engine.status()).running == 1


async def is_idle(engine: Engine) -> bool:
    status = await engine.status()
    return status.running == 0 and status.queued == 0


async def has_state(engine: Engine, state: frames.State) -> bool:
    return (await engine.status()).state is state


async def wait_for_loss(engine: Engine) -> None:
    connection = await engine.connect()
    async with asyncio.timeout(5):
        await connection.closed.wait()


async def wait_until(condition, timeout_s: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


async def wait_until_async(condition, timeout_s: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)


def inet_sockets(pid: int) -> list[str]:
    return [str(item) for item in psutil.Process(pid).net_connections("inet")]
