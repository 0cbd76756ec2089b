"""Where a model's files lie on this machine, and whether they are what the card pins.

A file is loaded only after its whole content was hashed. A stamp next to it remembers that, with the file's
size, inode and times, so that the hash is computed again only when one of them differs. How files get here is
the business of `download`.
"""

import enum
import hashlib
import os
import re
import shutil
import stat
import time
from pathlib import Path

import msgspec

from fimble import folders
from fimble.errors import ModelCardInvalid, ModelFileMissing, ModelFileWrong, ModelRefused
from fimble.models.card import LocalSource, ModelCard, ModelFile
from fimble.models.disk import files_below, sync_folder
from fimble.models.lock import lock_model
from fimble.models.memory import human
from fimble.models.progress import Progress, silent

# Names come from cards, which people share: they never leave the models folder and are never hidden.
_SAFE_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,128}", re.ASCII)
_GGUF_MAGIC = b"GGUF"
_CHUNK_BYTES = 1 << 20
# The kernel's file times advance in ticks of at most 10 ms. A file younger than two ticks could still change
# without its times changing, and a stamp would then vouch for bytes that nobody hashed.
_SETTLED_NS = 20_000_000


class ModelState(enum.Enum):
    """What is known about a model's files."""

    ABSENT = "absent"
    """There is nothing here."""

    PARTIAL = "partial"
    """A download was interrupted and can go on."""

    UNVERIFIED = "unverified"
    """The files are here but were not hashed since they last changed, or the card pins no checksum."""

    READY = "ready"
    """The files are here and are what the card pins."""

    WRONG = "wrong"
    """A file is here, or was set aside, that differs from what the card pins."""


class _Stamp(msgspec.Struct, frozen=True):
    """What a file looked like when its hash was computed."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    sha256: str


def model_folder(card: ModelCard) -> Path:
    """Returns the folder of a model's files, without creating it."""
    return folders.models_folder() / _safe(card.name)


def file_path(card: ModelCard, file: ModelFile) -> Path:
    """Returns where a file lies or will lie: in the model's folder, or where the user keeps their own."""
    if own := _own_path(file):
        return own
    return model_folder(card) / _safe(file.name)


def staging_folder(card: ModelCard) -> Path:
    """Returns the folder in which downloads grow, without creating it."""
    return model_folder(card) / "staging"


def check_names(card: ModelCard) -> None:
    """Checks that the names in a card are safe to use as file names.

    Raises:
        ModelCardInvalid: a name is not made of 1 to 128 letters, digits, dots, dashes and underscores.
    """
    _safe(card.name)
    for file in card.files:
        if not _own_path(file):
            _safe(file.name)


def is_pinned(card: ModelCard) -> bool:
    """Tells whether the card says what each file must be, so that files can be downloaded and checked."""
    return bool(card.files) and all(file.sha256 and file.bytes for file in card.files)


def prepare_folder(card: ModelCard) -> Path:
    """Creates the model's folder, closed to other users, and returns it."""
    folder = model_folder(card)
    for part in (folders.cache_folder(), folders.models_folder(), folder):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def state(card: ModelCard) -> ModelState:
    """Tells what is known about a model's files, without hashing or changing anything."""
    if not card.files:
        return _state_without_files(card)
    states = {file_state(card, file) for file in card.files}
    for worst in (ModelState.WRONG, ModelState.PARTIAL, ModelState.ABSENT, ModelState.UNVERIFIED):
        if worst in states:
            # Some files of several are a download to go on with.
            return ModelState.PARTIAL if worst is ModelState.ABSENT and len(states) > 1 else worst
    return ModelState.READY


def file_state(card: ModelCard, file: ModelFile) -> ModelState:
    """Tells what is known about one file, without hashing or changing anything."""
    path = file_path(card, file)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if _has_content(staging_folder(card)):
            return ModelState.PARTIAL
        return ModelState.WRONG if _aside(path).exists() else ModelState.ABSENT
    if _fault(path, file, status):
        return ModelState.WRONG
    if file.sha256 and _read_stamp(path) == _stamp_of(status, file.sha256):
        return ModelState.READY
    return ModelState.UNVERIFIED


def ready_path(card: ModelCard, progress: Progress = silent) -> Path:
    """Returns what a backend loads: the file of a llama.cpp model, the folder of any other.

    Files that were not hashed since they last changed are hashed now, which takes seconds.

    Raises:
        ModelFileMissing: a file is not here.
        ModelFileWrong: a file differs from what the card pins; it was set aside.
    """
    if not card.files:
        if _state_without_files(card) is ModelState.ABSENT:
            raise _missing(card)
        return model_folder(card)
    for file in card.files:
        match file_state(card, file):
            case ModelState.ABSENT | ModelState.PARTIAL:
                raise _missing(card)
            case ModelState.WRONG:
                raise set_aside(card, file)
            case ModelState.UNVERIFIED if file.sha256:
                verify_file(card, file, progress)
            case _:
                pass
    return file_path(card, card.files[0]) if card.backend == "llamacpp" else model_folder(card)


def verify(card: ModelCard, progress: Progress = silent) -> Path:
    """Hashes all files of a model, whatever their stamps say, and returns the same as `ready_path`.

    Raises:
        ModelFileMissing: a file is not here.
        ModelFileWrong: a file differs from what the card pins; it was set aside.
    """
    for file in card.files:
        match file_state(card, file):
            case ModelState.ABSENT | ModelState.PARTIAL:
                raise _missing(card)
            case ModelState.WRONG:
                raise set_aside(card, file)
            case _ if file.sha256:
                verify_file(card, file, progress)
            case _:
                pass
    return ready_path(card, progress)


def verify_file(card: ModelCard, file: ModelFile, progress: Progress = silent) -> None:
    """Hashes one file and stamps it.

    Raises:
        ModelFileWrong: it differs from what the card pins; it was set aside.
    """
    path = file_path(card, file)
    sha256, status = hash_file(path, progress, f"checking {file.name}")
    if sha256 != file.sha256:
        raise set_aside(card, file, inode=status.st_ino)
    _write_stamp(path, status, sha256)


def accept(card: ModelCard, file: ModelFile, candidate: Path, sha256: str) -> Path:
    """Takes a delivered file into the store, or removes it.

    Args:
        card: The model.
        file: The file that `candidate` should be.
        candidate: A file on the same disk, closed and private.
        sha256: The hash of what was written to `candidate`.

    Returns:
        Where the file lies now.

    Raises:
        ModelFileWrong: the candidate differs from what the card pins; it is gone.
    """
    fault = _fault(candidate, file, candidate.stat())
    if not fault and sha256 != file.sha256:
        fault = "has another checksum than the card pins"
    if fault:
        candidate.unlink()
        raise ModelFileWrong(f"The file that arrived {fault}.")
    path = file_path(card, file)
    candidate.chmod(0o600)
    descriptor = os.open(candidate, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    # A file that was set aside has served its purpose once its successor is here.
    _aside(path).unlink(missing_ok=True)
    os.replace(candidate, path)
    sync_folder(path.parent)
    _write_stamp(path, _settled(path), sha256)
    return path


def set_aside(card: ModelCard, file: ModelFile, inode: int | None = None) -> ModelFileWrong:
    """Renames a wrong file so that nothing takes it for whole, and returns the error that says so.

    A file that the user keeps elsewhere stays as it is.

    Args:
        card: The model.
        file: The wrong file.
        inode: The inode that was found wrong, if known: a file that has replaced it meanwhile stays.
    """
    path = file_path(card, file)
    try:
        status = path.stat()
    except FileNotFoundError:
        fault = "differs from what its card pins"
    else:
        fault = _fault(path, file, status) or "has another checksum than its card pins"
        if not _own_path(file) and inode in (None, status.st_ino):
            _stamp_path(path).unlink(missing_ok=True)
            os.replace(path, _aside(path))
    if _own_path(file):
        return ModelFileWrong(f"{path} {fault}; choose another file.")
    return ModelFileWrong(f"The file {file.name} of {card.name} {fault}. Run: fimble models pull {card.name}")


def remove(card: ModelCard) -> int:
    """Removes a model's files, stamps and interrupted downloads, and returns how many bytes that freed.

    Raises:
        ModelRefused: the file is the user's own, or a download of this model is running.
    """
    if any(_own_path(file) for file in card.files):
        raise ModelRefused(f"{card.title} is a file of your own; Fimble does not remove it.")
    folder = model_folder(card)
    if not folder.exists():
        return 0
    with lock_model(folder):
        freed = sum(size for _, size in files_below(folder))
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    return freed


def clear_staging(card: ModelCard) -> None:
    """Removes what interrupted downloads left."""
    shutil.rmtree(staging_folder(card), ignore_errors=True)


def hash_file(path: Path, progress: Progress, what: str) -> tuple[str, os.stat_result]:
    """Computes a file's SHA-256, and returns it with the file's status while it was read.

    Raises:
        ModelFileWrong: the file changed meanwhile.
    """
    before = _settled(path)
    digest = hashlib.sha256()
    done = 0
    with path.open("rb", buffering=0) as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            progress(done, before.st_size, what)
        after = os.fstat(content.fileno())
    if _stamp_of(before, "") != _stamp_of(after, ""):
        raise ModelFileWrong(f"{path} changed while it was being checked; run the command again.")
    return digest.hexdigest(), after


def has_gguf_magic(path: Path) -> bool:
    """Tells whether a file starts as GGUF files do."""
    with path.open("rb") as content:
        return content.read(len(_GGUF_MAGIC)) == _GGUF_MAGIC


def _state_without_files(card: ModelCard) -> ModelState:
    """Tells the state of a model whose card lists no files: the user chose a revision and placed them."""
    if card.backend == "scripted":
        return ModelState.READY
    return ModelState.UNVERIFIED if (model_folder(card) / "config.json").is_file() else ModelState.ABSENT


def _missing(card: ModelCard) -> ModelFileMissing:
    if any(_own_path(file) for file in card.files):
        return ModelFileMissing(f"{card.title} is not here; choose another file.")
    if not is_pinned(card):
        names = ", ".join(file.name for file in card.files) or "the files"
        origin = f"{names} of {card.repository}" if card.repository else names
        return ModelFileMissing(
            f"The model {card.name} is not on this machine and its card pins no checksums; "
            f"put {origin} into {model_folder(card)}"
        )
    size = human(sum(file.bytes for file in card.files))
    return ModelFileMissing(
        f"The model {card.name} ({size}) is not on this machine. Run: fimble models pull {card.name}"
    )


def _fault(path: Path, file: ModelFile, status: os.stat_result) -> str:
    """Returns what is plainly wrong with a file, or nothing."""
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    if file.bytes and status.st_size != file.bytes:
        return f"has {status.st_size:,} bytes instead of {file.bytes:,}"
    if file.name.endswith(".gguf") and not has_gguf_magic(path):
        return "is not a GGUF file"
    return ""


def _own_path(file: ModelFile) -> Path | None:
    """Returns where the user keeps a file of their own: one without a checksum and with no other source."""
    if not file.sha256 and len(file.sources) == 1 and isinstance(file.sources[0], LocalSource):
        return Path(file.sources[0].path).expanduser()
    return None


def _safe(name: str) -> str:
    if not _SAFE_NAME.fullmatch(name):
        raise ModelCardInvalid(
            f"The name {name!r} in a model card cannot be used; it needs 1 to 128 letters, digits, dots, "
            "dashes and underscores, and starts with no dot."
        )
    return name


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".wrong")


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified.json")


def _stamp_of(status: os.stat_result, sha256: str) -> _Stamp:
    return _Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, sha256)


def _read_stamp(path: Path) -> _Stamp | None:
    try:
        return msgspec.json.decode(_stamp_path(path).read_bytes(), type=_Stamp)
    except (OSError, msgspec.DecodeError):
        # Without a readable stamp the file is hashed again, which is always right.
        return None


def _write_stamp(path: Path, status: os.stat_result, sha256: str) -> None:
    stamp_path = _stamp_path(path)
    new = stamp_path.with_name(f"{stamp_path.name}.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as content:
            content.write(msgspec.json.encode(_stamp_of(status, sha256)))
        os.replace(new, stamp_path)
    except OSError:
        # On a full or read-only disk the file is as good without a stamp; it is only hashed again next time.
        new.unlink(missing_ok=True)


def _settled(path: Path) -> os.stat_result:
    """Waits until a file's times are old enough to tell later changes apart, and returns its status."""
    status = path.stat()
    age_ns = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns)
    if 0 <= age_ns < _SETTLED_NS:
        time.sleep((_SETTLED_NS - age_ns) / 1e9)
        status = path.stat()
    return status


def _has_content(folder: Path) -> bool:
    return next(files_below(folder), None) is not None
