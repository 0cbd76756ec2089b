"""Where the index of a workspace is, for commands that build it, look at it and ask it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from fimble.errors import IndexUnavailable
from fimble.index.files.repository import repository_around
from fimble.index.queries.view import View
from fimble.index.store.reader import Reader
from fimble.index.store.schema import DATABASE_NAME, LOCK_NAME, index_folder


def workspace_around(folder: Path | None) -> Path:
    """Returns the workspace that a command is about: `folder`, or the repository around the current folder."""
    if folder is not None:
        return folder.resolve()
    current = Path.cwd()
    repository = repository_around(os.fspath(current))
    return current if repository is None else Path(repository.top)


@contextlib.contextmanager
def opened(root: Path) -> Iterator[View]:
    """Lets a command ask the index of a workspace."""
    reader = Reader(index_folder(root))
    try:
        yield View(root, reader)
    finally:
        reader.close()


def remove(root: Path) -> None:
    """Deletes a workspace's index.

    Raises:
        IndexUnavailable: another process is writing it.
    """
    folder = index_folder(root)
    if not folder.is_dir():
        return
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for suffix in ("-wal", "-shm", ""):
            (folder / f"{DATABASE_NAME}{suffix}").unlink(missing_ok=True)
    except BlockingIOError as error:
        raise IndexUnavailable("An editor is using this index; close its window, then rebuild.") from error
    finally:
        os.close(descriptor)


def database_bytes(folder: Path) -> int:
    """Returns how much room a database takes, its log included."""
    sizes = (folder / f"{DATABASE_NAME}{suffix}" for suffix in ("", "-wal"))
    return sum(path.stat().st_size for path in sizes if path.exists())


def count_symbols(reader: Reader) -> int:
    """Returns how many symbols the files of a workspace have."""
    files: dict[int, int] = {}
    for entry in reader.files():
        if entry.content is not None:
            files[entry.content] = files.get(entry.content, 0) + 1
    return sum(len(names) * files[content] for content, names in reader.names_of(files).items())
