"""What one has to know to repeat a run: the code, the model, the libraries, the machine and how busy it was."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

import fimble
from fimble.engine.messages.frames import build
from fimble.models import store
from fimble.models.card import ModelCard
from fimble.models.progress import silent

_LIBRARIES: Final = (
    "xllamacpp",
    "exllamav2",
    "torch",
    "numpy",
    "tree-sitter",
    "tree-sitter-python",
    "pygls",
    "lsprotocol",
    "msgspec",
)
_GIT_TIMEOUT_S: Final = 10.0


def circumstances() -> dict[str, object]:
    """Returns them as plain values; what cannot be told is null."""
    return {
        "fimble": fimble.__version__,
        "build": build(),
        "commit": _commit(),
        "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
        "python": platform.python_version(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": psutil.cpu_count(logical=False),
            "threads": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        },
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def model_hash(card: ModelCard) -> dict[str, object]:
    """Returns the hashes of the model's files, pinned by its card or taken now, or why there are none."""
    pinned = {file.name: file.sha256 for file in card.files if file.sha256}
    if pinned:
        return {"model_sha256": pinned}
    if card.backend == "scripted":
        return {"model_sha256": None, "model_sha256_reason": "the scripted model has no file"}
    if not card.files:
        return {"model_sha256": None, "model_sha256_reason": "a folder without checksums in a card"}
    path = store.ready_path(card)
    return {"model_sha256": {path.name: store.hash_file(path, silent, path.name)[0]}}


def _commit() -> str | None:
    """Returns the commit of the checkout that runs, with a plus sign where it has changes; None of an installation."""
    folder = Path(fimble.__file__).resolve().parent
    answers = []
    for command in (["rev-parse", "--show-toplevel"], ["rev-parse", "HEAD"], ["status", "--porcelain"]):
        try:
            done = subprocess.run(
                ["git", "-C", os.fspath(folder), *command],
                capture_output=True,
                text=True,
                timeout=_GIT_TIMEOUT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        answers.append(done.stdout.strip())
    top, commit, changes = answers
    # An installation may lie in a checkout of something else.
    return commit + ("+" if changes else "") if folder == Path(top) / "server" / "fimble" else None


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
