"""Looks at what was accepted again later, at several moments, and tells how much of it is still there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from fimble.features.acceptance.kept import NEAR_CHARACTERS, REGION_CHARACTERS_MAX, Change, Span, kept_share, moved
from fimble.features.acceptance.sight import Sight
from fimble.features.acceptance.store import MOMENTS
from fimble.features.acceptance.writer import Job
from fimble.workspace.text import Text

TextOf = Callable[[str], Text | None]
"""Returns the text of an open document as it is now, by its uri."""

CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]

MOMENTS_S: Final = (30.0, 120.0, 600.0)
PIECES_MAX: Final = 256
# A shorter text turns up somewhere near by chance.
NEAR_ACCEPTED_MIN: Final = 20


@dataclass(slots=True, eq=False)
class _Piece:
    """An accepted text, and where it is in the last known text of its document.

    `is_awaited` tells that the editor has not sent the change yet that puts it there.
    """

    key: int
    uri: str
    accepted: str
    text: Text
    span: Span
    is_awaited: bool = False
    moments: list[str] = field(default_factory=lambda: list(MOMENTS))
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Keeping:
    """Follows accepted texts through the edits of their documents.

    Documents that are closed count with their last text. All methods belong to the event loop; the comparing itself is
    left to the thread that stores its result.
    """

    def __init__(
        self, put: Callable[[Job], None], call_later: CallLater, moments_s: tuple[float, float, float]
    ) -> None:
        self._put = put
        self._call_later = call_later
        self._moments_s = moments_s
        self._pieces: dict[int, _Piece] = {}
        self._text_of: TextOf = lambda uri: None

    def follow_texts(self, text_of: TextOf) -> None:
        """Takes what tells the documents' texts."""
        self._text_of = text_of

    def follow(self, sight: Sight) -> None:
        """Follows what was accepted of a suggestion; the moments count from its first accept."""
        now = self._text_of(sight.uri) or sight.origin
        accepted = sight.accepted_text
        span = Span(sight.accepted_start, sight.accepted_start + len(accepted))
        is_awaited = False
        if now.slice(span.start, span.end) != accepted:
            # It was inserted with other line ends, or it comes with the editor's next message.
            start, end, newer_end = sight.origin.difference(now)
            is_awaited = start == end == newer_end
            span = Span(sight.offset, sight.offset) if is_awaited else Span(start, newer_end)
        piece = self._pieces.get(sight.key)
        if piece is not None:
            piece.accepted, piece.text, piece.span, piece.is_awaited = accepted, now, span, is_awaited
            return
        if len(self._pieces) >= PIECES_MAX:
            return
        piece = self._pieces[sight.key] = _Piece(sight.key, sight.uri, accepted, now, span, is_awaited)
        for moment, seconds in zip(MOMENTS, self._moments_s, strict=True):
            piece.timers.append(self._call_later(seconds, partial(self._look, piece, moment)))

    def move(self, uri: str, text: Text) -> None:
        """Takes a document's newest text, perhaps the last one."""
        changes: dict[int, Change] = {}
        for piece in self._pieces.values():
            if piece.uri == uri and piece.text is not text:
                # Usually all of them were in the same text before, and this happens with every key.
                number = id(piece.text)
                if number not in changes:
                    changes[number] = piece.text.difference(text)
                _move(piece, text, changes[number])

    def stop(self) -> None:
        """Looks at everything one last time, for all of its moments: there is nobody left who edits."""
        for piece in tuple(self._pieces.values()):
            for timer in piece.timers:
                timer.cancel()
            for moment in tuple(piece.moments):
                self._look(piece, moment)

    def _look(self, piece: _Piece, moment: str) -> None:
        text = self._text_of(piece.uri)
        if text is not None:
            self.move(piece.uri, text)
        piece.moments.remove(moment)
        if not piece.moments:
            del self._pieces[piece.key]
        self._compare(piece, moment)

    def _compare(self, piece: _Piece, moment: str) -> None:
        start, end = piece.span.start, min(piece.span.end, piece.span.start + REGION_CHARACTERS_MAX)
        region = piece.text.slice(start, end)
        key, accepted, around = piece.key, piece.accepted, ""
        if len(accepted) >= NEAR_ACCEPTED_MIN:
            around = piece.text.slice(max(0, start - NEAR_CHARACTERS), end + NEAR_CHARACTERS)
        self._put(lambda store: store.keep(key, moment, kept_share(accepted, region, around)))


def _move(piece: _Piece, text: Text, change: Change) -> None:
    start, end, newer_end = change
    if not piece.is_awaited:
        piece.span = moved(piece.span, change)
    elif not start == end == newer_end:
        piece.is_awaited, piece.span = False, Span(start, newer_end)
    piece.text = text
