"""Where Fimble keeps what: downloaded models, settings, logs, and the engine's socket.

Only names and permissions live here; what is in the folders is the business of others.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

import platformdirs

from fimble.errors import FolderUnsafe, FolderUnusable

# The kernel keeps 108 bytes for a Unix socket's path, the final NUL included (unix(7)); 104 on macOS.
SOCKET_PATH_BYTES_MAX = 103
# The longest name that is ever put into the runtime folder, a temporary socket name included.
_LONGEST_SOCKET_NAME = "llama-4194304-00000000.sock"


def cache_folder() -> Path:
    """Returns the folder for downloads and the index: `FIMBLE_CACHE`, or the user's cache folder."""
    if override := os.environ.get("FIMBLE_CACHE"):
        return Path(override).expanduser().absolute()
    return Path(platformdirs.user_cache_path("fimble"))


def models_folder() -> Path:
    """Returns the folder with the downloaded model files, one subfolder per model."""
    return cache_folder() / "models"


def config_file() -> Path:
    """Returns the user's settings file: `FIMBLE_CONFIG`, or `config.toml` in the user's config folder."""
    if override := os.environ.get("FIMBLE_CONFIG"):
        return Path(override).expanduser().absolute()
    return Path(platformdirs.user_config_path("fimble")) / "config.toml"


def user_cards_folder() -> Path:
    """Returns the folder where a user may put model cards of their own."""
    return Path(platformdirs.user_config_path("fimble")) / "models"


def log_folder() -> Path:
    """Returns the folder of the rotating log files."""
    return Path(platformdirs.user_log_path("fimble"))


def state_folder() -> Path:
    """Returns the folder for what is kept between sessions and cannot be made again: the statistics."""
    return Path(platformdirs.user_state_path("fimble"))


def runtime_folder() -> Path:
    """Returns the private folder of the engine's socket, without creating it.

    `$XDG_RUNTIME_DIR/fimble` where that is set and short enough for a socket path, otherwise a folder in the
    temporary directory whose name holds the user's id.
    """
    if base := os.environ.get("XDG_RUNTIME_DIR"):
        folder = Path(base).absolute() / "fimble"
        if _fits_socket(folder):
            return folder
        # A long XDG_RUNTIME_DIR still names its own engine, so that two of them do not share one by accident.
        tag = "-" + hashlib.sha256(os.fsencode(base)).hexdigest()[:8]
    else:
        tag = ""
    return Path(tempfile.gettempdir()) / f"fimble-{os.getuid()}{tag}"


def make_private(folder: Path) -> Path:
    """Creates `folder` with mode 0700 if need be, and returns it.

    Raises:
        FolderUnusable: it cannot be created.
        FolderUnsafe: it is a link, belongs to another user, or others may enter it.
    """
    make(folder)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise FolderUnsafe(f"{folder} is not a folder; remove it and try again.")
    if status.st_uid != os.getuid():
        raise FolderUnsafe(f"{folder} belongs to another user; set XDG_RUNTIME_DIR to a folder of your own.")
    if status.st_mode & 0o077:
        raise FolderUnsafe(f"{folder} is open to other users; run: chmod 700 {folder}")
    return folder


def make(folder: Path) -> Path:
    """Creates `folder` for this user alone if it is not there, and returns it.

    Raises:
        FolderUnusable: it cannot be created.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise FolderUnusable(
            f"The folder {folder} cannot be made ({error.strerror}); free some space, or name another place with "
            "XDG_RUNTIME_DIR, XDG_STATE_HOME or FIMBLE_CACHE."
        ) from error
    return folder


def _fits_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX
