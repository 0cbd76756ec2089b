"""The tasks of HumanEval-Infilling: read from where the user has them, divided in two parts, and sampled."""

import gzip
import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from fimble.errors import FimbleError

DATA_VARIABLE: Final = "FIMBLE_BENCH_DATA"
# How the published files are called (https://github.com/openai/human-eval-infilling, folder data, MIT licence).
_FILES: Final = {
    "single-line": "HumanEval-SingleLineInfilling.jsonl.gz",
    "multi-line": "HumanEval-MultiLineInfilling.jsonl.gz",
    "random-span": "HumanEval-RandomSpanInfilling.jsonl.gz",
    "light": "HumanEval-RandomSpanInfillingLight.jsonl.gz",
}
_LINE_SPLITS: Final = ("single-line", "multi-line")
_SUBFOLDERS: Final = ("", "humaneval-infilling", "data")


class DataMissing(FimbleError):
    """A benchmark's data is not where it was looked for, or is not what it should be."""


class Split(StrEnum):
    """The files of the data set, by the kind of their holes."""

    SINGLE_LINE = "single-line"
    """One whole line."""
    MULTI_LINE = "multi-line"
    """One or more whole lines."""
    RANDOM_SPAN = "random-span"
    """From any character to any other."""
    LIGHT = "light"
    """One random span per problem."""


class Part(StrEnum):
    """Which half of the problems: rules are tuned on one, and reported on the other."""

    DEV = "dev"
    """For tuning."""
    TEST = "test"
    """For reporting."""
    ALL = "all"
    """Both, for figures that stand next to published ones."""


class _Row(msgspec.Struct, frozen=True):
    task_id: str
    entry_point: str
    prompt: str
    suffix: str
    canonical_solution: str
    test: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A hole between `before` and `after`, whose own answer is `gold`; `test` defines `check`.

    For whole lines, `gold` has no line end: in an editor the cursor stands on an empty line, whose end begins `after`.
    """

    id: str
    split: Split
    before: str
    after: str
    gold: str
    test: str
    entry_point: str

    @property
    def problem(self) -> str:
        """The function that the hole is in; other holes are in the same one."""
        return problem_of(self.id)

    @property
    def part(self) -> Part:
        """The half to which the problem belongs, with all its holes in all splits."""
        return part_of(self.problem)

    def filled(self, text: str, covered: int = 0) -> str:
        """Returns the program with `text` in the hole, in place of the first `covered` characters after it."""
        return self.before + text + self.after[covered:]


def read_tasks(folder: Path | None, split: Split) -> list[Task]:
    """Reads all tasks of a split, in the order of the file; `folder` None means that `FIMBLE_BENCH_DATA` names it.

    Raises:
        DataMissing: there is no such file, or it is another one.
    """
    path = _find(folder, split)
    try:
        with gzip.open(path) as file:
            rows = [msgspec.json.decode(line, type=_Row) for line in file if line.strip()]
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise DataMissing(f"{path} is not a file of HumanEval-Infilling ({error}); fetch it again.") from error
    return [_task(row, split) for row in rows]


def chosen(tasks: Sequence[Task], part: Part, limit: int, seed: int) -> list[Task]:
    """Returns the tasks of a part, at most `limit` of them (0: all), always the same ones for the same seed.

    A smaller limit chooses from the same order, so that its tasks are among those of a larger one.
    """
    those = [task for task in tasks if part in (Part.ALL, task.part)]
    if not limit or limit >= len(those):
        return those
    mixed = sorted(those, key=lambda task: task.id)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - nothing depends on it being hard to guess.
    taken = {task.id for task in mixed[:limit]}
    return [task for task in those if task.id in taken]


def part_of(problem: str) -> Part:
    """Returns the half of a problem, by the hash of its name.

    By the problem rather than by the hole: a rule that was tuned on one line of a function has seen its other lines.
    """
    return Part.DEV if hashlib.sha256(problem.encode()).digest()[0] < 128 else Part.TEST


def problem_of(task_id: str) -> str:
    """Returns `HumanEval/12` of a name such as `SingleLineInfilling/HumanEval/12/L3`."""
    return "/".join(task_id.split("/")[1:3])


def _task(row: _Row, split: Split) -> Task:
    is_line_hole = split in _LINE_SPLITS and row.canonical_solution.endswith("\n")
    return Task(
        id=row.task_id,
        split=split,
        before=row.prompt,
        after="\n" + row.suffix if is_line_hole else row.suffix,
        gold=row.canonical_solution.removesuffix("\n") if is_line_hole else row.canonical_solution,
        test=row.test,
        entry_point=row.entry_point,
    )


def _find(folder: Path | None, split: Split) -> Path:
    name = _FILES[split]
    named = str(folder or os.environ.get(DATA_VARIABLE, ""))
    for subfolder in _SUBFOLDERS if named else ():
        path = Path(named).expanduser() / subfolder / name
        if path.is_file():
            return path
    where = f"{named} does not have it" if named else f"neither --data nor {DATA_VARIABLE} names a folder"
    raise DataMissing(
        f"The benchmark needs {name}, and {where}; get it from the folder data of "
        "https://github.com/openai/human-eval-infilling (MIT licence), and name its folder with --data."
    )
