"""What a run keeps in its folder, a JSON object per line, so that a stopped run goes on where it was.

Generations are kept, and found again by task, prompt, model and length; grades are made anew each time. So a run with
other stop rules in the same folder needs no generation, unless the prompt is another one.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from fimble.bench.infill.generation import Generation
from fimble.bench.infill.grading import Graded

GENERATIONS: Final = "generations.jsonl"
TASKS: Final = "tasks.jsonl"

_Key = tuple[str, str, str, int]


class Generations:
    """The generations of a folder; without one they are kept until the run ends."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / GENERATIONS if folder is not None else None
        self._known: dict[_Key, Generation] = {}
        if self._path is not None and self._path.exists():
            self._read(self._path)

    def find(self, task: str, prompt: str, model: str, tokens_max: int) -> Generation | None:
        """Returns what was written for this prompt earlier."""
        return self._known.get((task, prompt, model, tokens_max))

    def add(self, generation: Generation) -> None:
        """Keeps a generation, on the disk too."""
        self._known[_key(generation)] = generation
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(generation) + b"\n")

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        whole, _, rest = content.rpartition(b"\n")
        if rest:
            # A run that was stopped while it wrote: what follows must not be joined to half a line.
            path.write_bytes(whole + b"\n" if whole else b"")
        for line in whole.splitlines():
            try:
                generation = msgspec.json.decode(line, type=Generation)
            except msgspec.DecodeError:
                continue
            self._known[_key(generation)] = generation


def write_graded(folder: Path, graded: Iterable[Graded]) -> None:
    """Writes one line per task, in the order of the tasks."""
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in graded)
    (folder / TASKS).write_bytes(lines)


def _key(generation: Generation) -> _Key:
    return generation.task, generation.prompt, generation.model, generation.tokens_max
