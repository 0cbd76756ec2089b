"""How long other tools take for the same tree, where they are installed: what an index costs, as a ratio."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

_TIMEOUT_S: Final = 900.0
_AIDER: Final = """
import sys
from aider.io import InputOutput
from aider.repomap import RepoMap, find_src_files
class Model:
    def token_count(self, text):
        return len(text) // 4
root = sys.argv[1]
aider = RepoMap(map_tokens=1024, root=root, main_model=Model(), io=InputOutput(yes=True))
sys.exit(not aider.get_repo_map([], find_src_files(root), force_refresh=True))
"""


def ctags_seconds(root: Path) -> float | None:
    """Returns how long `ctags -R` takes; None where universal-ctags is not installed."""
    ctags = shutil.which("ctags")
    if ctags is None:
        return None
    version = subprocess.run([ctags, "--version"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if "Universal Ctags" not in version.stdout:
        return None
    return _seconds([ctags, "-R", "-f", "/dev/null", str(root)])


def aider_seconds(copy: Path) -> float | None:
    """Returns how long aider's first repository map takes, of a copy because it leaves a cache there."""
    python = _aider_python()
    return None if python is None else _seconds([python, "-c", _AIDER, str(copy)])


def _aider_python() -> str | None:
    """Returns the interpreter that has aider: ours, or the one in the first line of the command."""
    command = shutil.which("aider")
    first_line = b""
    if command is not None:
        with open(command, "rb") as file:
            first_line = file.readline(1024)
    other = first_line[2:].strip().decode("utf-8", "replace") if first_line.startswith(b"#!") else ""
    for python in (sys.executable, other):
        probe = [python, "-c", "import aider.repomap"]
        if python and subprocess.run(probe, capture_output=True, check=False, timeout=_TIMEOUT_S).returncode == 0:
            return python
    return None


def _seconds(command: list[str]) -> float | None:
    began_s = time.perf_counter()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else time.perf_counter() - began_s
