"""A parse worker: reads files, parses them, and reports what they define. It may be killed at any moment.

A grammar can take minutes for a few hostile bytes and cannot be interrupted from inside; therefore the worker writes
which file it is at into shared memory, where its parent looks when nothing comes back.
"""

import contextlib
import gc
import mmap
import os
import resource
import sys
import time
from collections.abc import Iterator
from typing import Final

from fimble.index.extraction import extract
from fimble.index.files.notebook import cells_of, virtual_path
from fimble.index.files.source import content_id
from fimble.index.languages import grammar_of, language_named
from fimble.index.mentions import pack_mentions, pack_mentions_beside
from fimble.index.process.memory import peak_rss_bytes
from fimble.index.process.messages import HEADER, POSITION, Parse, Parsed, Report, Task, decode_task, encode
from fimble.index.process.reading import FileText, NoText, read_file
from fimble.index.store.chunks import split_chunks
from fimble.index.store.contents import decode_names, encode_names, encode_symbols, searchable_names
from fimble.index.store.schema import ExtractionState, FileFlag

NICENESS: Final = 10
_FLUSH_BYTES: Final = 128 * 1024
_FLUSH_S: Final = 0.05
# 120 KB of hostile C# made one parse take more than 20 GB.
_ADDRESS_SPACE_BYTES_MAX: Final = 2 * 1024**3


def main(root: str, position_fd: int) -> None:
    """Works through tasks from stdin until it ends, and reports to stdout."""
    os.nice(NICENESS)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES_MAX, _ADDRESS_SPACE_BYTES_MAX))
    # What native code or a library prints may not get between the messages.
    output = os.dup(1)
    os.dup2(2, 1)
    position = mmap.mmap(position_fd, POSITION.size)
    # Nothing here makes cycles, and a worker that grows is replaced.
    gc.disable()
    stdin = sys.stdin.buffer
    while header := stdin.read(HEADER.size):
        task = decode_task(stdin.read(HEADER.unpack(header)[0]))
        for report in _work(root, task, position):
            try:
                _write(output, encode(report))
            except BrokenPipeError:
                return  # Nobody waits for it any more.


def _work(root: str, task: Task, position: mmap.mmap) -> Iterator[Report]:
    results: list[Parsed] = []
    size = 0
    flushed = time.monotonic()
    for place, file in enumerate(task.files):
        POSITION.pack_into(position, 0, task.number, place)
        for result in parse_file(root, place, file):
            results.append(result)
            size += len(result.symbols) + len(result.names) + len(result.mentions) + sum(map(len, result.chunks))
        if size > _FLUSH_BYTES or time.monotonic() - flushed > _FLUSH_S:
            yield Report(task.number, results, False, peak_rss_bytes())
            results, size, flushed = [], 0, time.monotonic()
    yield Report(task.number, results, True, peak_rss_bytes())


def parse_file(root: str, place: int, file: Parse) -> Iterator[Parsed]:
    """Yields what a file defines; a notebook's cells come before the notebook."""
    path = os.fsdecode(file.path)
    read = read_file(root, path)
    if isinstance(read, NoText):
        yield Parsed(place, file.path, read.reason, stat=read.stat)
        return
    if file.is_text_wanted:
        chunks = split_chunks(read.text)
        yield Parsed(place, file.path, "", read.hash, read.language, read.stat, read.flags, chunks=chunks)
        return
    if file.names:
        mentions = pack_mentions_beside(read.text, decode_names(file.names).all())
        yield Parsed(place, file.path, "", read.hash, read.language, read.stat, read.flags, mentions=mentions)
        return
    if not read.is_notebook:
        yield _parsed(file, place, file.path, read, (read.language, read.text))
        return
    for cell in cells_of(read.text):
        text = cell.source.encode("utf-8", "replace")
        yield _parsed(file, place, os.fsencode(virtual_path(path, cell.number)), read, (cell.language, text))
    yield Parsed(place, file.path, stat=read.stat, flags=read.flags | FileFlag.NOTEBOOK)


def _parsed(file: Parse, place: int, path: bytes, read: FileText, part: tuple[str, bytes]) -> Parsed:
    language_name, text = part
    language = language_named(language_name)
    grammar = grammar_of(language) if language is not None else None
    hash_ = read.hash if text is read.text else content_id(text)
    if grammar is None or language is None:
        return Parsed(place, path, "", hash_, language_name, read.stat, read.flags, ExtractionState.NO_GRAMMAR)
    symbols = extract(grammar, text)
    return Parsed(
        place,
        path,
        "",
        hash_,
        language_name,
        read.stat,
        read.flags,
        ExtractionState.BROKEN if symbols.is_broken else ExtractionState.WHOLE,
        encode_names(symbols) if symbols.symbols else b"",
        encode_symbols(symbols),
        # Keys of data files would drown what people look for; no language server of these formats finds them either.
        "" if language.is_data else searchable_names(symbols),
        pack_mentions(text, symbols) if file.has_mentions and not language.is_data else b"",
        len(symbols.symbols),
    )


def _write(output: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(output, view) :]
