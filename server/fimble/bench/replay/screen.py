"""What is on the screen and since when: ghost text lives until it is typed along to its end, or differs, or goes."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Span:
    """Ghost text that stood unchanged between two moments.

    `press` is the number of the press before it, -1 before the first. A suggestion that is typed along leaves one
    span per press; they have the same `suggestion` number.
    """

    press: int
    suggestion: int
    text: str
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Shown:
    """The ghost text at the cursor: what of the suggestion is left, and how much of it has been put in already.

    `since_s` is when the suggestion appeared; `origin` is what the system that suggested it knows it by.
    """

    suggestion: int
    text: str
    since_s: float
    passed: int
    origin: object = None


@dataclass(slots=True)
class Screen:
    """One editor's ghost text. `clock` returns seconds."""

    clock: Callable[[], float]
    spans: list[Span] = field(default_factory=list)
    shown: Shown | None = None
    _press: int = -1
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def show(self, text: str, origin: object = None) -> bool:
        """Puts ghost text at the cursor, or takes it off where `text` is empty; returns whether that is new text."""
        if self.shown is not None and self.shown.text == text:
            return False
        self._end_span(self.clock())
        self.shown = None
        if not text:
            return False
        now_s = self.clock()
        self.shown = Shown(next(self._numbers), text, now_s, 0, origin)
        self.spans.append(Span(self._press, self.shown.suggestion, text, now_s, now_s))
        return True

    def pressed(self, text: str, at_s: float) -> None:
        """Moves on after `text` was put in at the cursor: what it was the beginning of stays, all else goes.

        `at_s` is the time of the press, which the clock may have left behind by now.
        """
        self._press += 1
        self._end_span(at_s)
        old = self.shown
        if old is None or not old.text.startswith(text) or old.text == text:
            self.shown = None
            return
        rest = old.text[len(text) :]
        self.shown = Shown(old.suggestion, rest, old.since_s, old.passed + len(text), old.origin)
        self.spans.append(Span(self._press, old.suggestion, rest, at_s, at_s))

    def close(self) -> None:
        """Takes off what is shown, since the typist goes elsewhere."""
        self.show("")

    def _end_span(self, at_s: float) -> None:
        if self.shown is not None:
            self.spans[-1].until_s = at_s
