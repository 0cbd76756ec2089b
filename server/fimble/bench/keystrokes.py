"""How soon symbols follow a keystroke, and how long the event loop stands still meanwhile.

In several places of each file some lines are removed and typed again, character by character, through the same process
that a language server uses. The processor time is that of the same edits to a buffer in this process.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from fimble.index.buffers.buffer import Buffer
from fimble.index.buffers.indexer import BufferIndexer
from fimble.index.languages import Language, grammar_of, language_of_path
from fimble.workspace.text import Text

KEYSTROKES: Final = 200
_PLACES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
_TICK_S: Final = 0.001
_PARSE_TIMEOUT_S: Final = 30.0

_Typed: TypeAlias = tuple[int, int, str]
"""The characters from the first offset up to the second become the string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeystrokeRow:
    """One file. Times in milliseconds.

    `wall_*` is from the change until the symbols are those of the changed text, `cpu_*` the processor time of edit,
    parse and symbols alone, `open_ms` the wait for the first symbols (of the first file: with the process's start).
    `stall_ms_max` is the longest time for which the event loop did not come round, `stall_cpu_ms_max` the most
    processor time that this process spent meanwhile: on a busy machine, the rest is waiting for a processor.
    """

    path: Path
    language: str
    lines: int
    size_bytes: int
    symbols: int
    keystrokes: int
    open_ms: float
    wall_ms_p50: float
    wall_ms_p95: float
    wall_ms_max: float
    cpu_ms_p50: float
    cpu_ms_p95: float
    cpu_ms_max: float
    stall_ms_max: float
    stall_cpu_ms_max: float


async def measure_keystrokes(files: Sequence[Path], *, keystrokes: int = KEYSTROKES) -> list[KeystrokeRow]:
    """Returns one row for each of the files that has a known language and is UTF-8."""
    indexer = BufferIndexer()
    rows: list[KeystrokeRow] = []
    try:
        for file in files:
            language = language_of_path(file.name)
            if language is None:
                continue
            try:
                content = (await asyncio.to_thread(file.read_bytes)).decode("utf-8")
            except UnicodeDecodeError:
                continue
            rows.append(await _row(indexer, file, language, content, keystrokes))
    finally:
        await indexer.stop()
    return rows


async def _row(indexer: BufferIndexer, file: Path, language: Language, content: str, keystrokes: int) -> KeystrokeRow:
    uri = file.as_uri() if file.is_absolute() else f"file:///{file}"
    text = Text.from_string(content)
    edits = list(_typing(text, keystrokes))
    stall = _Stall()
    watch = asyncio.create_task(stall.watch())
    start_s = time.perf_counter()
    indexer.open(uri, language.name, text, 0)
    await asyncio.wait_for(indexer.parsed(uri), _PARSE_TIMEOUT_S)
    symbols = indexer.symbols(uri)
    open_s = time.perf_counter() - start_s
    wall: list[float] = []
    for version, edit in enumerate(edits, 1):
        text = text.replace(*edit)
        start_s = time.perf_counter()
        indexer.change(uri, text, version)
        await asyncio.wait_for(indexer.parsed(uri), _PARSE_TIMEOUT_S)
        indexer.symbols(uri)
        wall.append(time.perf_counter() - start_s)
    await asyncio.wait_for(indexer.settled(uri), _PARSE_TIMEOUT_S)
    indexer.close(uri)
    watch.cancel()
    await asyncio.wait([watch])
    cpu = await asyncio.to_thread(_processor_times, language, content, edits)
    return KeystrokeRow(
        path=file,
        language=language.name,
        lines=text.line_count,
        size_bytes=text.size_bytes,
        symbols=len(symbols.symbols.symbols) if symbols is not None else 0,
        keystrokes=len(edits),
        open_ms=1000 * open_s,
        wall_ms_p50=1000 * _percentile(wall, 50),
        wall_ms_p95=1000 * _percentile(wall, 95),
        wall_ms_max=1000 * max(wall, default=0.0),
        cpu_ms_p50=1000 * _percentile(cpu, 50),
        cpu_ms_p95=1000 * _percentile(cpu, 95),
        cpu_ms_max=1000 * max(cpu, default=0.0),
        stall_ms_max=1000 * stall.longest_s,
        stall_cpu_ms_max=1000 * stall.longest_cpu_s,
    )


def _typing(text: Text, keystrokes: int) -> Iterator[_Typed]:
    """Yields edits: in each of the places some lines are removed and typed again, so that the text ends as it began."""
    for share in _PLACES:
        line = int(share * text.line_count)
        end = text.line_start(line)
        start = text.line_start(text.line_at(max(end - keystrokes // len(_PLACES), 0)))
        end = min(end, start + keystrokes)
        yield start, end, ""
        for index, character in enumerate(text.slice(start, end)):
            yield start + index, start + index, character


def _processor_times(language: Language, content: str, edits: Sequence[_Typed]) -> list[float]:
    grammar = grammar_of(language)
    if grammar is None:
        return []
    buffer = Buffer(grammar, content.encode("utf-8"))
    buffer.reparse()
    buffer.symbols()
    text = Text.from_string(content)
    times: list[float] = []
    for start, end, new in edits:
        start_s = time.thread_time()
        buffer.edit(text.byte_offset(start), text.byte_offset(end), new.encode("utf-8"))
        buffer.reparse()
        if buffer.outline_changed or buffer.names_moved_unevenly:
            buffer.symbols()
        times.append(time.thread_time() - start_s)
        text = text.replace(start, end, new)
    return times


def _percentile(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


class _Stall:
    """Measures for how long the event loop does not come round."""

    def __init__(self) -> None:
        self.longest_s = self.longest_cpu_s = 0.0

    async def watch(self) -> None:
        while True:
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            await asyncio.sleep(_TICK_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - start_s - _TICK_S)
            self.longest_cpu_s = max(self.longest_cpu_s, time.process_time() - start_cpu_s)
