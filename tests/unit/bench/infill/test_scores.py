import pytest

from fimble.bench.infill.grading import Grade, Graded
from fimble.bench.infill.scores import split_scores
from fimble.bench.intervals import wilson


def test_the_interval_is_wilsons() -> None:
    # Computed by hand from the formula: 7 of 10, z = 1.96.
    assert wilson(7, 10) == pytest.approx((0.39677, 0.89221), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.27753), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.72247, 1.0), abs=1e-4)
    assert wilson(0, 0) is None


def graded(raw: str, post: str, *, overrun: bool = False, rule: str = "scope-end") -> Graded:
    def grade(outcome: str) -> Grade:
        exact = outcome == "passed"
        return Grade(text="x", covered=0, outcome=outcome, words="", exact=exact, overrun=overrun, longer=overrun)

    return Graded(
        task="t", split="light", part="dev", prompt="", gold="x", raw=grade(raw), post=grade(post), rule=rule,
        suppressed_by="empty" if post == "silent" else None, stop_reason="stop", prompt_tokens=1, generated_tokens=1,
        has_other_prompt=False, program_raw="", program_post="",
    )  # fmt: skip


def test_a_silent_task_is_not_passed_and_not_among_the_shown() -> None:
    scores = split_scores(
        [
            graded("passed", "passed"),
            graded("passed", "silent", overrun=True),
            graded("wrong", "passed", overrun=True),
            graded("passed", "wrong", overrun=True, rule="blank-line"),
        ]
    )
    assert {name: scores[name] for name in ("n", "shown", "pass_raw", "pass_post", "silent")} == {
        "n": 4, "shown": 3, "pass_raw": 0.75, "pass_post": 0.5, "silent": 0.25,
    }  # fmt: skip
    assert scores["overrun"] == pytest.approx(2 / 3)
    assert scores["longer"] == pytest.approx(2 / 3)
    assert scores["longer_passing"] == pytest.approx(1 / 3)
    assert (scores["lost_by_rules"], scores["won_by_rules"]) == (2, 1)
    assert scores["rules"] == {"scope-end": 2, "blank-line": 1}
    assert scores["suppressed_by"] == {"empty": 1}


def test_a_share_of_nothing_is_null() -> None:
    scores = split_scores([graded("passed", "silent")])
    assert scores["overrun"] is None
    assert scores["pass_raw"] == 1.0
    assert split_scores([])["pass_raw"] is None
