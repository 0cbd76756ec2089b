"""Reads and parses files and does nothing else: what an index is compared with.

`raw_parse_seconds` runs two of these processes at a time, started as the index starts its workers.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PROCESSES: Final = 2
_TIMEOUT_S: Final = 1800.0


def raw_parse_seconds(root: Path, files: Sequence[tuple[str, str, int]]) -> float:
    """Returns how long two processes take for `files` (path, language, size), their own start included."""
    # The largest go first, each to whom has least: both end at about the same time.
    shares: list[list[tuple[str, str]]] = [[] for _ in range(PROCESSES)]
    sizes = [0] * PROCESSES
    for path, language, size in sorted(files, key=lambda file: -file[2]):
        least = sizes.index(min(sizes))
        shares[least].append((path, language))
        sizes[least] += size
    lists = [json.dumps(share).encode() for share in shares]
    began_s = time.perf_counter()
    command = [sys.executable, "-P", "-W", "ignore", "-m", "fimble.bench.raw_parse", str(root)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in shares]
    try:
        for process, data in zip(processes, lists, strict=True):
            assert process.stdin is not None  # noqa: S101 - it was asked for.
            process.stdin.write(data)
            process.stdin.close()
        for process in processes:
            process.wait(_TIMEOUT_S)
        return time.perf_counter() - began_s
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main(root: str) -> None:
    """Parses the files that standard input lists."""
    # The imports are part of what is measured, as they are of a worker's start.
    import importlib  # noqa: PLC0415 - see above.

    import tree_sitter  # noqa: PLC0415 - see above.

    from fimble.index.languages import language_named  # noqa: PLC0415 - see above.

    parsers: dict[str, tree_sitter.Parser] = {}
    for path, name in json.load(sys.stdin):
        parser = parsers.get(name)
        if parser is None:
            language = language_named(name)
            if language is None:
                continue
            grammar = getattr(importlib.import_module(language.module), language.function)()
            parser = parsers[name] = tree_sitter.Parser(tree_sitter.Language(grammar))
        with open(f"{root}/{path}", "rb") as file:
            parser.parse(file.read())


if __name__ == "__main__":
    main(sys.argv[1])
