"""Descriptive statistics of samples: a small file to try ghost text in."""


def mean(values: list[float]) -> float:
    """Return the arithmetic mean; raise ValueError on an empty sample."""
    if not values:
        raise ValueError("empty sample")
    return sum(values) / len(values)


def variance(values: list[float]) -> float:
    """Return the population variance."""
    center = mean(values)
    return sum(


def standard_deviation(values: list[float]) -> float:
    """Return the population standard deviation."""
    return variance(values) ** 0.5
