"""Which extractor this is: with another one, stored symbols are made anew."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import fimble.index


def extractor_version() -> str:
    """Returns a hash of everything that symbols depend on: our code and queries, and the installed grammars."""
    digest = hashlib.sha256()
    folder = Path(fimble.index.__file__).parent
    for file in sorted([*folder.glob("*.py"), *folder.glob("tags/*.scm")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    for name in sorted(_installed_grammars()):
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()[:16]


def _installed_grammars() -> Iterator[str]:
    """Yields name and version of each, as its folder says; to read all of their metadata takes ten times as long."""
    for folder in sys.path:
        with contextlib.suppress(OSError):
            yield from (
                name for name in os.listdir(folder) if name.startswith(("tree_sitter", "tree-sitter")) and "-" in name
            )
