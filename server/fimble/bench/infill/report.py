"""The result as a page for people: the figures, what they mean, published ones beside them, and what went wrong."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from fimble.bench import plots
from fimble.bench.infill.grading import Graded
from fimble.bench.infill.tasks import Split

# Single-line pass@1 in percent, raw, with base or instruct models at full precision, a bare prompt, temperature 0.6 and
# at most 512 tokens: msritian/Diffusion-Language-Models on GitHub, figures of a third party, read in 2026.
_PUBLISHED: Final = (
    ("Qwen2.5-Coder-0.5B (base)", 74.2),
    ("Qwen2.5-Coder-1.5B-Instruct", 80.3),
    ("DeepSeek-Coder-1.3B (base)", 79.5),
    ("StarCoder2-3B", 75.6),
)
PLOT: Final = "pass.png"
_EXAMPLES_MAX: Final = 40
_COLUMNS: Final = (
    ("pass_raw", "pass, raw"),
    ("pass_post", "pass, as shown"),
    ("exact_raw", "exact, raw"),
    ("exact_post", "exact, as shown"),
    ("silent", "silent"),
    ("overrun", "past the hole, of shown"),
    ("overrun_raw", "past the hole, raw"),
    ("longer", "more lines than the gold, of shown"),
    ("longer_passing", "… and the tests pass"),
)


def report(result: dict[str, Any], graded: Sequence[Graded], *, has_plot: bool) -> str:
    """Returns the page in Markdown; with `has_plot` it shows the plot that lies beside it."""
    image = [f"![Tasks that pass](./{PLOT})" if has_plot else plots.MISSING, ""]
    parts = [_figures(result), image, _meaning(), _published(result), _run(result["run"]), _lost(graded)]
    return "\n".join(itertools.chain.from_iterable(parts)) + "\n"


def plot(file: Path, result: dict[str, Any]) -> bool:
    """Draws the shares of passing tasks by split, raw and as shown; returns whether there is a plot."""
    series = {
        label: [_bar(result[split], name) for split in _splits(result)]
        for name, label in (("pass_raw", "as the model wrote it"), ("pass_post", "as shown"))
    }
    model = result["run"]["model"]
    return plots.bars(file, _splits(result), series, title=f"Tasks whose tests pass, {model}")


def table(result: dict[str, Any]) -> Iterator[str]:
    """Yields the figures as lines for a terminal."""
    for split in _splits(result):
        scores = result[split]
        yield f"{split}, {scores['n']} tasks, {scores['shown']} shown"
        for name, label in _COLUMNS:
            yield f"  {label:28} {_share(scores, name)}"


def _figures(result: dict[str, Any]) -> Iterator[str]:
    splits = _splits(result)
    yield "# Filling holes in functions (HumanEval-Infilling)"
    yield ""
    yield f"Model {result['run']['model']}, part `{result['run']['part']}`; in brackets the 95 % interval (Wilson)."
    yield ""
    yield "| | " + " | ".join(splits) + " |"
    yield "|---|" + "---|" * len(splits)
    yield "| tasks | " + " | ".join(str(result[split]["n"]) for split in splits) + " |"
    for name, label in _COLUMNS:
        yield f"| {label} | " + " | ".join(_share(result[split], name) for split in splits) + " |"
    for name, label in (("lost_by_rules", "passed raw, not as shown"), ("won_by_rules", "passed as shown, not raw")):
        yield f"| {label} | " + " | ".join(str(result[split][name]) for split in splits) + " |"
    yield ""
    for split in splits:
        rules, suppressed = _counts(result[split]["rules"]), _counts(result[split]["suppressed_by"])
        yield f"{split}: shown texts ended by {rules}; silent by {suppressed}."
        if other := result[split]["other_prompts"]:
            yield f"**{other} tasks were graded with another prompt than the recorded one: the figures are not valid.**"
    yield ""


def _meaning() -> Iterator[str]:
    yield from (
        "## What is counted",
        "",
        "One greedy generation per task, for the prompt that the completion feature itself asks for after a pause. "
        "*Raw* is all that the model wrote until it ended or the cap of tokens; *as shown* is what the feature makes "
        "of the same text for the run's trigger: automatic, where only what the model is sure of is shown, or by hand. "
        "A task passes when the tests of its problem pass with the text in the hole.",
        "Where nothing is shown the task is *silent*, and not passed. *Exact* ignores blanks at the end.",
        "A text goes *past the hole* when it goes on after the hole's end: when one of its lines is, indentation "
        "included, the first line below the hole; when a further line is indented less than all of the gold; or when "
        "its first lines alone pass the tests already. A text with *more lines than the gold* that do none of this "
        "solves it in another shape, or not at all.",
        "Holes of whole lines are an empty line in a file, whose line end is there already.",
        "",
    )


def _published(result: dict[str, Any]) -> Iterator[str]:
    if Split.SINGLE_LINE.value not in result:
        return
    yield "## Published figures, single-line, pass raw"
    yield ""
    yield "| model | pass@1 |"
    yield "|---|---|"
    for model, percent in _PUBLISHED:
        yield f"| {model} | {percent} % |"
    yield f"| this run: {result['run']['model']} | {_share(result[Split.SINGLE_LINE.value], 'pass_raw')} |"
    yield ""
    yield (
        "Same tasks and tests, other protocol: all 1,033 tasks, full precision, a bare prompt, temperature 0.6, 512 "
        "tokens (msritian/Diffusion-Language-Models, a third party). For multi-line and random spans no figures of "
        "these models are known."
    )
    yield ""


def _run(run: dict[str, Any]) -> Iterator[str]:
    yield "## The run"
    yield ""
    for name, value in run.items():
        yield f"- {name}: {_plain(value)}"
    if not run["sandbox_weaknesses"]:
        yield "- isolation: all layers that Linux has"
    yield ""


def _lost(graded: Sequence[Graded]) -> Iterator[str]:
    lost = [one for one in graded if one.raw.passed and not one.post.passed]
    lost += [one for one in graded if not one.raw.passed and not one.post.passed and one.raw.text.startswith(one.gold)]
    yield "## Right texts that were cut or withheld"
    yield ""
    yield f"{len(lost)} tasks; at most {_EXAMPLES_MAX} are listed."
    for one in lost[:_EXAMPLES_MAX]:
        yield ""
        yield f"{one.task}: ended by `{one.rule}`" + (
            f", withheld by `{one.suppressed_by}`" if one.suppressed_by else ""
        )
        yield from ("", "```text", f"gold  {one.gold!r}", f"raw   {one.raw.text[:600]!r}", f"shown {one.post.text!r}")
        yield f"tests {one.post.outcome} {one.post.words}".rstrip()
        yield "```"


def _splits(result: dict[str, Any]) -> list[str]:
    return [split.value for split in Split if split.value in result]


def _bar(scores: dict[str, Any], name: str) -> plots.Bar | None:
    share, interval = scores[name], scores["intervals"][name]
    return None if share is None else plots.Bar(share, *interval)


def _share(scores: dict[str, Any], name: str) -> str:
    share, interval = scores[name], scores["intervals"][name]
    return "-" if share is None else f"{share:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
