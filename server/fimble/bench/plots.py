"""Plots for the reports, where matplotlib is installed (the optional extra `bench`); without it there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MISSING: Final = "Plots need matplotlib: pip install 'fimble[bench]'."

# Colours that people who do not see all colours can tell apart: M. Okabe and K. Ito, "Color Universal Design" (2008).
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
_LINES: Final = ("-", "--", "-.", ":")
# Arms beyond the colours are told apart by these.
_HATCHES: Final = ("", "///", "...")
_DPI: Final = 120
_WIDTH_INCHES: Final = 7.0
_HEIGHT_INCHES: Final = 4.2
_BARS_WIDTH: Final = 0.8
# Above this many arms a name is no longer readable without being turned.
_UPRIGHT_MAX: Final = 4
_CROSSFILE: Final = (
    ("exact", "exact match"),
    ("first_line", "first line"),
    ("edit_similarity", "edit similarity"),
    ("identifier_f1", "identifier F1"),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Times in milliseconds of what came, out of `total` that could have come."""

    label: str
    times_ms: Sequence[float]
    total: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with the interval that it lies in."""

    value: float
    low: float
    high: float


def time_shares(
    file: Path, curves: Sequence[Curve], *, title: str, marks_ms: Sequence[float] = (), until_ms: float | None = None
) -> bool:
    """Draws for each curve which share of its total had come by when; returns whether there is a plot.

    A curve without a total is left out. The time axis ends at `until_ms`, or where all has come.
    """
    drawn = [curve for curve in curves if curve.total]
    figure = _figure()
    if figure is None or not drawn:
        return False
    end_ms = until_ms or 1.05 * max((time_ms for curve in drawn for time_ms in curve.times_ms), default=1.0)
    axes = figure.subplots()
    for number, curve in enumerate(drawn):
        ordered = sorted(curve.times_ms)
        # A step at each time, and on to the end of the axis.
        at = [0.0, *ordered, max(end_ms, ordered[-1] if ordered else 0.0)]
        shares = [0.0, *((count + 1) / curve.total for count in range(len(ordered))), len(ordered) / curve.total]
        axes.step(at, shares, where="post", label=f"{curve.label} (n = {curve.total})", **_style(number))
    for mark_ms in marks_ms:
        axes.axvline(mark_ms, color="#888888", linewidth=0.8, linestyle=":")
        axes.annotate(
            f"{mark_ms:g} ms", (mark_ms, 1.02), textcoords="offset points", xytext=(2, 2), fontsize=7, color="#555555"
        )
    axes.set(xlabel="ms", ylabel="share", xlim=(0, end_ms), ylim=(0, 1.08))
    _finish(figure, axes, file, title, legend_at="best")
    return True


def bars(file: Path, groups: Sequence[str], series: Mapping[str, Sequence[Bar | None]], *, title: str) -> bool:
    """Draws the series' bars side by side, one per group, with intervals; returns whether there is a plot.

    Values are shares. A series has None where it has no value for a group.
    """
    figure = _figure()
    if figure is None or not any(bar for row in series.values() for bar in row):
        return False
    axes = figure.subplots()
    width = _BARS_WIDTH / len(series)
    for number, (label, row) in enumerate(series.items()):
        there = [(group, bar) for group, bar in enumerate(row) if bar is not None]
        axes.bar(
            [group + (number - (len(series) - 1) / 2) * width for group, _ in there],
            [bar.value for _, bar in there],
            0.92 * width,
            # Rounding may leave an end of the interval a little on the wrong side of the value.
            yerr=[
                [max(0.0, bar.value - bar.low) for _, bar in there],
                [max(0.0, bar.high - bar.value) for _, bar in there],
            ],
            error_kw={"elinewidth": 0.9, "capsize": 2.5, "ecolor": "#333333"},
            color=_COLOURS[number % len(_COLOURS)],
            hatch=_HATCHES[number // len(_COLOURS) % len(_HATCHES)],
            edgecolor="white",
            label=label,
        )
    axes.set_xticks(range(len(groups)), groups, rotation=0 if len(groups) <= _UPRIGHT_MAX else 20)
    axes.set(ylabel="share, with its 95 % interval", ylim=(0, 1))
    axes.margins(x=0.02)
    _finish(figure, axes, file, title, legend_at="outside")
    return True


def crossfile_plot(file: Path, result: Mapping[str, Any]) -> bool:
    """Draws a result of `fimble bench crossfile`: measures of what is shown by arm, with their 95 % intervals.

    `result` has the arms `off` and `on`, or several `on/NAME`, as far as they were measured, and the oracle's under
    `renderings`. Returns whether there is a plot.
    """
    arms = {name: arm for name, arm in result.items() if name.partition("/")[0] in ("off", "on")}
    arms |= {f"oracle, {name}": arm for name, arm in result.get("renderings", {}).items()}
    series = {name: [_bar(arm, measure) for measure, _ in _CROSSFILE] for name, arm in arms.items()}
    return bars(file, [label for _, label in _CROSSFILE], series, title="Completion across files, as shown")


def _bar(arm: Mapping[str, Any], measure: str) -> Bar | None:
    value, interval = arm.get(measure), arm.get(f"{measure}_95")
    return None if value is None or interval is None else Bar(value, *interval)


def _style(number: int) -> dict[str, Any]:
    return {"color": _COLOURS[number % len(_COLOURS)], "linestyle": _LINES[number % len(_LINES)], "linewidth": 1.6}


def _figure() -> Any:
    """Returns an empty figure, None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - optional.
    except ImportError:
        return None
    return Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="constrained")


def _finish(figure: Any, axes: Any, file: Path, title: str, *, legend_at: str) -> None:
    axes.set_title(title, fontsize=10, pad=10)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_fontsize(9)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if legend_at == "outside":
        figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    else:
        axes.legend(loc=legend_at, fontsize=8, frameon=False)
    figure.savefig(file, dpi=_DPI)
