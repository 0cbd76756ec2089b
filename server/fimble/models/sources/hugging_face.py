"""A model file in a Hugging Face repository; the download runs in `hugging_face_process` and resumes."""

import json
import time
from pathlib import Path

from fimble.errors import SourceFailed
from fimble.models.card import HuggingFaceSource
from fimble.models.disk import disk_full, is_full, lacks_space
from fimble.models.sources.child import Child, clear_leftovers
from fimble.models.sources.fetching import Delivered, Fetching
from fimble.models.store import hash_file

_PROCESS = Path(__file__).with_name("hugging_face_process.py")
_POLL_S = 0.1
# Nobody's token is ever sent, not even one that lies in the usual places; nothing is counted; and the part
# file is written by the child alone rather than by the library's own transfer protocol.
_ENVIRONMENT = {
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH")


def fetch_hugging_face(source: HuggingFaceSource, fetching: Fetching) -> Delivered:
    """Downloads a file, or the rest of it, into the staging folder.

    Raises:
        SourceFailed: the site cannot be reached, or does not have the file that the card pins.
        DiskFull: there is no space.
        DownloadCancelled: the user stopped it.
    """
    file = fetching.file
    # Named after the checksum: an interrupted download of another version is not continued.
    part = fetching.folder / f"{file.sha256[:16]}.part"
    had_bytes = part.stat().st_size if part.exists() else 0
    child = _start(source, fetching, part)
    what = "downloading from Hugging Face"
    try:
        while child.status() is None:
            fetching.check_cancelled()
            time.sleep(_POLL_S)
            child.look(part)
            done_bytes = part.stat().st_size if part.exists() else 0
            if done_bytes > file.bytes:
                raise SourceFailed(f"it delivers more than the {file.bytes:,} bytes that the card pins")
            fetching.progress(done_bytes, file.bytes, what)
            _check_life(child, fetching, "found" in _steps(child))
        if child.status() != 0:
            raise _failure(child, fetching, done_bytes=part.stat().st_size if part.exists() else 0)
    finally:
        child.kill()
    sha256, _ = hash_file(part, fetching.progress, "checking")
    return Delivered(part, sha256, resumed=had_bytes > 0)


def _start(source: HuggingFaceSource, fetching: Fetching, part: Path) -> Child:
    file = fetching.file
    surroundings = fetching.surroundings
    order = {
        "repository": source.repository,
        "file": source.file,
        "revision": source.revision,
        "part": str(part),
        "bytes": file.bytes,
        "sha256": file.sha256,
    }
    environment = {name: value for name, value in surroundings.environment.items() if name not in _TOKENS}
    environment |= _ENVIRONMENT | {"HF_HOME": str(fetching.folder / "home")}
    # By its path: the child stands in another folder, where a relative PYTHONPATH would not lead to this package.
    command = [surroundings.python, str(_PROCESS), json.dumps(order)]
    clear_leftovers(fetching.folder)
    return Child(command, fetching.folder, environment)


def _check_life(child: Child, fetching: Fetching, is_found: bool) -> None:
    patience = fetching.surroundings.patience
    now = time.monotonic()
    if is_found:
        if now - child.grew_s > patience.stall_s:
            raise SourceFailed(f"it sent nothing for {patience.stall_s:.0f} seconds")
    elif child.first_word_s is None:
        if now - child.started_s > patience.start_s:
            raise SourceFailed("the download process did not start")
    elif now - child.first_word_s > patience.reach_s:
        raise SourceFailed(f"it cannot be reached (no answer within {patience.reach_s:g} seconds)")


def _steps(child: Child) -> dict[str, dict[str, object]]:
    """Returns what the child said, by step; lines of other origin, such as warnings, are skipped."""
    steps: dict[str, dict[str, object]] = {}
    for line in child.log().splitlines():
        if line.startswith('{"step"'):
            try:
                words = json.loads(line)
            except ValueError:
                continue
            steps[str(words["step"])] = words
    return steps


def _failure(child: Child, fetching: Fetching, done_bytes: int) -> Exception:
    steps = _steps(child)
    missing_bytes = fetching.file.bytes - done_bytes
    if lacks_space(fetching.folder, missing_bytes):
        return disk_full(fetching.folder, missing_bytes)
    words = steps.get("failed")
    if words is None:
        lines = child.log().strip().splitlines()
        return SourceFailed(f"the download process ended early: {lines[-1][:200] if lines else child.status()}")
    number = words.get("errno")
    if isinstance(number, int) and is_full(OSError(number, "")):
        return disk_full(fetching.folder, missing_bytes)
    if "found" not in steps and "Connect" in str(words["reason"]):
        return SourceFailed(f"it cannot be reached ({words['reason']})")
    return SourceFailed(str(words["reason"]))
