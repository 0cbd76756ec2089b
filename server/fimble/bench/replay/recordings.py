"""Reads recordings of editing sessions: JSON with a `log` of timed edits, as microsoft/vscode-copilot-chat keeps them.

What is typed character by character at one place becomes a segment; pastes, accepted entries of a list, edits at
several places and jumps end it. A character that was typed and taken back was not typed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from fimble.bench.replay.keys import Buffer, Key, Segment, Session, capped
from fimble.errors import SettingsInvalid

# Where they lie in the folder that is named.
_SUBFOLDERS: Final = ("", "edit-recordings")
KEYS_MIN: Final = 6
# Nobody types faster than this for long; such keys come from a tool.
_GAP_MEAN_MIN_S: Final = 0.03
# Segments further apart than this in time, or in other documents, belong to other sessions.
_SESSION_GAP_S: Final = 60.0
_SEGMENTS_MAX: Final = 6
# One press: a character with what the editor adds to it, or a line's end with indentation.
_KEY_UNITS_MAX: Final = 2
_INDENTATION_UNITS_MAX: Final = 40

_Edit = tuple[int, int, str]


class _Event(msgspec.Struct):
    kind: str
    id: int = -1
    time: float = 0.0
    relativePath: str = ""  # noqa: N815 - the recordings' own name.
    content: str = ""
    contentId: str = ""  # noqa: N815
    edit: list[_Edit] = []


class _Recording(msgspec.Struct):
    log: list[_Event]


@dataclass(slots=True)
class _Run:
    """Keys at one place so far. Offsets and texts are in UTF-16 units, one character of `str` each."""

    document: int
    path: str
    base: str
    start: int
    began_s: float
    last_s: float
    typed: list[tuple[str, float]] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + sum(len(text) for text, _ in self.typed)


def read_recordings(folder: Path) -> list[Session]:
    """Returns the sessions of all recordings in a folder, in the order of their names and times.

    Raises:
        SettingsInvalid: a file is no recording, or there is none.
    """
    files = next((found for name in _SUBFOLDERS if (found := sorted((folder / name).glob("*.json")))), [])
    if not files:
        raise SettingsInvalid(f"There are no recordings (*.json) in {folder}.")
    return [session for file in files for session in read_recording(file)]


def read_recording(file: Path) -> list[Session]:
    """Returns the sessions of one recording; none where nothing was typed key by key.

    Raises:
        SettingsInvalid: it is no recording.
    """
    try:
        recording = msgspec.json.decode(file.read_bytes(), type=_Recording)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsInvalid(f"{file} is no recording of edits: {error}.") from error
    sessions: list[Session] = []
    group: list[_Run] = []
    for run in _runs(recording.log):
        if len(run.typed) < KEYS_MIN or run.last_s - run.began_s < _GAP_MEAN_MIN_S * (len(run.typed) - 1):
            continue
        last = group[-1] if group else None
        if last is not None and (
            run.document != last.document or run.began_s - last.last_s > _SESSION_GAP_S or len(group) == _SEGMENTS_MAX
        ):
            sessions.append(_session(file, group))
            group = []
        group.append(run)
    if group:
        sessions.append(_session(file, group))
    return sessions


def gaps_of(sessions: Sequence[Session]) -> list[float]:
    """Returns the pauses in seconds within the segments, in their order; the pause before a segment is not typing."""
    return [key.gap_s for session in sessions for segment in session.segments for key in segment.keys[1:]]


def _session(file: Path, runs: Sequence[_Run]) -> Session:
    segments, last_s = [], None
    # The name decides the part, so it must not change with the rules above.
    name = f"{file.name.partition('.')[0]}-{round(1000 * runs[0].began_s)}"
    for run in runs:
        before, after = run.base[: run.start], run.base[run.start :]
        lead_s = 0.0 if last_s is None else run.began_s - last_s
        gaps_s = capped([lead_s, *(gap_s for _, gap_s in run.typed[1:])])
        keys = [Key(_characters(text), gap_s) for (text, _), gap_s in zip(run.typed, gaps_s, strict=True)]
        segments.append(Segment(buffer=Buffer(run.path, _characters(before), _characters(after)), keys=tuple(keys)))
        last_s = run.last_s
    return Session(name=name, source=file.name, segments=tuple(segments))


def _runs(log: Sequence[_Event]) -> Iterator[_Run]:
    paths: dict[int, str] = {}
    texts: dict[int, str] = {}
    stored: dict[str, str] = {}
    run: _Run | None = None
    for event in log:
        match event.kind:
            case "documentEncountered":
                paths[event.id] = _path(event.relativePath)
            case "setContent":
                texts[event.id] = _units(event.content)
            case "storeContent":
                stored[event.contentId] = texts.get(event.id, "")
            case "restoreContent" if event.contentId in stored:
                texts[event.id] = stored[event.contentId]
            case "changed" if event.id in texts:
                following = _followed(run, event)
                if following is None:
                    if run is not None:
                        yield run
                    following = _begun(event, paths, texts)
                run = following
                texts[event.id] = _edited(texts[event.id], event.edit)
    if run is not None:
        yield run


def _begun(event: _Event, paths: dict[int, str], texts: dict[int, str]) -> _Run | None:
    """Returns a run that begins with an edit, or None where that is not the typing of a key."""
    if (text := _key(event)) is None:
        return None
    start, _, _ = event.edit[0]
    time_s = event.time / 1000
    return _Run(event.id, paths.get(event.id, "file"), texts[event.id], start, time_s, time_s, [(text, 0.0)])


def _followed(run: _Run | None, event: _Event) -> _Run | None:
    """Returns the run with one more edit, or None where the edit is something else."""
    if run is None or event.id != run.document or len(event.edit) != 1:
        return None
    start, end, _ = event.edit[0]
    time_s = event.time / 1000
    gap_s = time_s - run.last_s
    if (text := _key(event)) is not None:
        if start != run.end:
            return None
        run.typed.append((text, gap_s))
    elif event.edit[0][2] or end != run.end or start < run.start:
        return None
    else:
        _take_back(run, end - start)
    run.last_s = time_s
    return run


def _take_back(run: _Run, units: int) -> None:
    while units and run.typed:
        text, gap_s = run.typed.pop()
        if len(text) > units:
            run.typed.append((text[:-units], gap_s))
        units -= min(units, len(text))


def _key(event: _Event) -> str | None:
    """Returns what one press put in, or None where it was something else."""
    if len(event.edit) != 1:
        return None
    start, end, raw = event.edit[0]
    text = _units(raw)
    is_key = len(text) <= _KEY_UNITS_MAX or (not text.strip() and len(text) <= _INDENTATION_UNITS_MAX)
    # A bracket that comes with its partner leaves the cursor between them.
    is_pair = text in ("()", "[]", "{}", '""', "''", "``")
    return text if start == end and text and is_key and not is_pair else None


def _edited(text: str, edit: Sequence[_Edit]) -> str:
    for start, end, new in sorted(edit, reverse=True):
        text = text[:start] + _units(new) + text[end:]
    return text


def _path(path: str) -> str:
    """Returns a relative path with forward slashes that stays below the folder it is joined to."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return "/".join(part for part in parts if part not in ("/", "..") and ":" not in part) or "file"


def _units(text: str) -> str:
    """Returns the text with one character per UTF-16 unit, as the recordings count."""
    if all(sign <= "\uffff" for sign in text):
        return text
    encoded = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(encoded[index : index + 2], "little")) for index in range(0, len(encoded), 2))


def _characters(units: str) -> str:
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
