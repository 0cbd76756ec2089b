"""The second step: which candidates matter most, by one weighted score, and which must stay out.

The score of a candidate is the weight of its source times its nearness times its certainty. The weights stand here and
nowhere else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fimble.prompting.context.candidate import Candidate, Source
from fimble.prompting.context.likeness import Around, distinct

WEIGHTS: Final = {
    Source.MEMBERS: 1.0,
    Source.CALLEE: 0.95,
    Source.USAGE: 0.8,
    Source.OWN_FILE: 0.65,
    Source.EDIT: 0.5,
    Source.RECENT: 0.4,
    Source.DEFINITION: 0.3,
    Source.SIBLING: 0.3,
    Source.IMPORT: 0.3,
    Source.IMPORTS: 0.2,
    Source.SIMILAR: 0.2,
}
# What scores less is left out even where there is room. Showing everything that may matter, up to the budget, made the
# 0.5B model worse than showing it nothing at six spots. At 24 spots of the benchmark's development part, the right text
# gained 0.25 nats per token over no context so, 0.13 without the parts of the own file, 0.39 with exactly the
# definitions that it uses. Near definitions and siblings besides made no difference that 24 spots can tell, and are
# more to look up and to read. The benchmark has no edits and no recent files.
SCORE_MIN: Final = 0.35
SHOWN: Final = frozenset(source for source, weight in WEIGHTS.items() if weight >= SCORE_MIN)
"""The sources of which anything can be shown at all; others need not be asked."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and its score, between 0 and 1."""

    candidate: Candidate
    score: float


def rank(candidates: Iterable[Candidate], around: str, seen: Sequence[tuple[str, int, int]] = ()) -> list[Ranked]:
    """Returns the candidates that may be shown, best first.

    `around` is the text around the cursor: what is too like it is left out, since a small model repeats it. `seen` are
    lines that the prompt shows anyway, as path, first and last line (from 0, inclusive). Of candidates that show the
    same lines or say the same, the best stays.
    """
    near = Around(around)
    ranked = sorted(
        (Ranked(each, WEIGHTS[each.source] * each.nearness * each.certainty) for each in candidates),
        key=lambda each: (-each.score, each.candidate.path, each.candidate.first_line),
    )
    kept: list[Ranked] = []
    for each in ranked:
        candidate = each.candidate
        if each.score < SCORE_MIN or not candidate.text.strip() or _is_seen(candidate, seen):
            continue
        if any(candidate.overlaps(other.candidate) for other in kept) or near.is_too_like(candidate.text):
            continue
        kept.append(each)
    return distinct(kept, lambda each: each.candidate.text)


def _is_seen(candidate: Candidate, seen: Sequence[tuple[str, int, int]]) -> bool:
    return any(
        candidate.path == path and first <= candidate.first_line and candidate.last_line <= last
        for path, first, last in seen
    )
