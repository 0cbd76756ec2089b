"""The probability of a token, given the letters of it that have been typed."""

import math

import pytest

from fimble.engine.process.backends.given import given_start


def candidates(**probabilities: float) -> list[tuple[str, float]]:
    return [(text, math.log(each)) for text, each in probabilities.items()]


def test_only_tokens_that_go_with_the_letters_count() -> None:
    seen = candidates(settings=0.2, server=0.6, sett=0.05, x=1e-9)
    assert given_start(("settings", math.log(0.2)), seen, "sett") == pytest.approx(math.log(0.2 / 0.25), abs=1e-6)
    assert given_start(("server", math.log(0.6)), seen, "serv") == pytest.approx(0.0, abs=1e-6)


def test_a_token_that_is_not_among_the_probable_ones_stays_improbable() -> None:
    seen = candidates(server=0.6, other=0.01)
    assert given_start(("settings", math.log(0.001)), seen, "sett") < math.log(0.05)


def test_what_is_not_seen_is_thought_of() -> None:
    seen = candidates(settings=0.01, server=0.01)
    assert given_start(("settings", math.log(0.01)), seen, "sett") == pytest.approx(math.log(0.25))
