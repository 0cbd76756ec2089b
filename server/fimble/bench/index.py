"""What an index costs and gives: building it next to parsing alone, saving, typing, asking, and memory."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fimble.bench.index_build import Builds, measure_builds, parsed_files
from fimble.bench.index_others import aider_seconds, ctags_seconds
from fimble.bench.index_queries import measure_queries
from fimble.bench.index_saves import copy_files, measure_saves
from fimble.bench.keystrokes import measure_keystrokes
from fimble.index.languages import language_named

_ROUNDS: Final = 2
_SAVES: Final = 60
_QUICK_SAVES: Final = 20
_QUICK_FILES: Final = 300
_BURST_FILES: Final = 5_000
# Files of about 100, 1,000 and 5,000 lines, and the longest one.
_TYPED_BYTES: Final = (4_000, 40_000, 200_000, 1 << 40)
_TYPICAL_LINES: Final = 1_000

OnStep = Callable[[str], None]


async def measure(root: Path, *, is_quick: bool, on_step: OnStep) -> dict[str, Any]:
    """Measures everything for the tree at `root`, in which nothing is changed.

    Raises:
        IndexUnavailable: the index cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="fimble-bench-") as name:
        place = await asyncio.to_thread(Path(name).resolve)
        builds = await measure_builds(root, place, rounds=1 if is_quick else _ROUNDS, on_step=on_step)
        on_step("questions")
        queries = await asyncio.to_thread(measure_queries, root, place / "last")
        on_step("keystrokes")
        keystrokes = await _keystrokes(root, parsed_files(place / "last"))
        on_step("saves, in a copy")
        copy = place / "copy"
        copy.mkdir()
        files = await asyncio.to_thread(copy_files, root, parsed_files(place / "last"), copy)
        if is_quick:
            files = files[:_QUICK_FILES]
        saves, burst = await measure_saves(
            copy,
            place / "saves",
            files,
            saves=_QUICK_SAVES if is_quick else _SAVES,
            burst=0 if is_quick else _BURST_FILES,
        )
        on_step("other tools")
        ctags = await asyncio.to_thread(ctags_seconds, root)
        aider = None if is_quick else await asyncio.to_thread(aider_seconds, copy)
    return {
        **asdict(builds),
        "save_ms": asdict(saves),
        "burst": None if burst is None else asdict(burst),
        "keystroke_ms": keystrokes,
        "queries_ms": {kind: asdict(times) for kind, times in queries.items()},
        "others": _others(builds, ctags, aider),
    }


async def _keystrokes(root: Path, files: Sequence[tuple[str, str, int]]) -> dict[str, Any] | None:
    """Types in files of several lengths; the figures at the top are those of the one of about a thousand lines."""
    code = [file for file in files if (language := language_named(file[1])) is not None and not language.is_data]
    chosen = {min(code, key=lambda file: abs(file[2] - size))[0]: None for size in _TYPED_BYTES if code}
    rows = await measure_keystrokes([root / path for path in chosen])
    if not rows:
        return None
    typical = min(rows, key=lambda row: abs(row.lines - _TYPICAL_LINES))
    by_length = [asdict(row) | {"path": row.path.relative_to(root).as_posix()} for row in rows]
    return {
        "p50": typical.wall_ms_p50,
        "p95": typical.wall_ms_p95,
        "max": typical.wall_ms_max,
        "lines": typical.lines,
        "by_length": sorted(by_length, key=lambda row: row["lines"]),
    }


def _others(builds: Builds, ctags: float | None, aider: float | None) -> dict[str, Any]:
    return {
        tool: {"seconds": seconds, "cold_to_it": builds.cold_seconds / seconds}
        for tool, seconds in (("ctags", ctags), ("aider", aider))
        if seconds
    }
