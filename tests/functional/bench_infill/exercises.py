"""Three small problems in the format of HumanEval-Infilling, written for these tests."""

import gzip
import json
from pathlib import Path

HEAD = 'def double(number):\n    """Return twice the number."""\n'
TEST = "\n\ndef check(candidate):\n    assert candidate(1) == 2\n    assert candidate(21) == 42\n"


def row(number: int, prompt: str, gold: str, suffix: str, *, kind: str = "SingleLineInfilling") -> dict[str, str]:
    return {
        "task_id": f"{kind}/HumanEval/{number}/L0",
        "entry_point": "double",
        "prompt": prompt,
        "canonical_solution": gold,
        "suffix": suffix,
        "test": TEST,
    }


ROWS = [
    row(0, HEAD, "    result = number * 2\n", "    return result\n"),
    row(1, HEAD + "    result = number * 2\n", "    return result\n", ""),
    row(2, HEAD + "    copy = number\n", "    result = copy + number\n", "    return result\n"),
]


def write_rows(folder: Path, rows: list[dict[str, str]], name: str = "HumanEval-SingleLineInfilling.jsonl.gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / name, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder
