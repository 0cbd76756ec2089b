"""Finds ExLlamaV2's compiled extension, and compiles it where there is none.

exllamav2 is published as sources; `import exllamav2` compiles them unless a module `exllamav2_ext` can be imported. We
let a child process do that with an environment of ours, so that a failing or hanging compiler takes nothing along, and
keep the result in a folder whose name says what it was built with. That folder is then put on the module path, and
neither toolkit nor ninja is needed any more.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from fimble import folders
from fimble.engine.process.backends.exl2.toolchain import (
    EXLLAMAV2_VERSION,
    Machine,
    Part,
    compute_capabilities,
    diagnose_card,
    diagnose_compiler,
    diagnose_packages,
    find_toolkits,
    find_torch,
    missing_headers,
    package_includes,
)
from fimble.errors import DownloadCancelled, FolderUnusable, ModelRefused
from fimble.models.disk import disk_full, lacks_space

SOURCES: Final = 47
"""How many files exllamav2/ext.py 0.3.2 names; each becomes one object file."""

# 16 minutes of one core's work have been measured (CUDA 13.0, one architecture); on two shared cores, 32 minutes.
BUILD_CORE_MINUTES: Final = 16
_BUILD_BYTES: Final = 512 << 20
"""The extension has 41 MB, and so have its object files together; the rest is for the compiler's temporary files."""
_JOB_BYTES: Final = 2 << 30
_NAME: Final = "exllamav2_ext"
_IMPORT: Final = (sys.executable, "-c", "import exllamav2")
_POLL_S: Final = 0.2
_KILL_S: Final = 5.0
_ERROR: Final = re.compile(r"\berror:|\bcannot find -l|\bNo space left|undefined symbol|^\w*Error:", re.IGNORECASE)
_LINE_MAX: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLimits:
    """How long a build may take, and how long it may show no sign of life, in seconds."""

    total_s: float = 2 * 3600.0
    silent_s: float = 30 * 60.0


class _Marker(msgspec.Struct, frozen=True):
    """Written when a build was imported; a linker that was killed leaves a file that is cut short."""

    bytes: int


# Called with the files done, the files in all, and what is being done, in words for the user.
BuildProgress = Callable[[int, int, str], None]


def diagnose(machine: Machine | None = None) -> list[Part]:
    """Returns all that ExLlamaV2 needs, there or missing; of the compiler's needs only where it is to compile."""
    machine = machine or Machine.here()
    parts = [*diagnose_card(machine), *diagnose_packages(machine)]
    says = None
    if (path := prebuilt(machine)) is not None:
        says = f"installed as {path}"
    elif (folder := built_folder(machine)) is not None and is_built(folder):
        says = f"compiled in {folder}"
    if says is not None:
        return [*parts, Part(what="extension", is_there=True, says=says, is_needed=False)]
    minutes = max(1, round(BUILD_CORE_MINUTES / jobs(machine)))
    says = f"will be compiled on first use (about {minutes} minutes)"
    return [*parts, *diagnose_compiler(machine), Part(what="extension", is_there=False, says=says, is_needed=False)]


def prebuilt(machine: Machine) -> Path | None:
    """Returns the extension that was installed with exllamav2: wheels with +cu in their names have it."""
    found = (path for folder in machine.packages for path in sorted(folder.glob(f"{_NAME}*")))
    return next((path for path in found if path.name.endswith((".so", ".py")) and path.is_file()), None)


def built_folder(machine: Machine) -> Path | None:
    """Returns the folder for the extension of this Python, torch, CUDA and card; None without torch for CUDA."""
    torch = find_torch(machine)
    if torch is None or torch.cuda is None:
        return None
    capabilities = _architectures(machine) or "native"
    key = f"{sys.implementation.cache_tag}-torch{torch.version}-cuda{torch.cuda[0]}.{torch.cuda[1]}-{capabilities}"
    key = re.sub(r"[^A-Za-z0-9.+-]", "_", f"{key}-exllamav2-{EXLLAMAV2_VERSION}")
    return folders.cache_folder() / "exllamav2" / key


def is_built(folder: Path) -> bool:
    """Tells whether an extension was compiled into `folder` and imported from there."""
    try:
        marker = msgspec.json.decode((folder / "built.json").read_bytes(), type=_Marker)
        return (folder / _NAME / f"{_NAME}.so").stat().st_size == marker.bytes
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False


def module_folder(machine: Machine | None = None) -> Path | None:
    """Returns the folder to put on `sys.path` before exllamav2 is imported; None if nothing was compiled here."""
    machine = machine or Machine.here()
    folder = built_folder(machine)
    return folder / _NAME if prebuilt(machine) is None and folder is not None and is_built(folder) else None


def jobs(machine: Machine) -> int:
    """Returns how many files to compile at a time: nvcc takes up to about 2 GiB for one."""
    return max(1, min(machine.cores, machine.free_bytes // _JOB_BYTES))


def build_environment(machine: Machine) -> dict[str, str]:
    """Returns what to add to the environment of a process that compiles the extension."""
    added: dict[str, str] = {"MAX_JOBS": machine.environment.get("MAX_JOBS") or str(jobs(machine))}
    if architectures := _architectures(machine):
        added["TORCH_CUDA_ARCH_LIST"] = architectures
    if (folder := built_folder(machine)) is not None:
        added["TORCH_EXTENSIONS_DIR"] = str(folder)
    path = machine.environment.get("PATH", "")
    ninja = machine.program("ninja")
    if ninja is not None and shutil.which("ninja", path=path) is None:
        # Installed beside a Python whose environment was not activated.
        added["PATH"] = os.pathsep.join(part for part in (path, str(ninja.parent)) if part)
    torch = find_torch(machine)
    if torch is None or torch.cuda is None:
        return added
    toolkits = find_toolkits(machine, torch.cuda)
    toolkit = next((toolkit for toolkit in toolkits if toolkit.version[0] == (torch.cuda or (0, 0))[0]), None)
    if toolkit is not None:
        added["CUDA_HOME"] = str(toolkit.root)
        if missing_headers(toolkit):
            includes = [str(include) for include in package_includes(machine, torch.cuda)]
            added["CPATH"] = os.pathsep.join(filter(None, [*includes, machine.environment.get("CPATH", "")]))
    return {key: value for key, value in added.items() if value}


def ensure_built(
    progress: BuildProgress,
    *,
    machine: Machine | None = None,
    cancelled: threading.Event | None = None,
    command: Sequence[str] = _IMPORT,
    limits: BuildLimits | None = None,
) -> Path | None:
    """Compiles the extension if need be, and returns the folder to put on `sys.path` for it, if any.

    Args:
        progress: Told of every object file.
        machine: Where to look; by default here.
        cancelled: Ends the build, and the wait for another process's.
        command: Imports exllamav2 in a process of its own.
        limits: How long to wait for it.

    Raises:
        ModelRefused: something is missing, or the compiler failed; the message says what, and where the log is.
        DownloadCancelled: it was cancelled.
        DiskFull: there is too little space for it.
    """
    machine = machine or Machine.here()
    if prebuilt(machine) is not None:
        return None
    _refuse_missing([*diagnose_card(machine), *diagnose_packages(machine)])
    folder = built_folder(machine)
    if folder is None:
        raise ModelRefused("ExLlamaV2 needs torch for CUDA; run: fimble doctor")
    if not is_built(folder):
        _refuse_missing(diagnose_compiler(machine))
        folders.make(folder.parent)
        folders.make(folder)
        with _lock(folder, progress, cancelled) as lock:
            if not is_built(folder):
                if lacks_space(folder, _BUILD_BYTES):
                    raise disk_full(folder, _BUILD_BYTES)
                environment = {**machine.environment, **build_environment(machine)}
                _Build(folder, progress, cancelled, limits or BuildLimits()).run(command, environment, lock)
    return folder / _NAME


def _refuse_missing(parts: list[Part]) -> None:
    missing = [part for part in parts if part.is_needed and not part.is_there]
    if missing:
        raise ModelRefused(f"ExLlamaV2 cannot run here: {missing[0].says}. {missing[0].advice}")


def _architectures(machine: Machine) -> str:
    if named := machine.environment.get("TORCH_CUDA_ARCH_LIST"):
        return named
    return ";".join(f"{major}.{minor}" for major, minor in compute_capabilities(machine))


@contextlib.contextmanager
def _lock(folder: Path, progress: BuildProgress, cancelled: threading.Event | None) -> Iterator[int]:
    """Holds the lock of one build; the building child inherits it, since it may outlive this process."""
    path = folder.with_name(f"{folder.name}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderUnusable(f"{path} cannot be written ({error.strerror}); make room, or set FIMBLE_CACHE.") from error
    try:
        has_told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not has_told:
                    progress(0, SOURCES, "Waiting for another process that compiles ExLlamaV2")
                    has_told = True
                _pause(cancelled)
        yield descriptor
    finally:
        os.close(descriptor)


def _pause(cancelled: threading.Event | None) -> None:
    if cancelled is None:
        time.sleep(_POLL_S)
    elif cancelled.wait(_POLL_S):
        raise DownloadCancelled("Compiling ExLlamaV2 was stopped; what is compiled stays, and the next start goes on.")


@dataclass(frozen=True, slots=True)
class _Build:
    """One build into `folder`, watched by its object files and its output."""

    folder: Path
    progress: BuildProgress
    cancelled: threading.Event | None
    limits: BuildLimits

    def run(self, command: Sequence[str], environment: dict[str, str], lock: int) -> None:
        # torch's own lock is a file that a killed build leaves behind, for which the next one waits without end.
        (self.folder / _NAME / "lock").unlink(missing_ok=True)
        log = folders.make(folders.log_folder()) / "exllamav2-build.log"
        try:
            output = log.open("wb")
        except OSError as error:
            raise FolderUnusable(
                f"{log} cannot be written ({error.strerror}); make room, or set XDG_STATE_HOME."
            ) from error
        with output:
            child = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
            try:
                self._watch(child, output.fileno(), log)
            finally:
                _end(child)
        library = self.folder / _NAME / f"{_NAME}.so"
        if child.returncode != 0 or not library.is_file():
            reason = _reason(log, child.returncode)
            raise ModelRefused(f"ExLlamaV2 could not be compiled: {reason} (the whole log: {log}); run: fimble doctor")
        marker = self.folder / "built.json.new"
        marker.write_bytes(msgspec.json.encode(_Marker(library.stat().st_size)))
        marker.replace(self.folder / "built.json")
        self.progress(SOURCES, SOURCES, "ExLlamaV2 is compiled")

    def _watch(self, child: "subprocess.Popen[bytes]", output: int, log: Path) -> None:
        """Returns when the child has ended."""
        started = alive = time.monotonic()
        before: tuple[int, int] | None = None
        while child.poll() is None:
            done = len(list((self.folder / _NAME).glob("*.o")))
            signs = (done, os.fstat(output).st_size)
            now = time.monotonic()
            if before is None or before[0] != done:
                says = f"Compiling ExLlamaV2 for this card, {done} of {SOURCES} files"
                self.progress(min(done, SOURCES), SOURCES, says)
            if signs != before:
                before, alive = signs, now
            if now - started > self.limits.total_s or now - alive > self.limits.silent_s:
                raise ModelRefused(
                    f"Compiling ExLlamaV2 was given up after {(now - started) / 60:.0f} minutes at {done} of {SOURCES} "
                    f"files; what is compiled stays, so try again, and look at {log} if it stops there again."
                )
            _pause(self.cancelled)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ends the child, if it still runs, with the compilers that it started."""
    if child.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_KILL_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _reason(log: Path, status: int) -> str:
    """Returns the first line of the log that looks like an error, or else the last."""
    last = ""
    with log.open("r", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if _ERROR.search(line):
                return line.strip()[:_LINE_MAX]
            last = line.strip() or last
    return last[:_LINE_MAX] or f"it ended with status {status} and said nothing"
