import importlib.util
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fimble.bench.replay.keys import Session
from fimble.bench.replay.measure import ORACLE, OURS, PEER, Distribution, Replay
from fimble.bench.replay.metrics import figures
from fimble.bench.replay.plan import Plan
from fimble.bench.replay.report import result_of, table, write_report
from fimble.bench.replay.system import Costs, Traffic
from fimble.bench.replay.typist import Press, Timeline
from tests.unit.bench.replay.replay_fakes import segment


def result(usable_rates: Sequence[float] = (0.25,)) -> dict[str, Any]:
    session = Session(name="a.py", source="fimble", segments=(segment("abc", gap_s=0.5),))
    plan = Plan(sessions=(session,), split="dev", seed=7, sources=("modules",), gaps="built-in distribution")
    presses = [Press(at_s=0.0, text="a", rest="bc"), Press(at_s=1.0, text="b", rest="c")]
    timeline = Timeline(gold="abc", keys=3, is_end_known=True, presses=presses)
    counted = figures([timeline], Costs(critical_prompt_tokens=4, prompt_tokens=8, generated_tokens=2), Traffic())
    runs = [
        {OURS: replace(figures([timeline], Costs(), Traffic()), usable_rate=usable), PEER: counted, ORACLE: counted}
        for usable in usable_rates
    ]
    times = Distribution(asked=4, delay_ms=(0.0, 120.0), cached_ms=(4.0,), model_ms=(120.0,))
    setup = {"model": "m", "context_tokens": 8192}
    replay = Replay(runs=tuple(runs), setup=setup, distributions={OURS: times, PEER: Distribution(asked=4)})
    return result_of(replay, plan, speed=0.5, started=0.0, load=(1.0, 2.0, 3.0))


def test_the_result_has_the_agreed_fields_and_says_what_was_not_measured() -> None:
    found = result()
    names = {
        "keys",
        "asked",
        "critical_prompt_tokens_per_key",
        "prompt_tokens_per_key",
        "within_250ms",
        "usable_rate",
        "keystrokes_saved",
        "wrong_per_100",
    }
    for system in ("ours", "peer", "oracle"):
        row = found[system]
        assert isinstance(row, dict)
        assert names <= row.keys()
    assert json.loads(json.dumps(found["peer"]))["critical_prompt_tokens_per_key"] == 2
    assert found["not_measured"] == {"ours.*_tokens_per_key": "the server counted no request (fimble/costs)"}


def test_the_page_names_what_is_needed_to_repeat_it(tmp_path: Path) -> None:
    write_report(tmp_path / "out", result())
    page = (tmp_path / "out" / "replay.md").read_text(encoding="utf-8")
    for fact in ("- seed: 7", "part: dev", "speed 0.5", "| a.py | fimble | 1 | 3 | 3.0 |", "xllamacpp", "load_before"):
        assert fact in page
    stored = json.loads((tmp_path / "out" / "replay.json").read_text(encoding="utf-8"))
    assert stored["settings"]["seed"] == 7


def test_a_figure_that_is_not_known_is_a_dash() -> None:
    (line,) = [line for line in table(result()) if line.startswith("prompt tokens per key, waited for")]
    assert line.split()[-3:] == ["-", "2.00", "2.00"]


def test_several_runs_are_told_as_median_least_and_most(tmp_path: Path) -> None:
    found = result((0.1, 0.4, 0.2))
    assert found["ours"]["usable_rate"] == 0.2
    assert (found["spread"]["min"]["ours"]["usable_rate"], found["spread"]["max"]["ours"]["usable_rate"]) == (0.1, 0.4)
    write_report(tmp_path, found)
    page = (tmp_path / "replay.md").read_text(encoding="utf-8")
    assert "| usable | 20.0% [10.0%, 40.0%] |" in page
    write_report(tmp_path, result())
    assert "| usable | 25.0% |" in (tmp_path / "replay.md").read_text(encoding="utf-8")


def test_the_page_says_what_usable_means_and_has_plots_or_says_what_they_need(tmp_path: Path) -> None:
    write_report(tmp_path, result())
    page = (tmp_path / "replay.md").read_text(encoding="utf-8")
    assert "- usable (`usable_rate`): Share of the gaps between two keys" in page
    assert "at least 3 characters that will be typed" in page
    has_plots = importlib.util.find_spec("matplotlib") is not None
    assert ("![replay-screen.png](./replay-screen.png)" in page) is has_plots
    assert ("pip install 'fimble[bench]'" in page) is not has_plots
