"""What the language server knows of one open document's symbols, between what was asked and what was answered."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fimble.index.buffers.messages import Change, Open, Parsed
from fimble.index.buffers.moving import moved, splice_between
from fimble.index.symbols import FileSymbols
from fimble.workspace.documents import DOCUMENT_BYTES_MAX
from fimble.workspace.text import Text

# Texts sent and not answered; one more waits, so that typing on cannot put off a slow parse for ever.
IN_FLIGHT_MAX: Final = 32
# Deaths of the process after which a document is not parsed any more.
DEATHS_MAX: Final = 2

_symbols_decoder: Final = msgspec.msgpack.Decoder(FileSymbols)


@dataclass(frozen=True, slots=True)
class BufferSymbols:
    """The symbols of an open document's text of a version.

    Until that version is parsed, `is_complete` is false and the symbols are those of an earlier one, moved along
    with the edits. `stale` are the numbers of symbols that were known before the text broke and that the broken text
    does not show any more; once it is whole again there are none.
    """

    version: int
    symbols: FileSymbols
    is_complete: bool
    stale: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class BufferDocument:
    """An open document. `number` names it to the process, `sequence` counts its texts."""

    uri: str
    number: int
    language: str
    text: Text
    version: int
    sequence: int = 1
    # The latest text that the process has, or None where it does not have the document.
    sent: Text | None = None
    sent_sequence: int = 0
    in_flight: dict[int, Text] = field(default_factory=dict)
    answered_sequence: int = 0
    settled_sequence: int = 0
    # The latest symbols: as they came, decoded, of which text, and moved to the text of which sequence.
    raw: bytes = b""
    known: FileSymbols | None = None
    known_text: Text | None = None
    latest: tuple[int, FileSymbols] | None = None
    stale: frozenset[int] = frozenset()
    surface: bytes = b""
    deaths: int = 0
    # Whether no answer will come: the document is closed, its language has no grammar, or there is no process.
    has_ended: bool = False
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def is_parsed(self) -> bool:
        """Tells whether the symbols are those of the current text, or no better ones are to be expected."""
        return self.is_left_alone or self.answered_sequence == self.sequence

    @property
    def is_settled(self) -> bool:
        """Tells whether nothing more is to be expected for the current text."""
        return self.is_left_alone or self.settled_sequence == self.sequence

    @property
    def is_too_large(self) -> bool:
        """Tells whether the text is larger than what anybody types in."""
        return self.text.size_bytes > DOCUMENT_BYTES_MAX

    @property
    def is_left_alone(self) -> bool:
        """Tells whether the document is not to be parsed as it is."""
        return self.has_ended or self.deaths >= DEATHS_MAX or self.is_too_large

    @property
    def is_waiting_to_be_sent(self) -> bool:
        """Tells whether the process is to hear of the current text, and may."""
        is_known = self.sent is not None and self.sent_sequence == self.sequence
        return not is_known and not self.is_settled and len(self.in_flight) < IN_FLIGHT_MAX

    def replace_text(self, text: Text, version: int) -> None:
        """Takes note of a newer text."""
        self.text = text
        self.version = version
        self.sequence += 1

    def request(self) -> Open | Change:
        """Returns what makes the process know the current text, and takes note that it was sent."""
        text, sent = self.text, self.sent
        self.sent, self.sent_sequence = text, self.sequence
        self.in_flight[self.sequence] = text
        if sent is None:
            return Open(self.number, self.sequence, self.language, text.slice(0, len(text)).encode("utf-8"))
        splice = splice_between(sent, text)
        return Change(self.number, self.sequence, splice.start, splice.old_end, splice.new)

    def forget_sent(self) -> None:
        """Takes note that the process does not have the document any more."""
        self.sent = None
        self.in_flight.clear()

    def take(self, parsed: Parsed) -> bool:
        """Takes note of an answer, and tells whether the surface changed."""
        text = self.in_flight.get(parsed.sequence, self.sent if parsed.sequence == self.sent_sequence else None)
        if text is None:
            return False
        for sequence in [sequence for sequence in self.in_flight if sequence <= parsed.sequence]:
            del self.in_flight[sequence]
        self.answered_sequence = parsed.sequence
        if parsed.is_settled:
            self.settled_sequence = parsed.sequence
        if not parsed.symbols:
            return False
        # Decoding is left to who asks: most answers while typing are replaced before anybody looks.
        self.raw, self.known, self.known_text = parsed.symbols, None, text
        self.latest = None
        self.stale = frozenset(parsed.stale)
        has_changed = self.surface != parsed.surface
        self.surface = parsed.surface
        return has_changed

    def symbols(self) -> BufferSymbols | None:
        """Returns the symbols at their places in the current text, or None where none are known."""
        if not self.raw or self.known_text is None or self.is_too_large:
            return None
        if self.known is None:
            self.known = _symbols_decoder.decode(self.raw)
        if self.latest is None or self.latest[0] != self.sequence:
            known = self.known
            if self.known_text is not self.text:
                known = moved(known, splice_between(self.known_text, self.text))
            self.latest = (self.sequence, known)
        is_complete = self.answered_sequence == self.sequence
        return BufferSymbols(self.version, self.latest[1], is_complete, self.stale)

    def wake(self) -> None:
        """Lets those who wait for an answer look again."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()
