"""What `fimble doctor` looks at: each examination tries the real thing, since a file that exists may still not work."""

import asyncio
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import fimble
from fimble import folders
from fimble.cli.settings import read_settings
from fimble.cli.stand_in import runnable
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import EngineStatus
from fimble.errors import FimbleError
from fimble.lsp.client import LanguageServerClient
from fimble.models import store
from fimble.models.catalogue import is_path
from fimble.models.memory import human

PROBE_TIMEOUT_S = 10.0
SAMPLE = "def add(a: int, b: int) -> int:\n    return \n"


class Result(StrEnum):
    """How an examination ended."""

    GOOD = "good"
    """It works."""
    MISSING = "missing"
    """It is not there, and Fimble works without it."""
    BAD = "bad"
    """It has to be mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one thing, and what to do about it."""

    what: str
    result: Result
    says: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Yields one finding after the other, from the ground up."""
    from fimble.cli.gpu_examination import examine_exllamav2, examine_gpu  # noqa: PLC0415 - imports this module.

    examinations: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("Python", _python),
        ("Folders", _folders),
        ("Model", _model),
        ("Engine", _engine),
        ("Completion", _completion),
        ("Sandbox", _sandbox),
        ("GPU", examine_gpu),
        ("ExLlamaV2", examine_exllamav2),
    )
    for what, examination in examinations:
        try:
            yield examination()
        except (FimbleError, OSError) as error:
            yield Finding(what=what, result=Result.BAD, says="does not work", advice=str(error))


def _python() -> Finding:
    says = f"{platform.python_version()} at {sys.executable}, Fimble {fimble.__version__} on {platform.platform()}"
    return Finding(what="Python", result=Result.GOOD, says=says)


def _folders() -> Finding:
    folders.make_private(folders.runtime_folder())
    says = f"models in {folders.models_folder()}, log {folders.log_folder() / 'engine.log'}"
    return Finding(what="Folders", result=Result.GOOD, says=says)


def _model() -> Finding:
    name = read_settings().model
    card, notice = runnable(name)
    if card.backend == "scripted":
        return Finding(what="Model", result=Result.GOOD, says=card.title)
    if is_path(name) and not notice:
        return Finding(what="Model", result=Result.GOOD, says=f"{card.title}, without a card and a checksum")
    path = store.ready_path(card)
    if path.is_dir():
        return Finding(what="Model", result=Result.GOOD, says=f"{card.title}, in {path}; its card pins no checksums")
    return Finding(what="Model", result=Result.GOOD, says=f"{card.title}, {human(path.stat().st_size)}, verified")


def _engine() -> Finding:
    async def load() -> tuple[float, EngineStatus]:
        engine = Engine(folders.runtime_folder(), model=read_settings().model, client="fimble doctor")
        started = time.monotonic()
        try:
            status = await engine.load()
        finally:
            await engine.close()
        return time.monotonic() - started, status

    seconds, status = asyncio.run(load())
    says = f"{status.model} on {status.backend}, pid {status.pid}, {human(status.rss_bytes)} in memory"
    says = f"{says}, {status.prefill_tps:.0f} prompt tokens/s"
    card, notice = runnable(read_settings().model)
    if status.model != card.name:
        advice = f"Another program uses the engine with this model; to use {card.name}, run: fimble engine stop"
        return Finding(what="Engine", result=Result.BAD, says=says, advice=advice)
    says = f"{says}, ready after {seconds:.1f} s"
    return Finding(what="Engine", result=Result.MISSING if notice else Result.GOOD, says=says, advice=notice)


def _completion() -> Finding:
    async def ask(folder: Path) -> dict[str, object]:
        file = folder / "sample.py"
        async with LanguageServerClient(folder) as client:
            client.open(file, "python", SAMPLE)
            return await client.suggestion(file, 1, 11)

    with tempfile.TemporaryDirectory() as folder:
        answer = asyncio.run(ask(Path(folder)))
    text = str(answer["text"])
    says = f"`return {text.strip()}` in {answer['latency_ms']:.0f} ms"
    if not text.strip():
        advice = "The model wrote nothing for a simple function; run: fimble models verify"
        return Finding(what="Completion", result=Result.BAD, says="empty", advice=advice)
    return Finding(what="Completion", result=Result.GOOD, says=says)


def _sandbox() -> Finding:
    advice = "Only fixes that run your tests need it: sudo apt-get install bubblewrap"
    program = shutil.which("bwrap")
    if program is None:
        return Finding(what="Sandbox", result=Result.MISSING, says="bubblewrap is not installed", advice=advice)
    # An installed bwrap may still be forbidden, for example by Ubuntu's AppArmor rule for user namespaces.
    command = [program, "--unshare-all", "--ro-bind", "/", "/", "true"]
    status, output = _probe(command)
    if status == 0:
        return Finding(what="Sandbox", result=Result.GOOD, says=f"{program} works")
    advice = "Allow unprivileged user namespaces for bwrap (an AppArmor profile on Ubuntu 24.04)."
    return Finding(what="Sandbox", result=Result.MISSING, says=f"{program} fails: {output}", advice=advice)


def _probe(command: list[str]) -> tuple[int, str]:
    """Returns the exit status of a command and the last line that it printed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        return 1, type(error).__name__
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else ""
