"""What one has to know to repeat a run: the code, the model, the libraries, the machine and how busy it was."""

import asyncio
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

import fimble
from fimble.engine.messages.frames import build
from fimble.models import store
from fimble.models.card import ModelCard
from fimble.models.progress import silent

_LIBRARIES: Final = ("xllamacpp", "exllamav2", "torch", "numpy", "tree-sitter", "tree-sitter-python", "msgspec")
_GIT_TIMEOUT_S: Final = 10.0


async def circumstances(card: ModelCard) -> dict[str, object]:
    """Returns them as plain values; what cannot be told is null, with the reason beside it."""
    return {
        "fimble": fimble.__version__,
        "build": build(),
        **await asyncio.to_thread(_commit),
        "model": card.name,
        **await asyncio.to_thread(_model_hash, card),
        "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
        "python": platform.python_version(),
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "processor": _processor(),
            "processors": os.cpu_count(),
        },
        "load": list(os.getloadavg()),
    }


def _commit() -> dict[str, object]:
    """Returns the commit of the source tree and whether files differ from it."""
    command = ["git", "-C", str(Path(fimble.__file__).parent)]
    try:
        head = subprocess.run(
            [*command, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=True
        )
        changed = subprocess.run(
            [*command, "status", "--porcelain", "--", "."],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "commit_reason": "not run from a git checkout"}
    return {"commit": head.stdout.strip(), "changed_files": len(changed.stdout.splitlines())}


def _model_hash(card: ModelCard) -> dict[str, object]:
    """Returns the hashes of the model's files: those that its card pins, or of the file itself."""
    pinned = {file.name: file.sha256 for file in card.files if file.sha256}
    if pinned:
        return {"model_sha256": pinned}
    if card.backend == "scripted":
        return {"model_sha256": None, "model_sha256_reason": "the scripted model has no file"}
    path = store.ready_path(card)
    if not path.is_file():
        return {"model_sha256": None, "model_sha256_reason": "a folder without checksums in a card"}
    return {"model_sha256": {path.name: store.hash_file(path, silent, path.name)[0]}}


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
