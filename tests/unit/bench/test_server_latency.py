import ast
import itertools
import random
import re
from pathlib import Path
from statistics import median

from fimble.bench.server_latency import times
from fimble.bench.server_latency_report import merged, table
from fimble.bench.server_latency_typing import KEYS_PER_PLACE, keys_at_places
from fimble.bench.server_latency_workspace import LongFile, long_files, make_workspace


def contents(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_seed_makes_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    once, again, other = (tmp_path / name for name in ("once", "again", "other"))
    assert make_workspace(once, files=60, seed=1) == make_workspace(again, files=60, seed=1)
    make_workspace(other, files=60, seed=2)
    assert contents(once) == contents(again) != contents(other)
    assert len(contents(once)) == 60


def test_python_files_parse_and_import_what_is_there(tmp_path: Path) -> None:
    make_workspace(tmp_path, files=60, seed=3)
    files = contents(tmp_path)
    imports = 0
    for path in [path for path in files if path.endswith(".py")]:
        for node in ast.walk(ast.parse(files[path])):
            if isinstance(node, ast.ImportFrom):
                defined = files[f"{(node.module or '').replace('.', '/')}.py"]
                for name in node.names:
                    assert re.search(rf"^(def|class) {name.name}\b", defined, re.MULTILINE)
                    imports += 1
    assert imports > 60


def test_typescript_files_import_what_is_there(tmp_path: Path) -> None:
    make_workspace(tmp_path, files=60, seed=3)
    files = contents(tmp_path)
    imports = 0
    for path in [path for path in files if path.endswith(".ts")]:
        for names, module in re.findall(r'^import \{ (.*) \} from "\.\./\.\./(.*)";$', files[path], re.MULTILINE):
            for name in names.split(", "):
                assert re.search(rf"^export (function|class) {name}\b", files[f"{module}.ts"], re.MULTILINE)
                imports += 1
    assert imports > 30


def test_the_files_to_type_in_have_a_thousand_lines_and_are_among_the_files(tmp_path: Path) -> None:
    long = make_workspace(tmp_path, files=30, seed=1)
    assert [one.language for one in long] == ["python", "typescript"]
    for one in long:
        assert 1000 <= one.text.count("\n") <= 1020
        assert (tmp_path / one.path).read_text() == one.text


def test_in_a_folder_the_files_of_about_a_thousand_lines_are_chosen(tmp_path: Path) -> None:
    line = "    return something_long_enough\n"
    for name, count in (("short.py", 10), ("long.py", 990), ("longest.py", 3000), ("page.md", 1000)):
        (tmp_path / name).write_text(line * count)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "other.py").write_text(line * 1000)
    (found,) = long_files(tmp_path, seed=1)
    assert (found.path, found.language) == ("long.py", "python")
    assert set(found.statements) == {line.strip()}


def test_keys_make_lines_of_a_function_and_the_places_differ() -> None:
    text = "def one():\n    value = 1\n    return value\n\ndef two():\n    other = 2\n    return other\n"
    long = LongFile("a.py", "python", text, ("total = value + other", "print(total)"))
    places = list(itertools.islice(keys_at_places(long, random.Random(1)), 8))
    assert {len(keys) for keys in places} == {KEYS_PER_PLACE}
    assert {keys[0][:2] for keys in places} == {(1, 13), (5, 13)}
    lines = text.split("\n")
    for line, character, typed in places[0]:
        lines[line : line + 1] = (lines[line][:character] + typed + lines[line][character:]).split("\n")
    start = places[0][0][0]
    assert lines[start + 1 : start + 3] == ["    total = value + other", "    print(total)"]


def test_a_file_without_functions_has_no_places() -> None:
    assert list(keys_at_places(LongFile("a.py", "python", "value = 1\n", ("value = 2",)), random.Random(1))) == []


def test_percentiles_are_times_that_were_measured() -> None:
    found = times([float(value) for value in range(200, 0, -1)])
    assert (found.n, found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms) == (200, 100, 180, 198, 200)
    assert times([7.0]).p99_ms == 7.0
    assert times([]).p50_ms is None


def test_figures_of_several_runs_are_merged_one_by_one() -> None:
    rows = [{"reply": {"n": 2, "p50_ms": value}, "shown": shown} for value, shown in ((3.0, 1), (1.0, 3), (2.0, 2))]
    assert merged(rows, median) == {"reply": {"n": 2, "p50_ms": 2.0}, "shown": 2}
    assert merged(rows, max) == {"reply": {"n": 2, "p50_ms": 3.0}, "shown": 3}
    rows[1]["reply"] = {"n": 0, "p50_ms": None}
    assert merged(rows, median)["reply"]["p50_ms"] is None


def test_a_phase_that_was_not_measured_has_no_line() -> None:
    reply = {"n": 500, "p50_ms": 3.0, "p90_ms": 4.0, "p99_ms": 9.5, "max_ms": 12.0}
    lines = list(table({"ready": {"reply": reply, "cpu_ms_per_key": 2.5}, "engine_alone_ms": reply}))
    assert len(lines) == 3
    assert lines[1].split()[-6:] == ["500", "3.0", "4.0", "9.5", "12.0", "2.5"]
