"""Finding spots in a package."""

import random
from itertools import pairwise
from pathlib import Path

from fimble.bench.crossfile.find import find_spots, is_left_out
from fimble.bench.crossfile.make import make_spots
from fimble.bench.crossfile.spots import SHIPPED, read_spots
from tests.unit.bench.crossfile.shop import COUNTER, archived_package, package, write_folder


def golds(folder: Path, per_kind: int = 9, seed: int = 1) -> list[tuple[str, str]]:
    spots = find_spots(folder, package(), per_kind=per_kind, seed=seed)
    return [(spot.kind, COUNTER[spot.offset : spot.offset + spot.length]) for spot in spots]


def test_each_kind_has_its_hole(tmp_path: Path) -> None:
    found = golds(write_folder(tmp_path))
    # The holes that do not overlap with those of rarer kinds, four a file.
    assert (
        "multi-line",
        "fresh.add(\n                Item(name, 100),\n                count=3,\n            )",
    ) in found
    assert ("body", "item = Item(name, price)\n        return self.stock.add(item, count=2)") in found
    assert len(found) == 4


def test_a_line_begins_at_the_name_that_is_called_and_arguments_inside_of_the_brackets(tmp_path: Path) -> None:
    found = {gold for seed in range(40) for gold in golds(write_folder(tmp_path), per_kind=1, seed=seed)}
    assert {gold for kind, gold in found if kind == "line"} == {
        "Item(name, price)",
        "add(item, count=2)",
        "cheapest(self.stock)",
        "Stock(len(names))",
    }
    assert {gold for kind, gold in found if kind == "call"} == {
        "name, price",
        "item, count=2",
        "self.stock",
        "len(names)",
    }


def test_the_same_text_and_seed_give_the_same_spots(tmp_path: Path) -> None:
    write_folder(tmp_path)
    state = random.getstate()
    first = find_spots(tmp_path, package(), per_kind=1, seed=3)
    random.random()
    assert find_spots(tmp_path, package(), per_kind=1, seed=3) == first
    random.setstate(state)
    others = [find_spots(tmp_path, package(), per_kind=1, seed=seed) for seed in range(4, 12)]
    assert any(other != first for other in others)


def test_spots_do_not_overlap(tmp_path: Path) -> None:
    write_folder(tmp_path)
    for seed in range(10):
        spots = find_spots(tmp_path, package(), per_kind=9, seed=seed)
        ends = [(spot.offset, spot.offset + spot.length) for spot in spots]
        assert all(end <= start for (_, end), (start, _) in pairwise(ends))


def test_tests_generated_code_and_modules_that_join_others_are_left_out() -> None:
    assert is_left_out("src/shop/__init__.py", "src/shop")
    assert is_left_out("src/shop/tests/fakes.py", "src/shop")
    assert is_left_out("src/shop/wire_pb2.py", "src/shop")
    assert not is_left_out("src/shop/latest.py", "src/shop")
    assert not is_left_out("src/tests_shop/latest.py", "src/tests_shop")


def test_what_ships_is_large_and_mixed_enough_and_has_no_source_text() -> None:
    spots = read_spots()
    assert len(spots.spots) >= 150
    assert len({spot.id for spot in spots.spots}) == len(spots.spots)
    assert len(spots.of_part("dev").packages) >= 3
    assert len(spots.of_part("test").packages) >= 4
    assert {spot.kind for spot in spots.spots} == {"line", "call", "multi-line", "body"}
    assert all(spot.definitions for spot in spots.spots)
    assert all(definition.path != spot.path for spot in spots.spots for definition in spot.definitions)
    assert all(package.released.startswith("2026-") for package in spots.packages)
    assert {package.licence for package in spots.packages} <= {"MIT", "Apache-2.0", "BSD-3-Clause"}
    assert "def " not in SHIPPED.read_text()
    assert "import" not in {word for spot in spots.spots for word in spot.path.split("/")}


def test_the_file_of_spots_can_be_made_anew_from_its_packages(tmp_path: Path) -> None:
    _, known = archived_package(tmp_path)
    spots = make_spots([known], tmp_path / "cache", seed=1, offline=tmp_path)
    assert spots == make_spots([known], tmp_path / "cache", seed=1, offline=tmp_path)
    assert {spot.package for spot in spots.spots} == {"shop"}
