"""Indexes a folder in this process, as tests of queries need it."""

import os
from pathlib import Path

from fimble.index.extraction import extract
from fimble.index.files.source import content_id
from fimble.index.languages import grammar_of, language_of_path
from fimble.index.mentions import pack_mentions
from fimble.index.store.chunks import split_chunks
from fimble.index.store.contents import encode_names, encode_symbols, searchable_names
from fimble.index.store.schema import ExtractionState
from fimble.index.store.writer import Writer


def build(root: Path, folder: Path) -> None:
    """Puts all files under `root` that have a language into a database in `folder`."""
    writer = Writer(folder, root)
    with writer.batch():
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            path = os.fspath(file.relative_to(root))
            put(writer, path, file.read_bytes(), file)
    writer.close()


def put(writer: Writer, path: str, source: bytes, file: Path) -> None:
    """Indexes one file."""
    language = language_of_path(path)
    status = file.stat()
    stat = (status.st_size, status.st_mtime_ns, status.st_ino)
    hash_ = content_id(source)
    known = writer.content_of(hash_, language.name if language else "")
    content, _ = writer.content_for(hash_, language.name if language else "", split_chunks(source))
    if known is None:
        grammar = grammar_of(language) if language else None
        if grammar is not None:
            symbols = extract(grammar, source)
            state = ExtractionState.BROKEN if symbols.is_broken else ExtractionState.WHOLE
            writer.add_extraction(
                content, state, encode_names(symbols), encode_symbols(symbols), searchable_names(symbols)
            )
            writer.add_mentions(
                content, b"" if language is None or language.is_data else pack_mentions(source, symbols)
            )
    writer.put_file(path, content, stat)
