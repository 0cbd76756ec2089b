"""`fimble engine run|status|stop`: the process that keeps the model resident."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fimble import folders
from fimble.cli.quantities import cache_kind, tokens
from fimble.cli.settings import read_settings
from fimble.engine.client.connection import EngineConnection, OtherEngine
from fimble.engine.client.launch import EXIT_ALREADY_RUNNING
from fimble.engine.messages.frames import EngineStatus, GetStatus, Shutdown, StateChanged
from fimble.engine.messages.socket import connect, peer_of
from fimble.errors import EngineRefused, EngineUnavailable
from fimble.models.card import ModelCard

app = typer.Typer(help="Run, look at, or end the process that keeps the model resident.", no_args_is_help=True)

ANSWER_TIMEOUT_S = 5.0
END_TIMEOUT_S = 10.0
# A slow disk reads 50 MB/s; the interpreter's lock is held meanwhile, so that the engine cannot answer.
LOAD_BYTES_PER_S_MIN = 50e6
LOAD_SILENCE_S_MIN = 30.0

_COUNTS = ("clients", "queued", "vram_bytes", "rss_bytes")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("run")
def run(
    *,
    model: Annotated[str, typer.Option(help="A model's name (fimble models list), a .gguf file, or a folder.")] = "",
    context: Annotated[str, typer.Option(help="Tokens of all prompts together, such as 16k; chosen if empty.")] = "",
    threads: Annotated[int, typer.Option(help="Compute threads; 0 chooses.")] = 0,
    idle_unload: Annotated[float, typer.Option(help="Minutes without a request until the memory is freed.")] = 30,
    cache: Annotated[str, typer.Option(help="On a GPU: fp16, q8, q6 or q4; the finest that fits if empty.")] = "",
    device: Annotated[int, typer.Option(help="On a GPU: the card's number; -1 is the one with most memory free.")] = -1,
    draft_model: Annotated[str, typer.Option(help="On a GPU: a small model that guesses ahead.")] = "",
    load: Annotated[
        bool, typer.Option("--load", help="Load the model now rather than with the first request.")
    ] = False,
) -> None:
    """Run the engine in the foreground. Editors start it by themselves; this is for looking at it."""
    # Only this command imports the device's side: everything else talks to it through the socket.
    from fimble.cli import backends, openmp  # noqa: PLC0415
    from fimble.engine.process import main as engine_process  # noqa: PLC0415

    own = read_settings().gpu
    wishes = backends.Wishes(
        context_tokens=tokens(context),
        threads=threads,
        gpu_context_tokens=tokens(own.context),
        cache=cache_kind(cache) or own.cache,
        device=device if device >= 0 else own.device,
        draft_model=draft_model or own.draft_model,
    )
    found = backends.find_model(model)
    if found.notice:
        typer.echo(f"fimble: {found.notice}", err=True)
    if found.card.backend == "llamacpp":
        openmp.prepare()
    settings = engine_process.EngineSettings(
        folder=folders.runtime_folder(),
        model=found.card.name,
        make_backend=backends.backend_maker(found, wishes),
        controls=controls_of(found.card),
        asked_model=found.asked,
        notice=found.notice,
        loads_at_once=load,
        load_silence_s=_load_silence_s(found.path),
        idle_unload_s=idle_unload * 60,
        exit_idle_s=idle_unload * 60,
    )
    try:
        engine_process.run(settings)
    except EngineRefused as error:
        typer.echo(f"fimble: {error}", err=True)
        sys.exit(EXIT_ALREADY_RUNNING)


@app.command("status")
def status(as_json: Json = False) -> None:
    """Tell what the engine does: its state, model, memory and clients."""
    try:
        answer = asyncio.run(_status())
    except OtherEngine as refused:
        if not as_json:
            typer.echo(f"{refused} It has {refused.clients} client(s), pid {refused.pid}.")
            return
        other = {"state": "other-build", "pid": refused.pid, "clients": refused.clients}
        typer.echo(msgspec.json.encode(_status_fields(None) | other).decode())
        return
    if as_json:
        typer.echo(msgspec.json.encode(_status_fields(answer)).decode())
    elif answer is None:
        typer.echo("No engine runs. An editor starts it on first use; so does: fimble complete FILE:LINE:COL")
    else:
        typer.echo(
            f"{answer.state}: {answer.model} on {answer.backend}, pid {answer.pid}, "
            f"{answer.rss_bytes / 1e6:.0f} MB, {answer.clients - 1} client(s), {answer.queued} waiting"
        )
        if answer.message:
            typer.echo(answer.message)


@app.command("stop")
def stop(as_json: Json = False) -> None:
    """End the engine and free its memory. Editors start it again on the next request."""
    stopped = asyncio.run(_stop())
    if as_json:
        typer.echo(msgspec.json.encode({"stopped": stopped}).decode())
    else:
        typer.echo("The engine has ended." if stopped else "No engine runs.")


def controls_of(card: ModelCard) -> dict[str, str]:
    """Returns the card's fill-in-the-middle tokens by role, {} where the card has none."""
    fim = card.fill_in_middle
    if fim is None:
        return {}
    roles = {"prefix": fim.prefix, "suffix": fim.suffix, "middle": fim.middle}
    roles |= {"repository": fim.repository, "file": fim.file}
    return {role: token for role, token in roles.items() if token}


def _load_silence_s(path: Path | None) -> float:
    """Returns how long loading may say nothing, seconds."""
    if path is None:
        return LOAD_SILENCE_S_MIN
    files = [path] if path.is_file() else path.glob("*.safetensors")
    return LOAD_SILENCE_S_MIN + sum(file.stat().st_size for file in files) / LOAD_BYTES_PER_S_MIN


def _status_fields(answer: EngineStatus | None) -> dict[str, object]:
    if answer is None:
        return {"state": "stopped", "pid": None, "backend": None, "model": None} | dict.fromkeys(_COUNTS, 0)
    fields = {name: getattr(answer, name) for name in answer.__struct_fields__ if name != "id"}
    # The connection that asks is no client in the user's eyes.
    return fields | {"clients": answer.clients - 1}


async def _status() -> EngineStatus | None:
    connection = await _connect()
    if connection is None:
        return None
    id = connection.next_id()
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            answer = await connection.request(id, GetStatus(id)).get()
    except TimeoutError as error:
        raise EngineUnavailable(f"The engine (pid {connection.welcome.pid}) is loading or stuck; try again.") from error
    finally:
        await connection.close()
    return answer if isinstance(answer, EngineStatus) else None


async def _stop() -> bool:
    try:
        connection = await _connect()
    except OtherEngine as refused:
        return await _terminate(refused.pid)
    except EngineRefused:
        return await _terminate(await asyncio.to_thread(_listener_pid))
    if connection is None:
        return False
    connection.tell(Shutdown())
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await connection.closed.wait()
    except TimeoutError:
        return await _terminate(connection.welcome.pid)
    finally:
        await connection.close()
    return True


async def _connect() -> EngineConnection | None:
    def ignore(_: StateChanged) -> None:
        """A command that asks once does not follow the state."""

    try:
        return await EngineConnection.open(folders.runtime_folder(), client="fimble", model="", on_state=ignore)
    except OSError:
        return None


async def _terminate(pid: int) -> bool:
    import psutil  # noqa: PLC0415 - only on this rare path.

    try:
        process = psutil.Process(pid)
        process.terminate()
        await asyncio.to_thread(process.wait, END_TIMEOUT_S)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        process.kill()
    return True


def _listener_pid() -> int:
    with connect(folders.runtime_folder(), ANSWER_TIMEOUT_S) as sock:
        return peer_of(sock)[0]
