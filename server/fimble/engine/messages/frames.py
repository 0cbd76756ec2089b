"""The frames of the engine's protocol, and their encoding: length-prefixed msgpack.

A conversation: the client sends `Hello` and gets `Welcome` or `Refused`. From then on every `Generate`,
`CountTokens` and `GetStatus` carries an id chosen by the client, and each of them ends in exactly one of `Done`,
`Cancelled`, `Failed`, `TokenCounts` or `EngineStatus`. `Ping` is answered by `Pong` at any time.
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from functools import cache
from pathlib import Path

import msgspec

import fimble
from fimble.errors import FrameInvalid

PROTOCOL_VERSION = 1
# A prompt of 32,768 tokens is about 130 KB of text; nothing that is meant to cross is near this cap.
FRAME_BYTES_MAX = 8 * 1024 * 1024
HEADER = struct.Struct(">I")


class Urgency(IntEnum):
    """Who goes first when several requests wait; smaller is sooner."""

    INLINE = 0
    ACTION = 1
    PREFETCH = 2
    WARM_UP = 3
    BENCHMARK = 4


class State(StrEnum):
    """What the engine is doing with its model."""

    UNLOADED = "unloaded"
    """No model is in memory; the next request loads it."""
    LOADING = "loading"
    """The model is being read; the engine may be silent for the time its messages give."""
    READY = "ready"
    """The model is in memory and no request runs."""
    BUSY = "busy"
    """A request runs."""
    FAILED = "failed"
    """The model could not be loaded; the message says why and what to do."""


class _Frame(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Base of all frames; the class name is the tag on the wire."""


# From the client.


class Hello(_Frame, frozen=True):
    """The first frame of a connection."""

    protocol: int
    build: str
    client: str
    pid: int
    model: str = ""


class TextPart(_Frame, frozen=True):
    """Text that is encoded as ordinary text, whatever it spells."""

    text: str


class ControlPart(_Frame, frozen=True):
    """One control token of the model, by its spelling."""

    token: str


class Generate(_Frame, frozen=True):
    """Continue a prompt with text that starts with `starts_with`.

    `tokens_max` 0 evaluates the prompt and writes nothing. `drafts` says that much of the text will be the prompt's
    own, which a backend may guess ahead. Prompts of one client with the same `version_of` (not empty) replace one
    another: the rest of an older one need not be kept.
    """

    id: int
    parts: list[TextPart | ControlPart]
    tokens_max: int
    starts_with: str = ""
    urgency: Urgency = Urgency.INLINE
    supersede_key: str = ""
    temperature: float = 0.0
    seed: int = 0
    drafts: bool = False
    version_of: str = ""


class Cancel(_Frame, frozen=True):
    """End a request; without effect if it has ended already."""

    id: int


class CountTokens(_Frame, frozen=True):
    """Count the tokens of each text."""

    id: int
    texts: list[str]


class Load(_Frame, frozen=True):
    """Load the model now rather than with the first request; answered by `EngineStatus` once it is loaded."""

    id: int


class GetStatus(_Frame, frozen=True):
    """Ask what the engine does."""

    id: int


class Ping(_Frame, frozen=True):
    """Ask whether the engine lives."""

    number: int


class Shutdown(_Frame, frozen=True):
    """End the engine. Requests under way end as cancelled."""


ClientFrame = Hello | Generate | Cancel | CountTokens | Load | GetStatus | Ping | Shutdown

# From the engine.


class Welcome(_Frame, frozen=True):
    """The engine takes the client."""

    protocol: int
    build: str
    pid: int
    model: str


class Refused(_Frame, frozen=True):
    """The engine does not take the client, and closes; `code` is one word for programs."""

    code: str
    message: str
    build: str = ""
    pid: int = 0
    clients: int = 0


class Piece(_Frame, frozen=True):
    """Text that was just written; `log_probability` sums over its tokens (natural logarithm)."""

    id: int
    text: str
    tokens: int
    log_probability: float


class Timings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request cost; times in milliseconds."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0


class Evaluated(_Frame, frozen=True):
    """The prompt has been evaluated and the first piece follows; what that cost."""

    id: int
    timings: Timings


class Done(_Frame, frozen=True):
    """A request ended as it should; `stop_reason` is `stop` or `length`."""

    id: int
    stop_reason: str
    timings: Timings


class Cancelled(_Frame, frozen=True):
    """A request ended early; `reason` is `cancelled`, `superseded` or `shutdown`."""

    id: int
    reason: str
    timings: Timings = Timings()


class Failed(_Frame, frozen=True):
    """A request could not be served; `code` is one word for programs, `message` one sentence for people."""

    id: int
    code: str
    message: str


class TokenCounts(_Frame, frozen=True):
    """The answer to `CountTokens`."""

    id: int
    counts: list[int]


class EngineStatus(_Frame, frozen=True):
    """The answer to `GetStatus` and `Load`.

    `asked_model` is another one than `model` where that cannot run here; then `message` says why. `read_tokens` are
    prompt tokens that were evaluated since the engine started, by the urgency of their requests, in lower case.
    """

    id: int
    state: State
    pid: int
    build: str
    backend: str
    model: str
    clients: int
    queued: int
    running: int
    context_tokens: int = 0
    fill_in_middle: bool = False
    controls: dict[str, str] = {}
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    rss_bytes: int = 0
    vram_bytes: int = 0
    uptime_s: float = 0.0
    loads: int = 0
    message: str = ""
    asked_model: str = ""
    read_tokens: dict[str, int] = {}
    written_tokens: int = 0
    ended_jobs: int = 0


class StateChanged(_Frame, frozen=True):
    """Told to every client when the engine's state changes.

    `silent_s_max` is how long the engine may fail to answer pings from now on: reading a model holds the
    interpreter's lock, so that a loading engine cannot answer and yet is well.
    """

    state: State
    message: str = ""
    silent_s_max: float = 0.0


class Pong(_Frame, frozen=True):
    """The answer to `Ping`."""

    number: int


EngineFrame = (
    Welcome | Refused | Piece | Evaluated | Done | Cancelled | Failed | TokenCounts | EngineStatus | StateChanged | Pong
)

_encoder = msgspec.msgpack.Encoder()
_client_decoder: msgspec.msgpack.Decoder[ClientFrame] = msgspec.msgpack.Decoder(ClientFrame)
_engine_decoder: msgspec.msgpack.Decoder[EngineFrame] = msgspec.msgpack.Decoder(EngineFrame)


def encode(frame: ClientFrame | EngineFrame) -> bytes:
    """Returns the frame's bytes, length prefix included.

    Raises:
        FrameInvalid: the frame is larger than `FRAME_BYTES_MAX`.
    """
    body = _encoder.encode(frame)
    if len(body) > FRAME_BYTES_MAX:
        raise FrameInvalid(f"A frame of {len(body)} bytes is over the limit of {FRAME_BYTES_MAX}.")
    return HEADER.pack(len(body)) + body


def decode_client_frame(body: bytes) -> ClientFrame:
    """Decodes what a client sent.

    Raises:
        FrameInvalid: the bytes are not such a frame.
    """
    with _decoding(body):
        return _client_decoder.decode(body)


def decode_engine_frame(body: bytes) -> EngineFrame:
    """Decodes what an engine sent.

    Raises:
        FrameInvalid: the bytes are not such a frame.
    """
    with _decoding(body):
        return _engine_decoder.decode(body)


@contextmanager
def _decoding(body: bytes) -> Iterator[None]:
    try:
        yield
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FrameInvalid(f"A frame of {len(body)} bytes could not be decoded: {error}.") from error


@cache
def build() -> str:
    """Returns what tells this build from others: the version, and a hash of the installed source files' stamps.

    A checkout whose files changed since an engine started is another build, so that a developer's (or an
    upgraded) editor does not talk to yesterday's engine.
    """
    root = Path(fimble.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        status = os.stat(file)
        digest.update(f"{file.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return f"{fimble.__version__}+{digest.hexdigest()[:12]}"
