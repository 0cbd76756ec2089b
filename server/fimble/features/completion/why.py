"""Says in Markdown how a suggestion came about, or why there was none."""

import re
from collections.abc import Iterator
from typing import Final

from fimble.features.completion.suggestion import Section, Suggestion

RULES: Final = {
    "blank-line": "a blank line ends what belongs together",
    "body-below": "the block's body stands below already",
    "brackets": "its brackets would not match",
    "closes-bracket": "it closed the bracket that is closed after the cursor",
    "control-token": "the model wrote one of its own signs",
    "early-closer": "it would only close a bracket that is still needed",
    "echo-above": "it said again what stands above",
    "echo-below": "it said again what stands below",
    "empty": "the model wrote nothing",
    "fence": "the model began to write Markdown",
    "inactive": "suggestions are switched off here, or the file is too large",
    "inside-word": "the cursor is inside of a word; ask by a key to see more",
    "length": "the limit of tokens was reached",
    "lines-max": "longer suggestions are seldom read",
    "meets-text-below": "what comes next stands below already",
    "not-sure": "the model was not sure enough; ask by a key to see all of it",
    "parse": "the file would not parse any more",
    "repetition": "the model repeated itself",
    "scope-end": "the block ends there",
    "statement-end": "the statement ends there",
    "stop": "the model came to an end",
    "suffix-overlap": "it ended with what stands after the cursor",
    "text-after-cursor": "text follows on the cursor's line",
    "unjoined": "it never came to what stands below",
    "unknown-name": "it used a name that the workspace does not have",
}
"""What the names of rules mean; a rule that is not here shows by its name alone."""

_SPECIAL: Final = re.compile(r"[\s|`<>\\]+")


def why_to_markdown(suggestion: Suggestion, *, place: str = "", trigger: str = "") -> str:
    """Returns what is known of how `suggestion` came about; `place` and `trigger` say where and how it was asked."""
    return "\n".join(_paragraphs(suggestion, place, trigger)).rstrip() + "\n"


def _paragraphs(suggestion: Suggestion, place: str, trigger: str) -> Iterator[str]:
    yield "# Why this suggestion?" if suggestion.text else "# Why no suggestion?"
    yield ""
    origin = [_plain(place), trigger, f"written by {_plain(suggestion.model)}" if suggestion.model else ""]
    if any(origin):
        yield " · ".join(filter(None, origin))
        yield ""
    yield _outcome(suggestion)
    yield ""
    if confidence := _confidence(suggestion):
        yield confidence
        yield ""
    if suggestion.explanation.filters:
        yield f"**Changed by:** {', '.join(_rule(rule) for rule in suggestion.explanation.filters)}."
        yield ""
    yield from _prompt(suggestion)
    yield from _times(suggestion)


def _outcome(suggestion: Suggestion) -> str:
    ended_by = f"It ended by {_rule(suggestion.stop_reason)}." if suggestion.stop_reason else ""
    if not suggestion.text:
        reason = f"**Nothing is shown:** {_rule(suggestion.suppressed_by or 'empty')}."
        return reason if suggestion.stop_reason in ("", suggestion.suppressed_by) else f"{reason} {ended_by}"
    lines = suggestion.text.count("\n") + 1
    shown = f"**Shown:** {_number(len(suggestion.text), 'character')} in {_number(lines, 'line')}."
    return f"{shown} {ended_by}".rstrip()


def _confidence(suggestion: Suggestion) -> str:
    explanation = suggestion.explanation
    parts = []
    if explanation.expected_wrong_characters is not None:
        text = f"{explanation.expected_wrong_characters:.2f} characters are expected to be wrong"
        if explanation.wrong_characters_max is not None:
            text += f", of at most {explanation.wrong_characters_max:.2f}"
        parts.append(text)
    if explanation.mean_log_probability is not None:
        parts.append(f"a token's mean log-probability is {explanation.mean_log_probability:.2f}")
    return f"**Confidence:** {'; '.join(parts)}." if parts else ""


def _prompt(suggestion: Suggestion) -> Iterator[str]:
    sections = suggestion.explanation.sections or tuple(
        Section(
            name="context",
            path=item.path,
            first_line=item.first_line,
            last_line=item.last_line,
            why=item.why,
            tokens=item.tokens,
        )
        for item in suggestion.context
    )
    if suggestion.prompt_tokens:
        new = suggestion.prompt_tokens - suggestion.cached_tokens
        share = f"{suggestion.cached_tokens / suggestion.prompt_tokens * 100:.0f} %"
        yield (
            f"**Prompt:** {_number(suggestion.prompt_tokens, 'token')}; {suggestion.cached_tokens:,} ({share}) "
            f"were in the cache, {new:,} were read. **Written:** {_number(suggestion.generated_tokens, 'token')}."
        )
        yield ""
    if sections:
        yield "| part of the prompt | from | lines | tokens | why |"
        yield "|---|---|---|--:|---|"
        for section in sections:
            lines = _lines(section.first_line, section.last_line)
            tokens = "" if section.tokens is None else f"{section.tokens:,}"
            yield f"| {_plain(section.name)} | {_plain(section.path)} | {lines} | {tokens} | {_plain(section.why)} |"
        yield ""


def _times(suggestion: Suggestion) -> Iterator[str]:
    yield "| stage | ms |"
    yield "|---|--:|"
    for stage, milliseconds in suggestion.explanation.stages_ms:
        yield f"| {_plain(stage)} | {milliseconds:,.1f} |"
    others = suggestion.latency_ms - sum(milliseconds for _, milliseconds in suggestion.explanation.stages_ms)
    if suggestion.explanation.stages_ms and others >= 1:
        yield f"| everything else | {others:,.1f} |"
    yield f"| **total** | **{suggestion.latency_ms:,.1f}** |"


def _lines(first: int | None, last: int | None) -> str:
    # People count from 1.
    return "" if first is None or last is None else f"{first + 1}–{last + 1}"


def _rule(name: str) -> str:
    meaning = RULES.get(name)
    return f"`{_plain(name)}`" + (f" ({meaning})" if meaning else "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _plain(text: str) -> str:
    """Returns text that cannot be taken for Markdown; a path may hold any sign."""
    return _SPECIAL.sub(" ", text).strip()
