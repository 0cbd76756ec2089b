"""How a suggestion came about: the parts of its prompt, the times of its stages, and how sure the model was."""

import math

from fimble.features.completion.context import Context
from fimble.features.completion.shown import Shown
from fimble.features.completion.suggestion import CompletionQuery, ContextItem, Explanation, Section
from fimble.features.completion.writing import Writing
from fimble.prompting.anchor import Anchor


def context_items(context: Context) -> tuple[ContextItem, ...]:
    """Returns what is shown of other places, as the user is told of it."""
    return tuple(
        ContextItem(
            path=piece.candidate.path,
            first_line=piece.candidate.first_line,
            last_line=piece.candidate.last_line,
            why=piece.candidate.why,
            tokens=piece.tokens,
        )
        for piece in context.pieces
    )


def prompt_sections(query: CompletionQuery, anchor: Anchor, context: Context) -> tuple[Section, ...]:
    """Returns the parts of a prompt: what is shown of other places, and the document's own text around the cursor."""
    text, path = query.snapshot.text, anchor.path
    others = tuple(
        Section(
            name=f"context: {piece.candidate.source.value}",
            path=piece.candidate.path,
            first_line=piece.candidate.first_line,
            last_line=piece.candidate.last_line,
            why=piece.candidate.why,
            tokens=piece.tokens,
        )
        for piece in context.pieces
    )
    line, end = text.line_at(anchor.offset), text.line_at(min(len(text), query.offset + len(anchor.source_after)))
    before = Section(
        name="text before the anchor",
        path=path,
        first_line=text.line_at(anchor.first),
        last_line=max(text.line_at(anchor.first), line - 1),
        why="stays in the cache while the user types on",
    )
    typed = Section(
        name="typed since the anchor",
        path=path,
        first_line=line,
        last_line=text.line_at(query.offset),
        why="the only part that a keystroke changes",
    )
    after = Section(
        name="text after the cursor", path=path, first_line=text.line_at(query.offset), last_line=end, why="the rest"
    )
    own = (before, typed, after) if anchor.fim.order == "psm" else (after, before, typed)
    return (*others, *own)


def explanation(
    sections: tuple[Section, ...],
    stages_ms: tuple[tuple[str, float], ...],
    shown: Shown,
    *,
    writing: Writing,
    start: int,
    wrong_max: float,
) -> Explanation:
    """Returns what is to be told; the text that is shown goes on at `start` (characters from the anchor)."""
    report = writing.report
    engine = (
        ("read a new place", writing.waited_ms),
        ("queue", report.queue_ms),
        ("read the rest of the prompt", report.prefill_ms),
        ("write", writing.writing_ms),
    )
    expected = writing.expected_wrong(start, start + len(shown.text)) if shown.text else None
    return Explanation(
        sections=sections,
        stages_ms=(*stages_ms, *engine),
        filters=shown.filters,
        expected_wrong_characters=expected,
        wrong_characters_max=None if math.isinf(wrong_max) else wrong_max,
        mean_log_probability=writing.mean_log_probability(start),
    )
