"""Areas under the curve and correlations equal scipy's; their intervals keep units together."""

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, pearsonr

from evaluation.ranking import area_under_curve, correlation, resampled_interval


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_that_of_mann_and_whitney(seed):
    generator = np.random.default_rng(seed)
    scores, positive = generator.integers(0, 8, 60), generator.random(60) < 0.3
    statistic = mannwhitneyu(scores[positive], scores[~positive]).statistic
    expected = statistic / (positive.sum() * (~positive).sum())
    assert area_under_curve(scores, positive) == pytest.approx(expected)


def test_the_area_of_one_kind_alone_is_no_number():
    assert math.isnan(area_under_curve([1.0, 2.0], [True, True]))
    assert math.isnan(area_under_curve([], []))


def test_the_correlation_is_pearsons():
    generator = np.random.default_rng(0)
    first = generator.normal(size=50)
    second = first + generator.normal(size=50)
    assert correlation(first, second) == pytest.approx(pearsonr(first, second).statistic)
    assert math.isnan(correlation([0.1] * 3, [1.0, 2.0, 4.0]))  # whose mean is not 0.1
    assert math.isnan(correlation([], []))


def test_rows_of_one_unit_stay_together():
    """Forty rows of equal values in each of twenty units vary as twenty values, not as eight hundred."""
    generator = np.random.default_rng(0)
    values = np.repeat(generator.normal(size=20), 40)
    keys = [str(row // 40) for row in range(800)]
    found = resampled_interval(lambda rows: values[rows].mean(), keys)
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(20), rel=0.15)
    assert found.rate == pytest.approx(values.mean())
    assert found.units == 20


def test_few_units_have_no_interval():
    assert resampled_interval(lambda rows: 0.0, ["a", "b"]) is None
    assert resampled_interval(lambda rows: 0.0, []) is None


def test_what_is_no_number_has_no_interval():
    assert resampled_interval(lambda rows: math.nan, [str(n) for n in range(20)]) is None
