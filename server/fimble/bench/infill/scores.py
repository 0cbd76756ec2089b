"""From graded tasks to shares with their 95 % intervals."""

from collections import Counter
from collections.abc import Callable, Sequence

from fimble.bench.infill.grading import Graded
from fimble.bench.intervals import wilson


def split_scores(graded: Sequence[Graded]) -> dict[str, object]:
    """Returns the figures of one split, shares between 0 and 1; a share of nothing is null.

    `overrun`, `longer` and `longer_passing` are shares of what is shown, all others of all tasks.
    """
    shown = [one for one in graded if one.post.outcome != "silent"]
    scores: dict[str, object] = {"n": len(graded), "shown": len(shown)}
    intervals: dict[str, object] = {}

    def add(name: str, among: Sequence[Graded], is_counted: Callable[[Graded], bool]) -> None:
        count = sum(map(is_counted, among))
        scores[name] = count / len(among) if among else None
        intervals[name] = wilson(count, len(among))

    add("pass_raw", graded, lambda one: one.raw.passed)
    add("pass_post", graded, lambda one: one.post.passed)
    add("exact_raw", graded, lambda one: one.raw.exact)
    add("exact_post", graded, lambda one: one.post.exact)
    add("silent", graded, lambda one: one.post.outcome == "silent")
    add("overrun", shown, lambda one: one.post.overrun)
    add("overrun_raw", graded, lambda one: one.raw.overrun)
    add("longer", shown, lambda one: one.post.longer)
    add("longer_passing", shown, lambda one: one.post.longer and one.post.passed)
    scores["intervals"] = intervals
    scores["lost_by_rules"] = sum(one.raw.passed and not one.post.passed for one in graded)
    scores["won_by_rules"] = sum(one.post.passed and not one.raw.passed for one in graded)
    scores["rules"] = dict(Counter(one.rule for one in shown).most_common())
    scores["suppressed_by"] = dict(Counter(str(one.suppressed_by) for one in graded if one not in shown).most_common())
    scores["outcomes_post"] = dict(Counter(one.post.outcome for one in graded).most_common())
    scores["other_prompts"] = sum(one.has_other_prompt for one in graded)
    return scores
