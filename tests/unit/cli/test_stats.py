"""`fimble stats`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fimble.cli.app import app
from fimble.cli.stats_report import Page
from fimble.errors import FolderUnusable
from fimble.features.acceptance.store import Store, day_of
from fimble.features.acceptance.summary import summarise
from tests.unit.features.acceptance.samples import row

NOW_S = 1_750_000_000.0


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))  # On macOS.
    from fimble.features.acceptance.store import statistics_file

    return statistics_file()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["stats", *arguments])


def as_json(*arguments: str) -> dict[str, Any]:
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def fill(store: Store, time_s: float) -> None:
    for number in range(40):
        store.record(
            row(number, time_s=time_s - number, is_wanted=True, is_whole=True, accepts=1, accepted_characters=10)
        )
        store.record(row(100 + number, time_s=time_s - number, language="rust"))
    store.keep(1, "30_s", 0.75)
    store.count(
        day_of(time_s),
        {
            "asked": 200,
            "answered": 80,
            "empty": 20,
            "cancelled": 100,
            "suppressed:not-sure": 20,
            "latency:warm:100": 80,
        },
    )


def test_without_statistics_it_says_so_and_makes_no_file(path: Path) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.output == (
        "There are no statistics yet: they begin with the first suggestion in an editor, and stay on this machine.\n"
    )
    empty = as_json()
    assert (empty["shown"], empty["accepted_share"], empty["kept"]["30_s"]) == (0, None, None)
    assert not path.exists()


def test_the_json_has_all_figures(path: Path) -> None:
    import time

    store = Store.open(path)
    fill(store, time.time())
    found = as_json("--days", "7")
    assert (found["days"], found["shown"], found["accepted"], found["accepted_share"]) == (7, 80, 40, 0.5)
    assert (found["accepted_characters"], found["saved_characters"], found["accepted_whole"]) == (400, 360, 40)
    assert found["kept"] == {"30_s": 0.75, "2_min": None, "10_min": None}
    assert (found["asked"], found["cancelled_share"], found["suppressed"]) == (200, 0.5, {"not-sure": 20})
    assert found["latency_ms"]["warm"] == {"answers": 80, "p50": 131.5, "p90": 131.5, "p99": 131.5}
    assert {group["name"]: group["accepted_share"] for group in found["languages"]} == {"python": 1.0, "rust": 0.0}
    assert found["confidence"]["outcomes"] == 80
    assert found["confidence"]["factor"] > 1.0
    assert len(found["saved_characters_by_day"]) == 7


def test_a_reset_forgets_everything(path: Path) -> None:
    import time

    store = Store.open(path)
    fill(store, time.time())
    assert as_json()["shown"] == 80
    assert run("--reset").exit_code == 0
    after = as_json()
    assert (after["shown"], after["asked"], after["confidence"]["factor"]) == (0, 0, 1.0)
    assert run("--reset").exit_code == 0


def test_a_broken_database_says_what_helps(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database " * 500)
    result = run()
    assert isinstance(result.exception, FolderUnusable)
    assert str(result.exception).endswith("to begin anew, run: fimble stats --reset")
    assert run("--reset").exit_code == 0
    assert as_json()["shown"] == 0


def lines(*, is_plain: bool) -> list[str]:
    store = Store.in_memory()
    fill(store, NOW_S)
    return list(Page(is_plain=is_plain).lines(summarise(store, 2, NOW_S), Path("/state/statistics.db")))


def test_a_plain_page_has_no_colours_and_ordinary_signs() -> None:
    page = lines(is_plain=True)
    assert "Suggestions of the last 2 days" in page
    assert "  80 shown, 40 accepted (50 %): 40 to the end, 0 partly; 0 typed along by hand" in page
    assert "  800 characters shown, 400 accepted, 360 keys saved" in page
    assert "  30 seconds                       75 %  ##################" in page
    assert "  2 minutes                           –" in page
    assert "  prompt in the cache                80      132      132      132" in page
    assert "  python                             40         360     100 %  ########################" in page
    assert "  keys saved per day 09 up to 360" in page
    assert not any("\x1b" in line or "█" in line for line in page)


def test_a_terminal_gets_colours_and_fine_bars() -> None:
    page = "\n".join(lines(is_plain=False))
    assert "\x1b[1mSuggestions of the last 2 days\x1b[0m" in page
    assert "\x1b[32m██████████████████\x1b[0m" in page
    assert "\x1b[32m▁█\x1b[0m" in page
