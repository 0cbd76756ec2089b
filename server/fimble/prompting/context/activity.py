"""What the user did lately: which files were looked at and changed, and the last changes as small diffs.

It is told on the event loop, where a keystroke costs the comparison of two blocks of text; diffs are made from a
moment, by whoever wants them and in their thread.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from fimble.workspace.text import Text

# Zed groups changes within 8 lines (CHANGE_GROUPING_LINE_SPAN in its edit_prediction.rs) and keeps 10 of them. It
# splits at a pause of one second; with ours, a function that is thought about while it is written stays one change.
GROUP_LINES: Final = 8
GROUP_PAUSE_S: Final = 10.0
EDITS_MAX: Final = 12
# What changes more lines than that at once is a paste, a formatter or another branch, and says nothing about intent.
EDIT_LINES_MAX: Final = 40
PATHS_MAX: Final = 64
# Texts that are larger are only noted as recent: each change of a document that is sent whole costs time per byte.
TEXT_CHARACTERS_MAX: Final = 1_000_000
_LINE_CHARACTERS_MAX: Final = 300
_CONTEXT_LINES: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentEdit:
    """A change of whole lines.

    `first_line` to `last_line` (from 0, inclusive) is where the diff was in the text right after the change; later
    changes above may have moved the place since. `diff` has a line of context on either side; its lines begin with a
    space, - or +.
    """

    path: str
    first_line: int
    last_line: int
    diff: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    age_s: float


class RecentKind(StrEnum):
    """What the user last did with a file, the most telling first."""

    EDITED = "edited"
    """It was changed."""
    VIEWED = "viewed"
    """It was looked at."""
    OPEN = "open"
    """The editor has it open, which may be so since a session was restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentPath:
    """A file that was used; `age_s` is how long ago that was for the last time."""

    path: str
    kind: RecentKind
    age_s: float


@dataclass(slots=True)
class _Use:
    is_open: bool = False
    is_viewed: bool = False
    is_edited: bool = False
    last_s: float = 0.0

    @property
    def kind(self) -> RecentKind:
        if self.is_edited:
            return RecentKind.EDITED
        return RecentKind.VIEWED if self.is_viewed else RecentKind.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A change that may still grow: lines `first` to `before_end` of `before` are `first` to `after_end` of `after`."""

    path: str
    before: Text
    after: Text
    first: int
    before_end: int
    after_end: int
    last_s: float

    def settled(self) -> "_Settled":
        """Returns the change on its own: whole texts would keep much in memory that was deleted long ago."""
        first = max(0, self.first - _CONTEXT_LINES)
        return _Settled(
            path=self.path,
            first_line=first,
            before=_lines(self.before, first, self.before_end + _CONTEXT_LINES),
            after=_lines(self.after, first, self.after_end + _CONTEXT_LINES),
            last_s=self.last_s,
        )


class _Settled:
    """A change that is over: the lines that it changed, with their neighbours, and its diffs once they were asked."""

    __slots__ = ("_after", "_before", "_first_line", "_hunks", "_path", "last_s")

    def __init__(
        self, *, path: str, first_line: int, before: Sequence[str], after: Sequence[str], last_s: float
    ) -> None:
        self._path = path
        self._first_line = first_line
        self._before = before
        self._after = after
        self.last_s = last_s
        self._hunks: tuple[RecentEdit, ...] | None = None

    def edits(self, age_s: float) -> list[RecentEdit]:
        """Returns the diffs of each place that differs, from the top."""
        if self._hunks is None:
            # Two threads may come here at once; both make the same.
            self._hunks = tuple(self._make_hunks())
        return [replace(hunk, age_s=age_s) for hunk in self._hunks]

    def _make_hunks(self) -> list[RecentEdit]:
        hunks = []
        matcher = SequenceMatcher(None, self._before, self._after, autojunk=False)
        for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
            removed: list[str] = []
            added: list[str] = []
            diff: list[str] = []
            for tag, start, end, new_start, new_end in group:
                if tag == "equal":
                    diff += [f" {line}" for line in self._before[start:end]]
                    continue
                removed += self._before[start:end]
                added += self._after[new_start:new_end]
                diff += [f"-{line}" for line in self._before[start:end]]
                diff += [f"+{line}" for line in self._after[new_start:new_end]]
            # What only moves spaces around tells nothing about what is being done.
            if _ink(removed) != _ink(added):
                first = self._first_line + group[0][3]
                hunks.append(
                    RecentEdit(
                        path=self._path,
                        first_line=first,
                        last_line=max(first, self._first_line + group[-1][4] - 1),
                        diff="\n".join(diff),
                        removed=tuple(removed),
                        added=tuple(added),
                        age_s=0.0,
                    )
                )
        return hunks


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityMoment:
    """What was known at one moment; may be asked in any thread."""

    _settled: tuple[_Settled, ...]
    _running: _Running | None
    _paths: tuple[tuple[str, RecentKind, float], ...]
    _now_s: float

    def edits(self, limit: int = EDITS_MAX) -> list[RecentEdit]:
        """Returns the last changes, at most `limit`, the newest last."""
        if limit <= 0:
            return []
        changes = (*self._settled, *((self._running.settled(),) if self._running is not None else ()))
        found: list[RecentEdit] = []
        for change in reversed(changes):
            found += reversed(change.edits(max(0.0, self._now_s - change.last_s)))
            if len(found) >= limit:
                break
        return found[:limit][::-1]

    def recent_paths(self) -> list[RecentPath]:
        """Returns the files that were used last, the newest first."""
        return [
            RecentPath(path=path, kind=kind, age_s=max(0.0, self._now_s - last_s))
            for path, kind, last_s in reversed(self._paths)
        ]


class Activity:
    """Follows what happens to the documents of a workspace; for the event loop only.

    A path names one text: the cells of a notebook need a path each. All times are of one monotonic clock.
    """

    def __init__(self) -> None:
        self._texts: dict[str, Text] = {}
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self._settled: deque[_Settled] = deque(maxlen=EDITS_MAX)
        self._running: _Running | None = None

    def opened(self, path: str, text: Text, now_s: float) -> None:
        """Takes note that the editor has opened a document."""
        self._settle(path)
        self._keep(path, text)
        self._use(path, now_s).is_open = True

    def changed(self, path: str, text: Text, now_s: float) -> None:
        """Takes a document's new text, whole; what has changed is found out by comparing."""
        before = self._texts.get(path)
        self._keep(path, text)
        use = self._use(path, now_s)
        use.is_open = use.is_edited = True
        if before is None or len(text) > TEXT_CHARACTERS_MAX:
            self._settle(path)
            return
        change = _change(path, before, text, now_s)
        if change is None:
            return
        joined = _joined(self._running, change)
        if joined is None:
            self._settle()
        self._running = joined or (change if _is_small(change) else None)

    def closed(self, path: str) -> None:
        """Takes note that a document is not open any more; what was done there stays known."""
        self._settle(path)
        self._texts.pop(path, None)
        use = self._uses.get(path)
        if use is not None:
            use.is_open = False
            if use.kind is RecentKind.OPEN:
                del self._uses[path]

    def focused(self, path: str, now_s: float) -> None:
        """Takes note that the user looks at a file."""
        self._use(path, now_s).is_viewed = True

    def moment(self, now_s: float) -> ActivityMoment:
        """Returns what is known now, for another thread."""
        return ActivityMoment(
            _settled=tuple(self._settled),
            _running=self._running,
            _paths=tuple((path, use.kind, use.last_s) for path, use in self._uses.items()),
            _now_s=now_s,
        )

    def _keep(self, path: str, text: Text) -> None:
        if len(text) > TEXT_CHARACTERS_MAX:
            self._texts.pop(path, None)
        else:
            self._texts[path] = text

    def _use(self, path: str, now_s: float) -> _Use:
        use = self._uses.setdefault(path, _Use())
        self._uses.move_to_end(path)
        if len(self._uses) > PATHS_MAX:
            self._uses.popitem(last=False)
        use.last_s = now_s
        return use

    def _settle(self, path: str | None = None) -> None:
        """Ends the running change, or only one of this file."""
        if self._running is not None and path in (None, self._running.path):
            self._settled.append(self._running.settled())
            self._running = None


def _change(path: str, before: Text, after: Text, now_s: float) -> _Running | None:
    """Returns the lines in which two texts differ, None where they do not."""
    start, before_end, after_end = before.difference(after)
    if start == before_end == after_end:
        return None
    return _Running(
        path=path,
        before=before,
        after=after,
        # A line end of two characters that is cut in half counts as another number of lines in either text.
        first=min(before.line_at(start), after.line_at(start)),
        before_end=before.line_at(before_end) + 1,
        after_end=after.line_at(after_end) + 1,
        last_s=now_s,
    )


def _joined(running: _Running | None, change: _Running) -> _Running | None:
    """Returns both changes as one, None where they are not one: too far apart, or too much together."""
    if running is None or running.path != change.path or change.last_s - running.last_s > GROUP_PAUSE_S:
        return None
    if change.first > running.after_end + GROUP_LINES or change.before_end < running.first - GROUP_LINES:
        return None
    # In the text between the two, the lines from `first` up to `middle_end` are those that one of them touches.
    first, middle_end = min(running.first, change.first), max(running.after_end, change.before_end)
    joined = replace(
        running,
        after=change.after,
        first=first,
        before_end=running.before_end + middle_end - running.after_end,
        after_end=change.after_end + middle_end - change.before_end,
        last_s=change.last_s,
    )
    return joined if _is_small(joined) else None


def _is_small(change: _Running) -> bool:
    return max(change.before_end, change.after_end) - change.first <= EDIT_LINES_MAX


def _lines(text: Text, first: int, end: int) -> tuple[str, ...]:
    return tuple(text.line(number)[:_LINE_CHARACTERS_MAX] for number in range(first, min(end, text.line_count)))


def _ink(lines: Sequence[str]) -> str:
    return "".join("".join(lines).split())
