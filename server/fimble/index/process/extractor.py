"""Which extractor this is: with another one, stored symbols are made anew."""

import hashlib
import importlib.metadata
from pathlib import Path

import fimble.index
from fimble.index.languages import LANGUAGES


def extractor_version() -> str:
    """Returns a hash of everything that symbols depend on: our code and queries, and the installed grammars."""
    digest = hashlib.sha256()
    folder = Path(fimble.index.__file__).parent
    for file in sorted([*folder.glob("*.py"), *folder.glob("tags/*.scm")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    for package in sorted({"tree-sitter", *(language.module.replace("_", "-") for language in LANGUAGES)}):
        try:
            digest.update(f"{package}={importlib.metadata.version(package)}\n".encode())
        except importlib.metadata.PackageNotFoundError:
            continue
    return digest.hexdigest()[:16]
