"""The file of a likelihood run."""

from pathlib import Path

import pytest

from fimble.bench.crossfile.errors import ResultsOther
from fimble.bench.crossfile.likelihood_rows import ROWS_FILE, Row, Rows, Share


def row(spot: str, arm: str = "off", nats: float = -2.0) -> Row:
    share = Share(characters=4, tokens=2, nats=nats)
    return Row(
        spot=spot,
        package="p",
        kind="line",
        arm=arm,
        shares={"gold": share},
        end_nats=None,
        floored=0,
        prompt_tokens=9,
        ms=1.0,
    )


def test_rows_come_back_also_after_half_a_line(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "out", {"model": "a"})
    for one in (row("1"), row("2"), row("1", "on")):
        rows.add(one)
    with (tmp_path / "out" / ROWS_FILE).open("ab") as file:
        file.write(b'{"spot": "half a li')
    again = Rows(tmp_path / "out", {"model": "a"})
    assert again.rows == rows.rows
    again.add(row("3"))
    assert list(Rows(tmp_path / "out", {"model": "a"}).rows) == [("1", "off"), ("2", "off"), ("1", "on"), ("3", "off")]


def test_rows_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    Rows(tmp_path, {"model": "a", "code": "1"})
    with pytest.raises(ResultsOther, match="another code, model"):
        Rows(tmp_path, {"model": "b", "code": "2"})
    assert Rows(tmp_path, {"model": "a", "code": "1"}).rows == {}


def test_a_file_whose_first_line_is_no_head_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / ROWS_FILE).write_bytes(b"")
    with pytest.raises(ResultsOther):
        Rows(tmp_path, {"model": "a"})


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    rows = Rows(None, {})
    rows.add(row("1"))
    assert list(rows.rows) == [("1", "off")]
    assert list(tmp_path.iterdir()) == []


def test_a_share_tells_its_mean_per_character_and_per_token() -> None:
    share = Share(characters=4, tokens=2, nats=-2.0)
    assert (share.per_character, share.per_token) == (-0.5, -1.0)
