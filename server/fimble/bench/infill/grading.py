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
# No more lines are shown as a rule; of raw text, which may be long, no more are looked at.
_BEGINNINGS_MAX: Final = 12


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """How one text fared in a task's hole.

    `overrun` tells that it goes on after the hole's end, `longer` that it has more lines than the gold.
    """

    text: str
    covered: int
    outcome: str
    words: str
    exact: bool
    overrun: bool
    longer: bool

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
        post = Grade(text="", covered=0, outcome="silent", words="", exact=False, overrun=False, longer=False)
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
    """Tells whether a text goes on after the hole's end, as far as that can be read from it.

    It does where one of its lines is, indentation included, the first line below the hole, and the gold has no such
    line; and where a further line is indented less than every line of the gold, since that leaves the hole's block.
    """
    lines, gold = _hole_lines(text, task), _hole_lines(task.gold, task)
    # The first line after the cursor is the rest of the cursor's own line.
    below = next((line.rstrip() for line in task.after.split("\n")[1:] if line.strip()), "")
    is_telling = len(below.replace(" ", "")) >= _TELLING_SIGNS_MIN
    if is_telling and below in lines and below not in gold:
        return True
    depth = min(map(_indentation, gold), default=0)
    return any(_indentation(line) < depth for line in lines[1:])


async def _grade(task: Task, text: str, covered: int, sandbox: Sandbox) -> Grade:
    verdict: Verdict = await sandbox.grade(task.filled(text, covered), task.test, task.entry_point)
    return Grade(
        text=text,
        covered=covered,
        outcome=verdict.outcome,
        words=verdict.words,
        exact=text.rstrip() == task.gold.rstrip() and not covered,
        overrun=runs_past(text, task) or await _has_needless_end(task, text, covered, sandbox),
        longer=len(_hole_lines(text, task)) > len(_hole_lines(task.gold, task)),
    )


async def _has_needless_end(task: Task, text: str, covered: int, sandbox: Sandbox) -> bool:
    """Tells whether a beginning of the text, of whole lines, passes the tests: what comes after it is not needed."""
    lines = text.rstrip().split("\n")
    for count in range(1, min(len(lines), _BEGINNINGS_MAX)):
        beginning = "\n".join(lines[:count])
        if not beginning.strip() or not lines[count].strip():
            continue
        verdict = await sandbox.grade(task.filled(beginning, covered), task.test, task.entry_point)
        if verdict.outcome == "passed":
            return True
    return False


def _hole_lines(text: str, task: Task) -> list[str]:
    """Returns the lines that are not blank, the first with what stands before the hole on its line."""
    start = task.before.rpartition("\n")[2]
    return [line.rstrip() for line in (start + text).split("\n") if line.strip()]


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _hash(program: str) -> str:
    return hashlib.sha256(program.encode("utf-8", "surrogatepass")).hexdigest()[:16]
