"""A file that grows and is hashed while it is written; it never becomes longer than it should."""

import hashlib
import os
from pathlib import Path
from types import TracebackType

from fimble.errors import SourceFailed
from fimble.models.disk import disk_full, is_full

_CHUNK_BYTES = 1 << 20


class PartFile:
    """A growing file; used as a context manager, which closes it."""

    def __init__(self, path: Path, total_bytes: int, keep_bytes: int = 0) -> None:
        """Opens the file and keeps its first `keep_bytes`, which are read once for the hash.

        Args:
            path: The file; it is created if need be.
            total_bytes: How long it becomes.
            keep_bytes: How much of what is there is right; if less is there, nothing is kept.
        """
        self.path = path
        self.bytes = 0
        self._total_bytes = total_bytes
        self._digest = hashlib.sha256()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._content = os.fdopen(descriptor, "r+b", buffering=0)
        if os.fstat(descriptor).st_size >= keep_bytes:
            self._take_up(keep_bytes)
        self._content.seek(self.bytes)
        self._content.truncate()

    @property
    def sha256(self) -> str:
        """The hash of what the file holds now."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Appends `data`.

        Raises:
            SourceFailed: the file would become too long.
            DiskFull: there is no more space.
        """
        if self.bytes + len(data) > self._total_bytes:
            raise SourceFailed(f"it delivers more than the {self._total_bytes:,} bytes that the card pins")
        view = memoryview(data)
        try:
            while view:
                written = self._content.write(view) or 0
                view = view[written:]
        except OSError as error:
            if is_full(error):
                raise disk_full(self.path.parent, self._total_bytes - self.bytes) from error
            raise
        self._digest.update(data)
        self.bytes += len(data)

    def sync(self) -> None:
        """Makes what was written survive a power failure.

        Raises:
            DiskFull: there is no more space, which some file systems notice only now.
        """
        try:
            os.fsync(self._content.fileno())
        except OSError as error:
            if is_full(error):
                raise disk_full(self.path.parent, self._total_bytes - self.bytes) from error
            raise

    def __enter__(self) -> "PartFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._content.close()

    def _take_up(self, keep_bytes: int) -> None:
        while self.bytes < keep_bytes:
            chunk = self._content.read(min(_CHUNK_BYTES, keep_bytes - self.bytes))
            self._digest.update(chunk)
            self.bytes += len(chunk)
