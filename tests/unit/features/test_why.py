"""Why a suggestion is as it is, in Markdown."""

from dataclasses import replace

from fimble.features.completion.suggestion import ContextItem, Explanation, Section, Suggestion
from fimble.features.completion.why import why_to_markdown

SUGGESTION = Suggestion(
    text="first\nsecond",
    offset=5,
    latency_ms=123.45,
    prompt_tokens=400,
    cached_tokens=390,
    generated_tokens=1,
    stop_reason="statement-end",
    model="small",
    explanation=Explanation(
        sections=(
            Section(name="context", path="lib/a.py", first_line=9, last_line=11, why="defines it", tokens=42),
            Section(name="before the cursor", why="the file"),
        ),
        stages_ms=(("context", 1.25), ("decode", 100.0)),
        filters=("indentation",),
        expected_wrong_characters=0.4,
        wrong_characters_max=1.0,
        mean_log_probability=-0.125,
    ),
)


def test_everything_that_is_known_is_said() -> None:
    assert (
        why_to_markdown(SUGGESTION, place="src/b.py, line 3", trigger="asked for by a key")
        == """\
# Why this suggestion?

src/b.py, line 3 · asked for by a key · written by small

**Shown:** 12 characters in 2 lines. It ended by `statement-end` (the statement ends there).

**Confidence:** 0.40 characters are expected to be wrong, of at most 1.00; a token's mean log-probability is -0.12.

**Changed by:** `indentation`.

**Prompt:** 400 tokens; 390 (98 %) were in the cache, 10 were read. **Written:** 1 token.

| part of the prompt | from | lines | tokens | why |
|---|---|---|--:|---|
| context | lib/a.py | 10–12 | 42 | defines it |
| before the cursor |  |  |  | the file |

| stage | ms |
|---|--:|
| context | 1.2 |
| decode | 100.0 |
| everything else | 22.2 |
| **total** | **123.5** |
"""
    )


def test_a_bare_suggestion_says_little() -> None:
    assert (
        why_to_markdown(Suggestion(text="x", offset=0, latency_ms=2.0))
        == """\
# Why this suggestion?

**Shown:** 1 character in 1 line.

| stage | ms |
|---|--:|
| **total** | **2.0** |
"""
    )


def test_it_says_why_there_is_nothing() -> None:
    nothing = Suggestion(text="", offset=0, suppressed_by="not-sure", stop_reason="not-sure", model="small")
    why = why_to_markdown(nothing)
    assert why.startswith("# Why no suggestion?\n")
    assert "**Nothing is shown:** `not-sure` (the model was not sure enough; ask by a key to see all of it).\n" in why
    assert "It ended by" not in why
    ended = why_to_markdown(replace(nothing, suppressed_by="unheard-of", stop_reason="stop"))
    assert "**Nothing is shown:** `unheard-of`. It ended by `stop` (the model came to an end)." in ended


def test_the_context_stands_in_for_sections_that_nobody_wrote() -> None:
    item = ContextItem(path="lib/a.py", first_line=0, last_line=2, why="defines it", tokens=7)
    assert "| context | lib/a.py | 1–3 | 7 | defines it |" in why_to_markdown(
        Suggestion(text="x", offset=0, context=(item,))
    )


def test_a_path_is_never_taken_for_markdown() -> None:
    odd = Section(name="context", path="a|b`c\n# <x>.py", first_line=0, last_line=0)
    why = why_to_markdown(Suggestion(text="x", offset=0, explanation=Explanation(sections=(odd,))))
    assert "| context | a b c # x .py | 1–1 |  |  |" in why
