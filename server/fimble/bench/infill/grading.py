"""Grades one generation twice: as the model wrote it, and as the product shows it."""

import hashlib
from typing import Final

import msgspec

from fimble.bench.infill.generation import Generation
from fimble.bench.infill.tasks import Task
from fimble.bench.sandbox.run import Sandbox, Verdict
from fimble.features.completion.suggestion import Suggestion

# A line of the text below with fewer signs, such as a lone bracket, may well be part of an answer too.
_TELLING_SIGNS_MIN: Final = 4


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """How one text fared in a task's hole."""

    text: str
    covered: int
    outcome: str
    words: str
    exact: bool
    overrun: bool

    @property
    def passed(self) -> bool:
        """Whether the tests passed."""
        return self.outcome == "passed"


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """One task's line in the log. `program_raw` and `program_post` are hashes of what was executed.

    `rule` names what ended the shown text; `suppressed_by` why nothing was shown, which counts as not passed.
    """

    task: str
    split: str
    part: str
    prompt: str
    gold: str
    raw: Grade
    post: Grade
    rule: str
    suppressed_by: str | None
    stop_reason: str
    prompt_tokens: int
    generated_tokens: int
    has_other_prompt: bool
    program_raw: str
    program_post: str


async def graded(
    task: Task, generation: Generation, suggestion: Suggestion, has_other_prompt: bool, sandbox: Sandbox
) -> Graded:
    """Runs the tests on both texts.

    Raises:
        SandboxFailed: the sandbox does not start.
    """
    raw = await _grade(task, generation.text, 0, sandbox)
    shown, covered = suggestion.text, suggestion.replace_length
    if not shown.strip():
        post = Grade(text="", covered=0, outcome="silent", words="", exact=False, overrun=False)
    elif (shown, covered) == (raw.text, 0):
        post = raw
    else:
        post = await _grade(task, shown, covered, sandbox)
    return Graded(
        task=task.id,
        split=task.split,
        part=task.part,
        prompt=generation.prompt,
        gold=task.gold,
        raw=raw,
        post=post,
        rule=suggestion.stop_reason,
        suppressed_by=suggestion.suppressed_by if post.outcome == "silent" else None,
        stop_reason=generation.stop_reason,
        prompt_tokens=generation.prompt_tokens,
        generated_tokens=generation.generated_tokens,
        has_other_prompt=has_other_prompt,
        program_raw=_hash(task.filled(raw.text)),
        program_post=_hash(task.filled(post.text, post.covered)),
    )


def runs_past(text: str, task: Task) -> bool:
    """Tells whether a text goes on after the hole's end.

    It does where it has more lines that are not blank than the gold has, or where one of its lines is, indentation
    included, the first line below the hole, and the gold has no such line.
    """
    # The text's first line begins where the cursor's line does.
    start = task.before.rpartition("\n")[2]
    lines, gold = _lines(start + text), _lines(start + task.gold)
    if len(lines) > len(gold):
        return True
    # The first line after the cursor is the rest of the cursor's own line.
    below = next((line.rstrip() for line in task.after.split("\n")[1:] if line.strip()), "")
    is_telling = len(below.replace(" ", "")) >= _TELLING_SIGNS_MIN
    return is_telling and below in lines and below not in gold


async def _grade(task: Task, text: str, covered: int, sandbox: Sandbox) -> Grade:
    verdict: Verdict = await sandbox.grade(task.filled(text, covered), task.test, task.entry_point)
    return Grade(
        text=text,
        covered=covered,
        outcome=verdict.outcome,
        words=verdict.words,
        exact=text.rstrip() == task.gold.rstrip() and not covered,
        overrun=runs_past(text, task),
    )


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _hash(program: str) -> str:
    return hashlib.sha256(program.encode("utf-8", "surrogatepass")).hexdigest()[:16]
