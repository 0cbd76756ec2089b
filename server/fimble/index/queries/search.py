"""Symbols of the whole workspace by a part of their name, as workspace/symbol asks for them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from fimble.index.queries.candidates import Candidate, containing, open_candidates, read_definitions, stored_candidates
from fimble.index.queries.name_match import NameMatch, parts_of, qualifiers_of, tokens_of
from fimble.index.queries.nearness import Nearness
from fimble.index.queries.view import Definition, View
from fimble.index.symbols import FUNCTIONS, Kind

_QUERY_CHARACTERS_MAX: Final = 200
_NAMES_MAX: Final = 40
_NAMES_AT_ONCE: Final = 10
_POSTINGS_MAX: Final = 150
_CONTENTS_MAX: Final = 140
_CONTENTS_AT_ONCE: Final = 20
_CANDIDATES_PER_RESULT: Final = 4
# So many names that nearly fit are looked at in a fraction of what somebody who types waits for.
_ASKED_MAX: Final = 2_000
_ENOUGH: Final = 200
_ENOUGH_TO_SKIP_PARTS: Final = 100
_ENOUGH_TO_SKIP_SPLITS: Final = 10
_SPLIT_LENGTHS: Final = range(4, 17)
_PART_CHARACTERS_MIN: Final = 2

_TYPE_BONUS: Final = 4.0
_HIDDEN_MALUS: Final = 15.0
_DATA_MALUS: Final = 12.0
_QUALIFIED_BONUS: Final = 20.0
_NEARNESS_WEIGHT: Final = 0.1
_DATA_KINDS: Final = frozenset({Kind.KEY, Kind.SECTION, Kind.SELECTOR})
_TYPE_KINDS: Final = frozenset({Kind.CLASS, Kind.INTERFACE, Kind.STRUCT, Kind.ENUM, Kind.TYPE, Kind.FUNCTION})


class _Step(NamedTuple):
    """Contents to look at, and what the names in question hold, as `containing` takes it.

    `enough` is how many results make the step unnecessary.
    """

    contents: list[int]
    literal: str
    enough: int = _ENOUGH


def find_symbols(view: View, query: str, limit: int = 100) -> list[Definition]:
    """Returns symbols whose names are, begin like, or have parts that begin like `query`, best first.

    `brCon` and `brow cont` find BrowserContext, `Class.method` finds what is inside of such a class or file.
    """
    qualifiers, name = qualifiers_of(query[:_QUERY_CHARACTERS_MAX])
    if " " in query.strip() and not any(mark in query for mark in ".#/:"):
        # Blanks separate parts of one name.
        qualifiers, name = [], " ".join(query[:_QUERY_CHARACTERS_MAX].split())
    match = NameMatch(name)
    if not match.query or limit <= 0:
        return []
    fit = _Fit(match)
    with view.reader.reading():
        scores: dict[Candidate, float] = {}
        nearness = Nearness("")
        for candidate in open_candidates(view, fit.score):
            if (score := _score(fit, qualifiers, candidate)) is not None:
                scores[candidate] = score + _NEARNESS_WEIGHT * nearness.of(candidate.path)
        seen: set[tuple[int, str]] = set()
        for step in _steps(view, match.query):
            if len(scores) >= min(step.enough, 2 * limit) or len(seen) >= _CONTENTS_MAX:
                break
            keys = [(content, step.literal) for content in step.contents]
            keys = [key for key in keys if key not in seen][: _CONTENTS_MAX - len(seen)]
            seen.update(keys)
            pick = containing(step.literal, fit.score)
            for start in range(0, len(keys), _CONTENTS_AT_ONCE):
                if len(scores) >= _CANDIDATES_PER_RESULT * limit or fit.asked > _ASKED_MAX:
                    break
                entries = view.reader.entries_of([key[0] for key in keys[start : start + _CONTENTS_AT_ONCE]])
                flags = {entry.path: entry.flags for some in entries.values() for entry in some}
                paths = {content: [entry.path for entry in some] for content, some in entries.items()}
                for candidate in stored_candidates(view, paths, pick, paths):
                    if candidate not in scores and (score := _score(fit, qualifiers, candidate)) is not None:
                        near = nearness.of(candidate.path, flags[candidate.path])
                        scores[candidate] = score + _NEARNESS_WEIGHT * near
        best = sorted(scores.items(), key=lambda entry: (-entry[1], entry[0].name, entry[0].path, entry[0].line))
        return read_definitions(view, best[:limit])


def _steps(view: View, query: str) -> Iterator[_Step]:
    """Yields where to look, the likeliest contents first."""
    reader = view.reader
    if " " not in query:
        yield _Step(reader.defining(query, _POSTINGS_MAX), f"\n{query}\n")
        names = [name for name, _ in reader.names_starting(query, _NAMES_MAX)]
        for start in range(0, len(names), _NAMES_AT_ONCE):
            some = names[start : start + _NAMES_AT_ONCE]
            yield _Step(reader.defining_any(some, _POSTINGS_MAX), f"\n{query}")
    parts = [part for piece in query.split() for part in parts_of(piece)]
    long = [part for part in parts if len(part) >= _PART_CHARACTERS_MIN]
    if long:
        yield _Step(reader.defining_parts(long, _CONTENTS_MAX // 2), max(long, key=len), enough=_ENOUGH_TO_SKIP_PARTS)
    if len(parts) == 1 and len(query) in _SPLIT_LENGTHS:
        # Two parts in small letters, written as one word: where one ends and the other begins is not known.
        word = "".join(tokens_of(query)).lower()
        for at in range(_PART_CHARACTERS_MIN, len(word) - 1):
            pieces = [word[:at], word[at:]]
            contents = reader.defining_parts(pieces, _POSTINGS_MAX // 8)
            yield _Step(contents, max(pieces, key=len), enough=_ENOUGH_TO_SKIP_SPLITS)


class _Fit:
    """How well names fit a query; most are asked for twice, and in many files."""

    def __init__(self, match: NameMatch) -> None:
        self._match = match
        self._known: dict[str, float | None] = {}

    @property
    def asked(self) -> int:
        """How many different names were asked for."""
        return len(self._known)

    def score(self, name: str) -> float | None:
        """Returns what `NameMatch.score` does."""
        try:
            return self._known[name]
        except KeyError:
            score = self._known[name] = self._match.score(name)
            return score


def _score(fit: _Fit, qualifiers: list[str], candidate: Candidate) -> float | None:
    score = fit.score(candidate.name)
    if score is None:
        return None
    if candidate.kind in _TYPE_KINDS and candidate.parent_kind is None:
        score += _TYPE_BONUS
    if candidate.parent_kind in FUNCTIONS:
        score -= _HIDDEN_MALUS
    if candidate.kind in _DATA_KINDS:
        score -= _DATA_MALUS
    if qualifiers:
        outer = NameMatch(qualifiers[-1])
        by_container = outer.score(candidate.container) if candidate.container else None
        by_path = max((outer.score(step) or 0.0 for step in candidate.path.partition(".")[0].split("/")), default=0.0)
        if by_container is None and not by_path:
            return None
        score += _QUALIFIED_BONUS * max(by_container or 0.0, by_path / 2) / 100
    return score
