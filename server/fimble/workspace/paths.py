"""Turns URIs into paths and back, and into the name a person would use for a file.

Nothing here reads the disk. A URI comes from the editor and can be anything; what cannot be a file is None.
"""

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_PATH_END: Final = re.compile(r"[?#]")


@dataclass(frozen=True, slots=True)
class Folder:
    """A workspace folder: its URI, the name that the editor shows, and its path with forward slashes."""

    uri: str
    name: str
    path: str

    @classmethod
    def from_uri(cls, uri: str, name: str = "") -> "Folder":
        """Returns the folder at `uri`; without a name it is called what its path ends with."""
        path = _decoded_path(uri)[2]
        return cls(uri, name or posixpath.basename(path), path)


def path_from_uri(uri: str) -> Path | None:
    """Returns the local path of a `file:` URI, and None for everything that is not a local file."""
    scheme, authority, path = _decoded_path(uri)
    if scheme != "file" or authority not in ("", "localhost") or not path.startswith("/") or "\0" in path:
        return None
    return Path(path)


def uri_from_path(path: Path) -> str:
    """Returns the `file:` URI of an absolute path, also when its name is not valid UTF-8."""
    return "file://" + quote(os.fsencode(path.absolute()))


def folder_of(uri: str, folders: Sequence[Folder]) -> Folder | None:
    """Returns the innermost of `folders` that holds `uri`."""
    path = _decoded_path(uri)[2]
    around = [folder for folder in folders if _is_inside(path, folder.path)]
    return max(around, key=lambda folder: len(folder.path), default=None)


def display_path(uri: str, folders: Sequence[Folder]) -> str:
    """Returns what a person would call the file: its path in its workspace folder, or else its name.

    The result can always be encoded; bytes that are not UTF-8 become U+FFFD.
    """
    path = _decoded_path(uri)[2]
    folder = folder_of(uri, folders)
    name = path[len(folder.path.rstrip("/")) + 1 :] if folder is not None else posixpath.basename(path)
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def repository_of(uri: str, folders: Sequence[Folder]) -> str:
    """Returns the name of the repository that a file belongs to: its workspace folder, or its own folder."""
    folder = folder_of(uri, folders)
    if folder is not None:
        return folder.name
    parent = posixpath.basename(posixpath.dirname(_decoded_path(uri)[2]))
    return parent.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _decoded_path(uri: str) -> tuple[str, str, str]:
    # Not urlsplit: it strips characters, and raises for an authority that looks like a broken IPv6 address.
    match = _SCHEME.match(uri)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", uri)
    rest = _PATH_END.split(rest, maxsplit=1)[0]
    authority = ""
    if rest.startswith("//"):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
    path = os.fsdecode(unquote_to_bytes(rest.encode("utf-8", "replace")))
    return scheme, authority, posixpath.normpath(path) if path else ""


def _is_inside(path: str, folder: str) -> bool:
    return bool(folder) and path.startswith(folder if folder.endswith("/") else folder + "/")
