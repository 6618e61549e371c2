"""The fitted curve is the best rising one."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from scoring.isotonic import Curve, isotonic_curve


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_goes_through_the_fit_of_scipy(seed):
    generator = np.random.default_rng(seed)
    scores = np.sort(generator.normal(size=40))
    values = (generator.random(40) < 1 / (1 + np.exp(-scores))).astype(float)
    blocks = isotonic_regression(values)
    expected = [values[a:b].mean() for a, b in zip(blocks.blocks, blocks.blocks[1:], strict=False)]
    assert isotonic_curve(scores, values).values == pytest.approx(sorted(set(np.round(expected, 12))))


def test_rows_are_averaged_so_that_the_ends_are_not_chance():
    scores, values = np.arange(100.0), np.r_[np.tile([0.0, 0.0, 0.0, 1.0], 25)]
    curve = isotonic_curve(scores, values, 20)
    assert curve.values == pytest.approx((0.25,))
    assert isotonic_curve(scores, values).values[-1] == 1.0


def test_rows_of_one_score_are_one_point():
    assert isotonic_curve([1.0, 1.0, 2.0], [0.0, 1.0, 1.0]) == Curve((1.0, 2.0), (0.5, 1.0))


def test_without_rows_there_is_no_curve():
    with pytest.raises(ValueError, match="there are none"):
        isotonic_curve([], [])
