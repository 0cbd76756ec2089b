"""Means and intervals."""

import pytest

from fimble.bench.crossfile.figures import difference, figures, interval
from fimble.bench.crossfile.measures import Measures


def measures(exact: float, similarity: float = 0.5, valid: float | None = 1.0) -> Measures:
    return Measures(
        exact=exact,
        first_line=exact,
        edit_similarity=similarity,
        identifier_f1=similarity,
        parse_valid=valid,
        overrun=None if valid is None else 0.0,
        hallucinated_names=None,
    )


def test_means_are_over_all_spots_or_over_those_with_something_shown() -> None:
    found = figures([measures(1.0), measures(0.0, 0.25), measures(0.0, 0.0, None), measures(0.0, 0.25, 0.0)])
    assert (found["n"], found["shown"]) == (4, 3)
    assert (found["exact"], found["edit_similarity"]) == (0.25, 0.25)
    assert found["parse_valid"] == pytest.approx(2 / 3)
    assert (found["hallucinated_names"], found["hallucinated_names_95"]) == (None, None)


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Worked out by hand for 3 of 10: (0.3 + 0.19207) / 1.38415 +- 0.25087 / 1.38415 * ...
    low, high = interval([1.0] * 3 + [0.0] * 7) or []
    assert (low, high) == (pytest.approx(0.1078, abs=1e-4), pytest.approx(0.6032, abs=1e-4))
    low, high = interval([0.0] * 10) or []
    assert (low, high) == (0.0, pytest.approx(0.2775, abs=1e-4))


def test_the_interval_of_a_mean_holds_it_and_is_the_same_each_time() -> None:
    values = [0.1, 0.9, 0.4, 0.6, 0.5, 0.7, 0.2]
    low, high = interval(values) or []
    assert low < sum(values) / 7 < high
    assert interval(values) == [low, high]
    narrow = interval(values * 20) or []
    assert narrow[1] - narrow[0] < (high - low) / 2


def test_differences_are_paired_by_spot() -> None:
    ours = {str(number): measures(0.0, number / 100 + 0.1) for number in range(50)}
    theirs = {str(number): measures(0.0, number / 100) for number in range(60)}
    found = difference(ours, theirs)
    assert found["n"] == 50
    assert found["edit_similarity"] == pytest.approx(0.1)
    # Each spot differs by the same, so that nothing is uncertain, however much the spots differ.
    assert found["edit_similarity_95"] == [pytest.approx(0.1), pytest.approx(0.1)]
