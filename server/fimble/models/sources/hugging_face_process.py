"""The child process that downloads one file from Hugging Face; it prints one JSON object per step.

It is started by its path, imports nothing of Fimble, and is imported by nobody. Its parent kills it when it
shows no life.
"""

import fcntl
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ASK_TIMEOUT_S = 10.0
_PARENT_POLL_S = 0.5
_CHUNK_BYTES = 1 << 16


def main() -> int:
    """Downloads the file that the only argument describes, as a JSON object."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    # Only now: the parent measures how long the question takes, not the import.
    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    url = hf_hub_url(order["repository"], order["file"], revision=order["revision"])
    _say(step="asking", url=url)
    try:
        found = get_hf_file_metadata(url, token=False, timeout=_ASK_TIMEOUT_S)
        if found.size is not None and found.size != order["bytes"]:
            return _fail(f"it offers {found.size:,} bytes instead of {order['bytes']:,}")
        if found.etag and _SHA256.fullmatch(found.etag) and found.etag != order["sha256"]:
            return _fail("it offers a file with another checksum than the card pins")
        _say(step="found")
        _download(url, Path(order["part"]), order["bytes"])
    except HfHubHTTPError as error:
        return _fail(f"it answers with status {error.response.status_code}")
    except OSError as error:
        return _fail(_first_line(error), error.errno)
    except Exception as error:  # noqa: BLE001 - the fence of a process of its own; the parent is told.
        return _fail(_first_line(error))
    _say(step="done")
    return 0


def _download(url: str, part: Path, total_bytes: int) -> None:
    """Continues `part` up to `total_bytes`.

    The library's `hf_hub_download` starts from nothing in each process, so this uses the function below it,
    which takes a position to resume from.
    """
    from huggingface_hub import constants  # noqa: PLC0415
    from huggingface_hub.file_download import http_get  # noqa: PLC0415

    # The library collects ten megabytes before it writes any: on a slow line that looks dead for minutes, and an
    # interruption would lose them.
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as content:
        # Waits for a predecessor whose parent was killed; it notices that within half a second and ends.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done = os.fstat(descriptor).st_size
        if done > total_bytes:
            content.truncate(0)
            done = 0
        content.seek(done)
        # Compressed content would have other positions than the file.
        http_get(url, content, resume_size=done, headers={"Accept-Encoding": "identity"}, expected_size=total_bytes)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    os._exit(1)


def _fail(reason: str, number: int | None = None) -> int:
    _say(step="failed", reason=reason, errno=number)
    return 1


def _say(**words: object) -> None:
    # Standard output is this process's own; it has nothing to do with the language server's.
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
