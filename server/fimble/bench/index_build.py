"""How long an index takes from nothing, next to parsing alone, and how long on a tree that has not changed."""

import sqlite3
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fimble.bench.memory import MemoryWatch
from fimble.bench.raw_parse import raw_parse_seconds
from fimble.features.navigation.up_to_date import bring_up_to_date
from fimble.index.store.progress import Progress, Stage
from fimble.index.store.schema import DATABASE_NAME, ExtractionState

_POLL_S: Final = 0.01
_WARM_ROUNDS: Final = 3

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One build; times count from the start of the index process."""

    cold_seconds: float
    word_search_seconds: float
    peak_rss_bytes: int
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Medians of several runs that took turns, because machines are noisy, and the runs themselves."""

    cold_seconds: float
    raw_parse_seconds: float
    cold_to_raw: float
    word_search_seconds: float
    warm_seconds: float
    peak_rss_bytes: int
    db_bytes: int
    files: int
    parsed_files: int
    parsed_bytes: int
    left_out: int
    cold_runs: tuple[float, ...]
    raw_runs: tuple[float, ...]


async def measure_builds(root: Path, place: Path, *, rounds: int, on_step: OnStep) -> Builds:
    """Builds indexes of `root` in folders of their own below `place`; the last one stays there as `last`."""
    on_step("a first build, so that all files are in the system's cache")
    await _build(root, place / "first")
    files = parsed_files(place / "first")
    raw: list[float] = []
    runs: list[Run] = []
    for number in range(rounds):
        on_step(f"parsing alone ({number + 1} of {rounds + 1})")
        raw.append(raw_parse_seconds(root, files))
        on_step(f"a build from nothing ({number + 1} of {rounds})")
        runs.append(await _build(root, place / (f"cold-{number}" if number < rounds - 1 else "last")))
    on_step(f"parsing alone ({rounds + 1} of {rounds + 1})")
    raw.append(raw_parse_seconds(root, files))
    on_step("starts on a tree that has not changed")
    warm = [(await _build(root, place / "last")).cold_seconds for _ in range(_WARM_ROUNDS)]
    cold_seconds, raw_seconds = statistics.median(run.cold_seconds for run in runs), statistics.median(raw)
    last = runs[-1].progress
    return Builds(
        cold_seconds=cold_seconds,
        raw_parse_seconds=raw_seconds,
        cold_to_raw=cold_seconds / raw_seconds,
        word_search_seconds=statistics.median(run.word_search_seconds for run in runs),
        warm_seconds=statistics.median(warm),
        peak_rss_bytes=max(run.peak_rss_bytes for run in runs),
        db_bytes=sum(file.stat().st_size for file in (place / "last").glob(DATABASE_NAME + "*")),
        files=last.files,
        parsed_files=len(files),
        parsed_bytes=sum(size for _, _, size in files),
        left_out=last.quarantined,
        cold_runs=tuple(run.cold_seconds for run in runs),
        raw_runs=tuple(raw),
    )


async def _build(root: Path, folder: Path) -> Run:
    began_s = time.monotonic()
    reached: dict[Stage, float] = {}

    def note(progress: Progress) -> None:
        reached.setdefault(progress.stage, time.monotonic() - began_s)

    with MemoryWatch() as memory:
        built = await bring_up_to_date(root, note, folder=folder, poll_s=_POLL_S)
    ready_s = reached[Stage.READY]
    return Run(
        cold_seconds=ready_s,
        word_search_seconds=min(reached.get(Stage.SYMBOLS, ready_s), ready_s),
        peak_rss_bytes=max(memory.peak_bytes, built.progress.peak_rss_bytes),
        progress=built.progress,
    )


def parsed_files(folder: Path) -> list[tuple[str, str, int]]:
    """Returns path, language and size of the files that an index has parsed, of equal ones only the first."""
    uri = f"file:{quote(str(folder / DATABASE_NAME))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True)
    try:
        rows = connection.execute(
            "SELECT min(file.path), content.language, file.size FROM file "
            "JOIN content ON content.id = file.content JOIN extraction ON extraction.content = content.id "
            "WHERE extraction.state IN (?, ?) GROUP BY content.id",
            (ExtractionState.WHOLE, ExtractionState.BROKEN),
        ).fetchall()
    finally:
        connection.close()
    # A cell of a notebook is no file, and a name that is not UTF-8 does not go through JSON.
    paths = ((path.decode("utf-8", "ignore"), path, language, size) for path, language, size in rows)
    return [(text, name, size) for text, path, name, size in paths if text.encode() == path and "#cell-" not in text]
