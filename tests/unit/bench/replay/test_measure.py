from dataclasses import replace
from statistics import median

from fimble.bench.replay.keys import Session
from fimble.bench.replay.measure import Typed, merged_figures, type_session
from fimble.bench.replay.metrics import Percentiles, figures
from fimble.bench.replay.system import Costs, Traffic
from tests.unit.bench.replay.replay_fakes import ScriptedSystem, in_virtual_time, segment


def test_a_session_is_all_its_segments_and_the_system_is_left() -> None:
    system, typed = ScriptedSystem(lambda _: None), Typed()
    session = Session(name="a", source="b", segments=(segment("abc", gap_s=0.1), segment("de", gap_s=0.1)))
    in_virtual_time(type_session(system, session, typed, speed=1))
    assert [timeline.gold for timeline in typed.timelines] == ["abc", "de"]
    assert system.is_gone
    assert typed.figures().keys == 5
    # This system does not count tokens.
    assert typed.figures().prompt_tokens_per_key is None


def test_of_several_runs_each_figure_is_the_median() -> None:
    nothing = figures([], Costs(), Traffic())
    runs = [
        replace(nothing, keys=keys, usable_rate=usable, model_ms=Percentiles(keys, time_ms, None, None, None, None))
        for keys, usable, time_ms in ((10, 0.1, 300.0), (12, 0.3, 100.0), (11, 0.2, 200.0))
    ]
    merged = merged_figures(runs, median)
    assert (merged.keys, merged.usable_rate, merged.model_ms.p50, merged.model_ms.p90) == (11, 0.2, 200.0, None)
    least, most = merged_figures(runs, min), merged_figures(runs, max)
    assert (least.usable_rate, least.model_ms.p50) == (0.1, 100.0)
    assert (most.usable_rate, most.model_ms.p50) == (0.3, 300.0)


def test_a_figure_that_a_run_lacks_has_no_median() -> None:
    nothing = figures([], Costs(), Traffic())
    assert merged_figures([nothing, replace(nothing, usable_rate=0.5)], median).usable_rate is None
    assert merged_figures([replace(nothing, usable_rate=0.5)] * 2, median).usable_rate == 0.5


def test_costs_are_differences_and_stay_unknown() -> None:
    costs = Costs(critical_prompt_tokens=5, prompt_tokens=9, generated_tokens=3)
    earlier = Costs(critical_prompt_tokens=1, prompt_tokens=4, generated_tokens=3)
    assert costs.since(earlier) == Costs(critical_prompt_tokens=4, prompt_tokens=5, generated_tokens=0)
    assert (costs + Costs()).prompt_tokens is None
