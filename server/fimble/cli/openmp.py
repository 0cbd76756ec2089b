"""Finds the OpenMP library that llama.cpp needs.

xllamacpp's Linux wheel expects `libgomp.so.1` of the system, which every desktop has and the smallest containers lack.
There the `cmeel-libomp` wheel stands in: LLVM's OpenMP runtime, which speaks GCC's interface too. The dynamic loader
only looks for it where `LD_LIBRARY_PATH` says at the start of a process, so that this process starts itself anew.
"""

import ctypes
import importlib.metadata
import os
import sys
from pathlib import Path

from fimble.engine.process.backends.llamacpp import stop_spinning
from fimble.errors import ModelRefused

LIBRARY = "libgomp.so.1"
PACKAGE = "cmeel-libomp"
_SEARCH_PATH = "LD_LIBRARY_PATH"


def prepare() -> None:
    """Returns if llama.cpp can be loaded; otherwise starts this command anew with the library in its search path.

    Raises:
        ModelRefused: the library cannot be found.
    """
    # Looking for the library loads it, and it reads its settings as it is loaded.
    stop_spinning()
    if sys.platform != "linux" or _can_be_loaded():
        return
    folder = bundled_folder()
    paths = [path for path in os.environ.get(_SEARCH_PATH, "").split(os.pathsep) if path]
    if folder is None or str(folder) in paths:
        raise ModelRefused(f"llama.cpp needs {LIBRARY}; on Debian or Ubuntu run: sudo apt-get install libgomp1")
    os.environ[_SEARCH_PATH] = os.pathsep.join([*paths, str(folder)])
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - our own command, once more.


def bundled_folder() -> Path | None:
    """Returns the folder of the wheel's library, or None where it is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).parent for file in files if file.name == LIBRARY), None)


def _can_be_loaded() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True
