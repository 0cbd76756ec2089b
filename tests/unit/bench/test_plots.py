import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from fimble.bench.plots import Bar, Curve, bars, crossfile_plot, time_shares

HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
ARM = {"exact": 0.1, "exact_95": [0.05, 0.2], "edit_similarity": 0.5, "edit_similarity_95": [0.4, 0.6]}
PLOTS: list[Callable[[Path], bool]] = [
    lambda file: time_shares(file, [Curve("one", [3.0, 400.0], 4)], title="t", marks_ms=(250,), until_ms=1000),
    lambda file: bars(file, ["a", "b"], {"one": [Bar(0.5, 0.4, 0.6), None]}, title="t"),
    lambda file: crossfile_plot(file, {"off": ARM, "on/comments": ARM, "renderings": {"comments": ARM}, "n": 3}),
]


@pytest.mark.parametrize("draw", PLOTS)
def test_there_is_a_plot_where_matplotlib_is_installed(draw: Callable[[Path], bool], tmp_path: Path) -> None:
    file = tmp_path / "plot.png"
    assert draw(file) is HAS_MATPLOTLIB
    assert file.exists() is HAS_MATPLOTLIB


@pytest.mark.parametrize(
    "draw",
    [
        lambda file: time_shares(file, [Curve("one", [], 0)], title="t"),
        lambda file: bars(file, ["a"], {"one": [None]}, title="t"),
        lambda file: crossfile_plot(file, {}),
    ],
)
def test_nothing_is_drawn_of_nothing(draw: Callable[[Path], bool], tmp_path: Path) -> None:
    assert not draw(tmp_path / "plot.png")
    assert list(tmp_path.iterdir()) == []
