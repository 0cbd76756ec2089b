"""Whole messages through a pipe: four bytes that say how long one is, then its bytes."""

import os
from typing import Final

FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
_HEADER_BYTES: Final = 4


class FrameBroken(ValueError):
    """A message is too long, or not what it should be."""


def write_frame(descriptor: int, body: bytes) -> None:
    """Writes one message.

    Raises:
        FrameBroken: it is too long.
    """
    rest = frame(body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def frame(body: bytes) -> bytes:
    """Returns the bytes of one message.

    Raises:
        FrameBroken: it is too long.
    """
    if len(body) > FRAME_BYTES_MAX:
        raise FrameBroken(f"a message of {len(body)} bytes is too long")
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


def read_frame(descriptor: int) -> bytes | None:
    """Reads exactly one message and not a byte more; None where the pipe has ended.

    Raises:
        FrameBroken: a message is announced that is too long.
    """
    header = _read(descriptor, _HEADER_BYTES)
    if header is None:
        return None
    length = int.from_bytes(header, "big")
    if length > FRAME_BYTES_MAX:
        raise FrameBroken(f"a message of {length} bytes is announced")
    return _read(descriptor, length)


def _read(descriptor: int, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        part = os.read(descriptor, length - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
