from pathlib import Path

import pytest

from fimble.bench.infill.grading import runs_past
from fimble.bench.infill.tasks import DATA_VARIABLE, DataMissing, Part, Split, Task, chosen, part_of, read_tasks
from tests.functional.bench_infill.exercises import HEAD, ROWS, TEST, row, write_rows


def task(before: str, gold: str, after: str, id: str = "SingleLineInfilling/HumanEval/0/L0") -> Task:
    return Task(
        id=id, split=Split.SINGLE_LINE, before=before, after=after, gold=gold, test=TEST, entry_point="double"
    )  # fmt: skip


def test_the_hole_of_a_whole_line_is_an_empty_line_in_the_file(tmp_path: Path) -> None:
    tasks = read_tasks(write_rows(tmp_path, ROWS), Split.SINGLE_LINE)
    assert [one.gold for one in tasks] == ["    result = number * 2", "    return result", "    result = copy + number"]
    assert tasks[0].after == "\n    return result\n"
    assert tasks[0].filled(tasks[0].gold) == HEAD + "    result = number * 2\n    return result\n"
    assert tasks[0].filled("x", covered=1) == HEAD + "x    return result\n"


def test_the_hole_of_a_random_span_is_as_it_is(tmp_path: Path) -> None:
    rows = [row(0, HEAD + "    ret", "urn number * 2\n", "", kind="RandomSpanInfilling")]
    write_rows(tmp_path / "data", rows, "HumanEval-RandomSpanInfilling.jsonl.gz")
    (one,) = read_tasks(tmp_path, Split.RANDOM_SPAN)
    assert (one.gold, one.after) == ("urn number * 2\n", "")


def test_missing_data_is_told_with_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(DataMissing, match=r"neither --data nor FIMBLE_BENCH_DATA .*openai/human-eval-infilling \(MIT"):
        read_tasks(None, Split.LIGHT)
    with pytest.raises(DataMissing, match="does not have it"):
        read_tasks(tmp_path, Split.LIGHT)
    (tmp_path / "HumanEval-RandomSpanInfillingLight.jsonl.gz").write_bytes(b"<html>")
    with pytest.raises(DataMissing, match="fetch it again"):
        read_tasks(tmp_path, Split.LIGHT)
    write_rows(tmp_path, ROWS)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert len(read_tasks(None, Split.SINGLE_LINE)) == 3


def test_the_halves_are_fixed_by_problem() -> None:
    # From sha256: a change here would mix what rules were tuned on with what is reported.
    assert [part_of(f"HumanEval/{number}").value for number in range(8)] == [
        "test",
        "dev",
        "dev",
        "test",
        "test",
        "dev",
        "test",
        "dev",
    ]
    tasks = [
        task("", "", "", f"SingleLineInfilling/HumanEval/{number}/L{line}") for number in range(30) for line in "01"
    ]
    dev, test = chosen(tasks, Part.DEV, 0, 1), chosen(tasks, Part.TEST, 0, 1)
    assert {one.problem for one in dev} & {one.problem for one in test} == set()
    assert len(dev) + len(test) == len(chosen(tasks, Part.ALL, 0, 1)) == 60
    assert min(len(dev), len(test)) > 15


def test_a_sample_is_fixed_by_its_seed_and_part_of_a_larger_one() -> None:
    tasks = [task("", "", "", f"SingleLineInfilling/HumanEval/{number}/L0") for number in range(60)]
    ids = [one.id for one in chosen(tasks, Part.ALL, 5, 1)]
    assert ids == [one.id for one in chosen(tasks, Part.ALL, 5, 1)]
    assert ids != [one.id for one in chosen(tasks, Part.ALL, 5, 2)]
    assert set(ids) < {one.id for one in chosen(tasks, Part.ALL, 20, 1)}
    assert len(chosen(tasks, Part.ALL, 500, 1)) == 60


@pytest.mark.parametrize(
    ("text", "is_past"),
    [
        ("    total = 0", False),
        ("    total = 0\n\n\n", False),
        ("    total = None", False),
        ("    if numbers:\n        total = 0", False),
        ("    total = 0\n\nprint(f([]))", True),
        ("    for number in numbers:", True),
        ("        for number in numbers:", False),
        ("", False),
    ],
)
def test_a_text_runs_past_the_hole_with_the_line_below_or_out_of_its_block(text: str, is_past: bool) -> None:
    hole = task("def f(numbers):\n", "    total = 0", "\n    for number in numbers:\n        total += number\n")
    assert runs_past(text, hole) is is_past


def test_a_line_that_the_gold_has_too_is_not_past_the_hole() -> None:
    hole = task("", "a = [\n    call(1),\n]", "\n    call(1),\n")
    assert not runs_past("a = [\n    call(1),\n]", hole)
    assert not runs_past("a\n]", task("", "a\nb", "\n]\n")), "a lone bracket says nothing"
    assert runs_past("eturn 1", task("if a:\n    r", "aise", "\n    return 1\n"))
    assert runs_past("a\nelse:", task("", "a\nb", "\nelse:\n"))
