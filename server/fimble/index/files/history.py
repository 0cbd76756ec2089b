"""Asks git what was worked on lately."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fimble.index.files.git import run_git

_COMMITS_MAX: Final = 400
_TIMEOUT_S: Final = 3.0
_OUTPUT_BYTES_MAX: Final = 4 * 1024 * 1024


def recently_committed(
    root: str | Path, limit: int, *, environment: Mapping[str, str] = os.environ, timeout_s: float = _TIMEOUT_S
) -> list[str]:
    """Returns files that the latest commits changed, the latest first, relative to `root`; some may be gone by now."""
    output = run_git(
        [
            "log",
            f"--max-count={_COMMITS_MAX}",
            "--name-only",
            "--format=",
            "-z",
            "--no-renames",  # Renames are found by comparing contents.
            "--diff-filter=d",
            "--no-show-signature",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=all",
            "--relative",
            "--",
            ".",
        ],
        str(root),
        environment=environment,
        timeout_s=timeout_s,
        output_bytes_max=_OUTPUT_BYTES_MAX,
    )
    # What came before time was up is as good; only the last name may be cut.
    names = output.data.split(b"\0")[:-1]
    found = dict.fromkeys(os.fsdecode(name.lstrip(b"\n")) for name in names)
    found.pop("", None)
    return list(found)[:limit]
