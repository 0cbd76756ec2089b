"""What is replayed: sessions of the development or the test part, chosen by a seed until there is enough to type."""

import hashlib
import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, Literal

import fimble
from fimble.bench.replay.files import LINES_MAX, LINES_MIN, Gaps, typed_again, typed_files
from fimble.bench.replay.gaps import drawn_gaps, recorded_gaps
from fimble.bench.replay.keys import Session
from fimble.bench.replay.recordings import gaps_of, read_recordings
from fimble.errors import SettingsInvalid

DATA_VARIABLE: Final = "FIMBLE_BENCH_DATA"
# Benchmarks that type themselves would change what they measure with every change of theirs.
_LEFT_OUT: Final = frozenset({"bench"})
# Sessions are whole, so that their sum is not what was asked for.
_EXCESS: Final = 1.15
# A few words tell only how an engine starts, and nobody comes to a document for them.
_SESSION_KEYS_MIN: Final = 20

Split = Literal["dev", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sessions to type, and where the text and the pauses come from, in words."""

    sessions: tuple[Session, ...]
    split: Split
    seed: int
    sources: tuple[str, ...]
    gaps: str

    @property
    def seconds(self) -> float:
        """How long typing takes at normal speed without suggestions."""
        return sum(session.seconds for session in self.sessions)


def make_plan(data: Path | None, *, split: Split, seed: int, seconds: float, file: Path | None = None) -> Plan:
    """Returns sessions of `seconds` of typing in all, of recordings in `data` and of Fimble's own modules by turns.

    With `file`, a Python file, its statements are typed rather than the modules'; all of them are in both parts.

    Without `data`, the environment variable `FIMBLE_BENCH_DATA` is asked; without both, there are only the modules.
    They ship with the product, so that everybody has them, and no model can have learnt them by heart.

    Raises:
        SettingsInvalid: there are no recordings in `data`, or nothing to type in `file`.
    """
    if data is None and (named := os.environ.get(DATA_VARIABLE)):
        data = Path(named)
    package = Path(fimble.__file__).parent
    recorded = read_recordings(data) if data is not None else []
    pauses = gaps_of(recorded)
    gaps = partial(recorded_gaps, pauses) if pauses else drawn_gaps
    typed: Iterator[Session]
    if file is None:
        modules = typed_files(package, gaps, seed=seed, left_out=_LEFT_OUT)
        typed = (session for session in modules if split_of(session) == split)
    else:
        typed = _typed_in(file, gaps, seed)
    order = random.Random(seed)  # noqa: S311 - a choice of text.
    recorded = [one for one in recorded if one.keys >= _SESSION_KEYS_MIN and split_of(one) == split]
    times = {session.name: number for number, session in enumerate(recorded)}
    order.shuffle(recorded)
    by_turns = (session for session in chain.from_iterable(zip_longest(recorded, typed)) if session is not None)
    text = "modules of Fimble itself" if file is None else file.name
    sources = [f"{text}, statements taken out and typed again"]
    if recorded:
        sources.insert(0, f"recordings in {data}")
    return Plan(
        sessions=tuple(_in_time(_enough(by_turns, seconds), times)),
        split=split,
        seed=seed,
        sources=tuple(sources),
        gaps="as recorded; for modules the recordings' pauses in their order" if pauses else "built-in distribution",
    )


def split_of(session: Session) -> Split:
    """Returns the part that a session belongs to, which only its name decides."""
    return "test" if hashlib.sha256(session.name.encode()).digest()[0] % 2 else "dev"


def _typed_in(file: Path, gaps: Gaps, seed: int) -> Iterator[Session]:
    try:
        sessions = list(typed_again(file, gaps, seed=seed))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise SettingsInvalid(f"{file} cannot be typed: {error}.") from error
    if not sessions:
        raise SettingsInvalid(
            f"{file} has nothing to type; it takes a Python file of {LINES_MIN} to {LINES_MAX} lines."
        )
    return iter(sessions)


def _in_time(sessions: Sequence[Session], times: Mapping[str, int]) -> Iterator[Session]:
    """Yields the sessions with the recorded ones in the order of their times, where recorded ones were.

    A document as it was later holds what was typed earlier, so that the other order would tell what will be typed.
    """
    recorded = iter(sorted((one for one in sessions if one.name in times), key=lambda one: times[one.name]))
    for session in sessions:
        yield next(recorded) if session.name in times else session


def _enough(sessions: Iterable[Session], seconds: float) -> Sequence[Session]:
    chosen: list[Session] = []
    total = 0.0
    for session in sessions:
        if not chosen or total + session.seconds <= _EXCESS * seconds:
            chosen.append(session)
            total += session.seconds
        if total >= seconds:
            break
    return chosen
