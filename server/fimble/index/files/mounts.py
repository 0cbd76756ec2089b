"""Says whether the kernel hears of all changes below a folder: on network and shared file systems it does not."""

import os
import re
from pathlib import Path
from typing import Final

_MOUNTS_FILE: Final = Path("/proc/self/mounts")
_REMOTE: Final = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|drvfs|virtiofs|vboxsf|prl_fs|vmhgfs|afs|openafs|ceph|glusterfs|lustre|gpfs|beegfs|ncpfs"
    r"|davfs|davfs2|fakeowner|grpcfuse|osxfs|fuse|fuse\.(?!gocryptfs|encfs|cryfs|securefs|mergerfs|bindfs|ntfs).*"
)
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def file_system_of(folder: str, mounts: str | None = None) -> str:
    """Returns the type of the file system that holds a real path, empty if it is not known."""
    if mounts is None:
        try:
            mounts = os.fsdecode(_MOUNTS_FILE.read_bytes())
        except OSError:
            return ""
    found, longest = "", -1
    for line in mounts.split("\n"):
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1]).rstrip("/")
        # Of several at one place the last one is on top.
        if (folder + "/").startswith(point + "/") and len(point) >= longest:
            found, longest = fields[2], len(point)
    return found


def may_change_unseen(file_system: str) -> bool:
    """Returns whether somebody else may change files of such a file system without the kernel knowing."""
    return _REMOTE.fullmatch(file_system) is not None
