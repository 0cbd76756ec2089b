"""A model file that is already on this machine is copied; the original stays as it is."""

from pathlib import Path

from fimble.errors import SourceFailed
from fimble.models.card import LocalSource
from fimble.models.sources.fetching import Delivered, Fetching
from fimble.models.sources.part_file import PartFile

_CHUNK_BYTES = 1 << 20


def fetch_local(source: LocalSource, fetching: Fetching) -> Delivered:
    """Copies a file into the staging folder.

    Raises:
        SourceFailed: there is no such file, it cannot be read, or it has another size.
        DiskFull: there is no space for the copy.
        DownloadCancelled: the user stopped it.
    """
    original = Path(source.path).expanduser()
    file = fetching.file
    try:
        if not original.is_file():
            raise SourceFailed("there is no such file")
        if (size := original.stat().st_size) != file.bytes:
            raise SourceFailed(f"it has {size:,} bytes instead of {file.bytes:,}")
        content = original.open("rb", buffering=0)
    except OSError as error:
        raise SourceFailed(f"it cannot be read ({error.strerror})") from error
    with content, PartFile(fetching.folder / f"{file.name}.part", file.bytes) as part:
        while chunk := content.read(_CHUNK_BYTES):
            fetching.check_cancelled()
            part.write(chunk)
            fetching.progress(part.bytes, file.bytes, f"copying {original}")
        part.sync()
        return Delivered(part.path, part.sha256)
