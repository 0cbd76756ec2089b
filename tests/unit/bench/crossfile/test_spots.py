"""The set of spots: parts, samples, files."""

from pathlib import Path

import pytest

from fimble.bench.crossfile.errors import SpotInvalid
from fimble.bench.crossfile.spots import Definition, Spot, SpotSet, read_spots, write_spots
from tests.unit.bench.crossfile.shop import package


def spot(number: int, kind: str = "line", name: str = "shop") -> Spot:
    return Spot(
        package=name,
        path="a.py",
        offset=number,
        length=3,
        kind=kind,  # type: ignore[arg-type]
        definitions=(Definition("b.py", 1, 2, "f"),),
    )


def test_spots_come_back_from_their_file(tmp_path: Path) -> None:
    spots = SpotSet(seed=4, packages=(package("00"),), spots=(spot(1), spot(2, "body")))
    write_spots(spots, tmp_path / "spots.json")
    assert read_spots(tmp_path / "spots.json") == spots


def test_a_file_that_is_none_or_names_an_unknown_package_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "spots.json"
    write_spots(SpotSet(seed=4, packages=(package("00"),), spots=(spot(1, name="other"),)), file)
    with pytest.raises(SpotInvalid, match="other"):
        read_spots(file)
    file.write_text("{")
    with pytest.raises(SpotInvalid, match="cannot be read"):
        read_spots(file)


def test_a_sample_is_the_same_each_time_and_even_over_kinds() -> None:
    many = [spot(number, kind) for number in range(20) for kind in ("line", "body")]
    spots = SpotSet(seed=4, packages=(package(),), spots=tuple(many))
    sample = spots.sample(6)
    assert sample == spots.sample(6)
    assert [one.kind for one in sample.spots].count("line") == 3
    assert spots.sample(0) == spots


def test_parts_are_told_apart_by_package() -> None:
    spots = SpotSet(seed=4, packages=(package(),), spots=(spot(1),))
    assert len(spots.of_part("dev").spots) == 1
    assert spots.of_part("test").spots == ()
