"""Rounding to 4 bits and the layout of GPTQ, for random and for degenerate groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.models.convert.gptq import Rounded, pack, restored, round_to_nearest, unpack

GROUP_SIZES = st.sampled_from([32, 64, 128])


def rounded(outputs: int, groups: int, group_size: int, seed: int) -> Rounded:
    generator = np.random.default_rng(seed)
    return Rounded(
        integers=generator.integers(0, 16, (outputs, groups * group_size), dtype=np.uint8),
        zeros=generator.integers(1, 17, (outputs, groups), dtype=np.uint8),
        scales=generator.uniform(1e-4, 1, (outputs, groups)).astype(np.float16),
    )


def half_step(group: np.ndarray) -> float:
    """Half of the distance between values when the whole range of a group, and 0, is spread over 14 steps."""
    return float((max(group.max(), 0) - min(group.min(), 0)) / 14 / 2)


@given(st.integers(1, 6), st.integers(1, 4), GROUP_SIZES, st.integers(0, 2**32))
def test_what_was_packed_is_unpacked(eighths: int, groups: int, group_size: int, seed: int) -> None:
    original = rounded(8 * eighths, groups, group_size, seed)
    packed = pack(original)
    assert packed.qweight.shape == (groups * group_size // 8, 8 * eighths)
    assert packed.qzeros.shape == (groups, eighths)
    assert packed.scales.shape == (groups, 8 * eighths)
    assert (packed.qweight.dtype, packed.qzeros.dtype, packed.scales.dtype) == (np.int32, np.int32, np.float16)
    again = unpack(packed)
    assert np.array_equal(again.integers, original.integers)
    assert np.array_equal(again.zeros, original.zeros)
    assert np.array_equal(again.scales, original.scales)


def test_integers_lie_along_inputs_and_zeros_along_outputs_with_the_first_one_lowest() -> None:
    integers = np.zeros((8, 32), dtype=np.uint8)
    integers[0, :8] = [1, 2, 3, 4, 5, 6, 7, 15]
    zeros = np.array([[1], [16], [3], [4], [5], [6], [7], [8]], dtype=np.uint8)
    packed = pack(Rounded(integers, zeros, np.ones((8, 1), dtype=np.float16)))
    assert [f"{word & 0xFFFFFFFF:08x}" for word in packed.qweight[:, 0].tolist()] == ["f7654321", *["00000000"] * 3]
    assert packed.qweight[:, 1:].any() is np.False_
    # Version 1 of the format stores one less.
    assert f"{int(packed.qzeros[0, 0]) & 0xFFFFFFFF:08x}" == "765432f0"


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.integers(1, 3),
    GROUP_SIZES,
    st.floats(1e-4, 3e3),
    st.floats(-3, 3),
    st.integers(0, 2**32),
)
def test_the_error_of_a_group_stays_within_half_a_step(
    outputs: int, groups: int, group_size: int, size: float, middle: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal((outputs, groups * group_size)) + middle
    # Some groups with a heavy tail, for which a narrower range is better.
    weights *= np.where(generator.random(weights.shape) < 0.01, 8, 1) * size
    weights = weights.astype(np.float32)
    result = round_to_nearest(weights, group_size)
    assert result.integers.max() <= 15
    assert result.zeros.min() >= 1
    assert result.zeros.max() <= 16
    assert np.isfinite(result.scales).all()
    for group, back in zip(weights.reshape(-1, group_size), restored(result).reshape(-1, group_size), strict=True):
        # Clipping may move single weights further, but only where the group as a whole gains. Scales below fp16's
        # normal numbers are coarse, which the last term allows for.
        root_mean_square = float(np.sqrt(np.square(group - back).mean()))
        assert root_mean_square <= half_step(group) * 1.01 + 4e-7


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e-7, -1e-7, 3.14, 60_000.0, -60_000.0])
def test_groups_of_one_value_come_back(value: float) -> None:
    weights = np.full((8, 64), value, dtype=np.float32)
    back = restored(unpack(pack(round_to_nearest(weights, 32))))
    assert np.abs(back - weights).max() <= abs(value) * 0.001 + 6e-8


@pytest.mark.parametrize("outlier", [1.0, -1.0, 65_504.0])
def test_a_single_outlier_keeps_its_place_and_the_rest_stays_zero(outlier: float) -> None:
    weights = np.zeros((8, 32), dtype=np.float32)
    weights[3, 5] = outlier
    back = restored(round_to_nearest(weights, 32))
    assert back[3, 5] == pytest.approx(outlier, rel=0.001)
    back[3, 5] = 0
    assert not back.any()


def test_the_scale_of_an_outlier_does_not_touch_the_neighbouring_groups() -> None:
    weights = np.full((8, 64), 0.01, dtype=np.float32)
    weights[0, 0] = 100
    back = restored(round_to_nearest(weights, 32))
    assert back[0, 32:] == pytest.approx(0.01, rel=0.001)
    assert back[1] == pytest.approx(0.01, rel=0.001)


def test_a_narrower_range_is_chosen_where_it_is_better() -> None:
    generator = np.random.default_rng(1)
    weights = generator.standard_normal((64, 128)).astype(np.float32)
    result = round_to_nearest(weights, 128)
    spread = (weights.max(axis=1) - weights.min(axis=1))[:, None]
    steps = spread / result.scales.astype(np.float32)
    assert steps.max() > 16
    assert steps.min() >= 14.9
    # With the whole range of each group, the squared error is 1.05 % of these weights (measured), and so 0.93 %.
    error = np.square(restored(result) - weights).sum() / np.square(weights).sum()
    assert error == pytest.approx(0.0093, abs=0.0001)
