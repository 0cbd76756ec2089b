"""Means of the measures over spots, with their 95 % intervals, and the differences between arms over the same spots."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from fimble.bench.crossfile.measures import Measures
from fimble.bench.intervals import wilson

NAMES: Final = (
    "exact",
    "first_line",
    "edit_similarity",
    "identifier_f1",
    "parse_valid",
    "overrun",
    "hallucinated_names",
)
RESAMPLES: Final = 2000

Figures = dict[str, object]


def figures(rows: Sequence[Measures], *, seed: int = 1) -> Figures:
    """Returns `n`, `shown`, each measure's mean, and its interval under `NAME_95`; None with no value to average.

    Shares get the Wilson interval, which holds also at 0 and 1; other means one by bootstrap over the spots.
    """
    found: Figures = {"n": len(rows), "shown": sum(row.parse_valid is not None for row in rows)}
    for name in NAMES:
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        found[name] = sum(values) / len(values) if values else None
        found[f"{name}_95"] = interval(values, seed=seed)
    return found


def interval(values: Sequence[float], *, seed: int = 1) -> list[float] | None:
    """Returns the 95 % interval of a mean."""
    if not values:
        return None
    if set(values) <= {0.0, 1.0}:
        share = wilson(sum(values), len(values))
        return None if share is None else list(share)
    return mean_interval(values, seed=seed)


def mean_interval(values: Sequence[float], *, seed: int = 1) -> list[float] | None:
    """Returns the 95 % interval of a mean of any values, by bootstrap; None of nothing."""
    return _bootstrap(np.asarray(values), seed) if values else None


def difference(ours: Mapping[str, Measures], theirs: Mapping[str, Measures], *, seed: int = 1) -> Figures:
    """Returns how much larger each mean of `ours` is, over the spots that both have, by paired bootstrap."""
    common = sorted(ours.keys() & theirs.keys())
    found: Figures = {"n": len(common)}
    for name in NAMES:
        pairs = [(getattr(ours[id], name), getattr(theirs[id], name)) for id in common]
        values = [one - other for one, other in pairs if one is not None and other is not None]
        found[name] = sum(values) / len(values) if values else None
        found[f"{name}_95"] = mean_interval(values, seed=seed)
    return found


def _bootstrap(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", seed: int) -> list[float]:
    source = np.random.default_rng(seed)
    means = values[source.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return [float(low), float(high)]
