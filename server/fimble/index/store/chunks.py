"""The pieces of a text that word search tells apart."""

import itertools

from fimble.index.lines import line_starts
from fimble.index.store.schema import CHUNK_LINES, CHUNKS_MAX


def split_chunks(source: bytes) -> list[str]:
    """Returns the text in chunks of `CHUNK_LINES` lines; the last one takes what is beyond the limit of chunks."""
    if b"\r" in source:
        starts = [*line_starts(source)[::CHUNK_LINES][:CHUNKS_MAX], len(source)]
        return [source[start:end].decode("utf-8", "replace") for start, end in itertools.pairwise(starts)]
    lines = source.decode("utf-8", "replace").split("\n")
    if len(lines) > CHUNKS_MAX * CHUNK_LINES:
        lines[CHUNKS_MAX * CHUNK_LINES - 1 :] = ["\n".join(lines[CHUNKS_MAX * CHUNK_LINES - 1 :])]
    return ["\n".join(lines[start : start + CHUNK_LINES]) for start in range(0, len(lines), CHUNK_LINES)]
