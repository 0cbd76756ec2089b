"""How probable a model finds the gold texts after the very prompts that the product would send, for each arm.

That says with far fewer spots than what is generated says whether a way of showing context helps: every character of
the gold text counts, not only whether all of it is right.
"""

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fimble.bench.crossfile.arms import Arm
from fimble.bench.crossfile.errors import SpotInvalid
from fimble.bench.crossfile.likelihood_engine import Likelihood, Question, Scorer
from fimble.bench.crossfile.likelihood_rows import Row, Rows, Share
from fimble.bench.crossfile.measures import identifiers
from fimble.bench.crossfile.spots import Spot, SpotSet
from fimble.bench.crossfile.workspace import Hole, Workspace
from fimble.providers.provider import GenerationReport, GenerationRequest, Piece, Provider, ProviderModel

# The product writes 64 at most; of a long body the beginning tells as much.
GOLD_TOKENS_MAX: Final = 48
SHARES: Final = ("gold", "first_line", "names", "new_names")
"""All of the text; its first line; what other files define by name; all words of those definitions new to the file."""


class Asked:
    """A provider that keeps the first prompt for writing that it is sent, and writes nothing."""

    def __init__(self, provider: Provider) -> None:
        """`provider` tells of the model and counts its tokens."""
        self._provider = provider
        self._request: GenerationRequest | None = None

    def take(self) -> GenerationRequest | None:
        """Returns the request that came since the last call."""
        request, self._request = self._request, None
        return request

    async def model(self) -> ProviderModel:
        """Returns the provider's model."""
        return await self._provider.model()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Returns the provider's counts."""
        return await self._provider.count_tokens(texts)

    async def generate(self, request: GenerationRequest, report: GenerationReport) -> AsyncGenerator[Piece, None]:
        """Yields nothing."""
        if request.tokens_max > 0 and self._request is None:
            self._request = request
        report.stop_reason = "stop"
        nothing: tuple[Piece, ...] = ()
        for piece in nothing:
            yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The arms, which all ask `asked`, and whoever scores what they ask."""

    arms: Mapping[str, Arm]
    asked: Asked
    scorer: Scorer


async def score_all(
    spots: SpotSet,
    places: Mapping[str, Workspace],
    scoring: Scoring,
    rows: Rows,
    on_step: Callable[[str], None],
) -> None:
    """Scores the gold text of every spot after the prompt of every arm.

    Raises:
        SpotInvalid: a spot does not fit its package, or the product asks the model nothing there.
        TextUnscorable: a gold text or a prompt is nothing for this model.
    """
    for number, spot in enumerate(spots.spots, 1):
        workspace = places[spot.package]
        # Arms that send the same prompt have the same answer.
        known: dict[Question, Likelihood] = {}
        for name, arm in scoring.arms.items():
            if (spot.id, name) in rows.rows:
                continue
            await arm(spot, workspace)
            request = scoring.asked.take()
            if request is None:
                raise SpotInvalid(f"The product asks the model nothing at {spot.id}.")
            hole = workspace.hole(spot)
            question = question_of(request, hole, spot)
            if question not in known:
                known[question] = await scoring.scorer.likelihood(question)
            found = known[question]
            row = Row(
                spot=spot.id,
                package=spot.package,
                kind=spot.kind,
                arm=name,
                shares=shares(found, question.text, hole, spot, _words(spot, workspace)),
                end_nats=found.end_nats,
                floored=found.floored,
                prompt_tokens=found.prompt_tokens,
                ms=round(found.ms, 1),
            )
            rows.add(row)
        on_step(f"{number} of {len(spots.spots)} spots")


def question_of(request: GenerationRequest, hole: Hole, spot: Spot) -> Question:
    """Returns the question for a prompt that the product sends at a hole."""
    # A call may go on in its line, and a body goes on with every new one.
    line_ends = spot.kind in ("line", "call") and hole.after[:1] in ("", "\n", "\r")
    return Question.of(
        request.prompt, request.starts_with, _as_prompt(hole.gold), tokens_max=GOLD_TOKENS_MAX, line_ends=line_ends
    )


def shares(found: Likelihood, gold: str, hole: Hole, spot: Spot, words: Iterable[str]) -> dict[str, Share]:
    """Returns the named shares of a gold text; of `words`, those count as new that the file has nowhere else."""
    names = {_name(definition.name) for definition in spot.definitions}
    elsewhere = identifiers(hole.before).keys() | identifiers(hole.after).keys()
    spans = {
        "gold": [(0, len(gold))],
        "first_line": [_first_line(gold)],
        "names": _spans(gold, names),
        "new_names": _spans(gold, {word for word in words if word not in elsewhere}),
    }
    counted = {name: _share(found, gold, spans[name]) for name in SHARES}
    return {name: share for name, share in counted.items() if share is not None}


def _share(found: Likelihood, gold: str, spans: Iterable[tuple[int, int]]) -> Share | None:
    """Adds up the tokens that touch spans of characters, and the characters of those spans that were looked at."""
    covered = found.tokens[-1].end if found.tokens else 0
    bytes_spans = [(_bytes(gold[:start]), _bytes(gold[:end])) for start, end in spans]
    # A text is cut between tokens, which may be inside of a character; that one does not count.
    characters = sum(
        len(gold.encode("utf-8", "replace")[start : min(end, covered)].decode("utf-8", "ignore"))
        for start, end in bytes_spans
    )
    touching = [
        token.nats
        for token in found.tokens
        if any(token.start < min(end, covered) and token.end > start for start, end in bytes_spans)
    ]
    if not characters or not touching:
        return None
    return Share(characters=characters, tokens=len(touching), nats=sum(touching))


def _words(spot: Spot, workspace: Workspace) -> set[str]:
    excerpts = [workspace.excerpt(definition) for definition in spot.definitions]
    return {word for excerpt in excerpts for word in identifiers(f"{excerpt.owner}\n{excerpt.whole}")}


def _spans(gold: str, names: Iterable[str]) -> list[tuple[int, int]]:
    wanted = sorted(names)
    if not wanted:
        return []
    pattern = re.compile(rf"\b(?:{'|'.join(re.escape(name) for name in wanted)})\b")
    return [found.span() for found in pattern.finditer(gold)]


def _first_line(gold: str) -> tuple[int, int]:
    """Returns the span up to the end of the first line that is not blank."""
    blank = len(gold) - len(gold.lstrip())
    end = gold.find("\n", blank)
    return 0, len(gold) if end < 0 else end


def _name(dotted: str) -> str:
    """Returns the name by which a definition is used."""
    *owners, name = dotted.split(".")
    return owners[-1] if name == "__init__" and owners else name


def _as_prompt(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
