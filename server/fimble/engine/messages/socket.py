"""The socket between the two sides: its place, its peer, and whole frames through it.

A pathname Unix socket in a private folder, with the peer's user checked on both sides: no port is open, so that
no web page, container or other user can reach the engine (see SECURITY.md).
"""

import asyncio
import os
import socket
import struct
import sys
from pathlib import Path

from fimble.engine.messages.frames import FRAME_BYTES_MAX, HEADER
from fimble.errors import FrameInvalid, PeerRefused

SOCKET_NAME = "engine.sock"
ENGINE_LOCK_NAME = "engine.lock"
START_LOCK_NAME = "start.lock"
# Holds the moment (of the system's monotonic clock) until which a loading engine may be silent. Clients that are
# connected hear it as a frame; one that connects meanwhile cannot be answered and looks here.
LOADING_NAME = "engine.loading"
# SOL_LOCAL and LOCAL_PEERCRED, LOCAL_PEERPID of sys/un.h on macOS, which the socket module does not name.
_DARWIN_SOL_LOCAL, _DARWIN_PEERCRED, _DARWIN_PEERPID = 0, 1, 2


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Returns the process id and the user id of the process at the other end, as the kernel knows them."""
    if sys.platform == "darwin":
        # struct xucred: version, uid, then groups.
        credentials = connection.getsockopt(_DARWIN_SOL_LOCAL, _DARWIN_PEERCRED, 76)
        (uid,) = struct.unpack_from("I", credentials, 4)
        (pid,) = struct.unpack("i", connection.getsockopt(_DARWIN_SOL_LOCAL, _DARWIN_PEERPID, 4))
        return pid, uid
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _gid = struct.unpack("3i", credentials)
    return pid, uid


def check_peer(connection: socket.socket, own_uid: int | None = None) -> int:
    """Returns the peer's process id.

    Raises:
        PeerRefused: the peer is another user (the superuser included: it has no business here).
    """
    pid, uid = peer_of(connection)
    expected = os.getuid() if own_uid is None else own_uid
    if uid != expected:
        raise PeerRefused(f"The process at the other end of the engine's socket belongs to user {uid}, not to you.")
    return pid


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """Returns the next frame's body, or None where the stream ends between frames.

    Raises:
        FrameInvalid: the stream ends inside a frame, or announces one that is too large.
    """
    try:
        header = await reader.readexactly(HEADER.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise FrameInvalid("The stream ended inside a frame's header.") from error
    (length,) = HEADER.unpack(header)
    if length > FRAME_BYTES_MAX:
        raise FrameInvalid(f"A frame of {length} bytes is announced; the limit is {FRAME_BYTES_MAX}.")
    try:
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise FrameInvalid("The stream ended inside a frame.") from error


def connect(folder: Path, timeout_s: float) -> socket.socket:
    """Connects to the engine's socket in `folder` and checks who listens there.

    Raises:
        OSError: nobody listens.
        PeerRefused: another user listens.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(os.fspath(folder / SOCKET_NAME))
        check_peer(connection)
        connection.setblocking(False)
    except BaseException:
        connection.close()
        raise
    return connection


def silent_until(folder: Path) -> float:
    """Returns until when the engine in `folder` may be silent because it loads a model; 0 where it may not be."""
    try:
        return float((folder / LOADING_NAME).read_text("ascii"))
    except (OSError, ValueError):
        return 0.0
