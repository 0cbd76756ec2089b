"""What the language server and the process that parses open documents tell each other: length-prefixed msgpack.

A document is named by a number. Each of its texts has a sequence number, and answers say to which text they belong.
"""

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from fimble.errors import FrameInvalid

HEADER: Final = struct.Struct(">I")
# The largest document has 4 MiB, the most symbols are 20,000 of at most 600 characters.
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024


class Open(msgspec.Struct, frozen=True, tag=True):
    """A document and its whole text in UTF-8; one that is open already is replaced."""

    document: int
    sequence: int
    language: str
    source: bytes


class Change(msgspec.Struct, frozen=True, tag=True):
    """Bytes from `start` up to `old_end` became `new`."""

    document: int
    sequence: int
    start: int
    old_end: int
    new: bytes


class Close(msgspec.Struct, frozen=True, tag=True):
    """Forget a document."""

    document: int


Request = Open | Change | Close


class Working(msgspec.Struct, frozen=True, tag=True):
    """Work on a document begins; if the process ends before the next frame, this document is why."""

    document: int


class Parsed(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The document was parsed.

    `symbols` is an encoded `FileSymbols`, or empty where the former ones are right once they are moved along with the
    edits; `stale` are the numbers of those symbols that the broken text no longer shows. `is_settled` says that
    nothing more follows until the text changes.
    """

    document: int
    sequence: int
    is_settled: bool
    surface: bytes = b""
    stale: tuple[int, ...] = ()
    symbols: bytes = b""


class Declined(msgspec.Struct, frozen=True, tag=True):
    """There is no grammar for the document's language."""

    document: int


Answer = Working | Parsed | Declined

_encoder: Final = msgspec.msgpack.Encoder()
_request_decoder: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_answer_decoder: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def encode(frame: Request | Answer) -> bytes:
    """Returns a frame's bytes, length prefix included."""
    body = _encoder.encode(frame)
    return HEADER.pack(len(body)) + body


def body_size(header: bytes) -> int:
    """Returns the size of the body that follows a header.

    Raises:
        FrameInvalid: it is too large.
    """
    (size,) = HEADER.unpack(header)
    if size > FRAME_BYTES_MAX:
        raise FrameInvalid(f"A frame of {size} bytes is over the limit of {FRAME_BYTES_MAX}.")
    return int(size)


def take_requests(received: bytearray) -> Iterator[Request]:
    """Yields the whole frames at the start of `received`, and removes them from it."""
    while len(received) >= HEADER.size:
        end = HEADER.size + body_size(bytes(received[: HEADER.size]))
        if len(received) < end:
            return
        body = bytes(received[HEADER.size : end])
        del received[:end]
        yield _request_decoder.decode(body)


def decode_answer(body: bytes) -> Answer:
    """Decodes what the process sent.

    Raises:
        FrameInvalid: the bytes are no answer.
    """
    try:
        return _answer_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise FrameInvalid(f"An answer of {len(body)} bytes could not be decoded: {error}.") from error
