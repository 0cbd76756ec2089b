import json
from pathlib import Path

from fimble.bench.replay.keys import Session
from fimble.bench.replay.measure import ORACLE, OURS, PEER, Replay
from fimble.bench.replay.metrics import figures
from fimble.bench.replay.plan import Plan
from fimble.bench.replay.report import result_of, table, write_report
from fimble.bench.replay.system import Costs, Traffic
from fimble.bench.replay.typist import Press, Timeline
from tests.unit.bench.replay.replay_fakes import segment


def result() -> dict[str, object]:
    session = Session(name="a.py", source="fimble", segments=(segment("abc", gap_s=0.5),))
    plan = Plan(sessions=(session,), split="dev", seed=7, sources=("modules",), gaps="built-in distribution")
    presses = [Press(at_s=0.0, text="a", rest="bc"), Press(at_s=1.0, text="b", rest="c")]
    timeline = Timeline(gold="abc", keys=3, is_end_known=True, presses=presses)
    counted = figures([timeline], Costs(critical_prompt_tokens=4, prompt_tokens=8, generated_tokens=2), Traffic())
    run = {OURS: figures([timeline], Costs(), Traffic()), PEER: counted, ORACLE: counted}
    replay = Replay(runs=(run,), setup={"model": "m", "context_tokens": 8192})
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
