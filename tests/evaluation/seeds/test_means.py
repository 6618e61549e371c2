"""The mean over seeds and its interval."""

import math

import numpy as np
import pytest

from evaluation.seeds.means import seed_mean, student_mean

STUDIES = 1000


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_holds_the_true_mean_in_93_to_97_per_cent_of_studies(seeds):
    generator = np.random.default_rng(seeds)
    found = [seed_mean(dict(enumerate(generator.normal(0.15, 0.01, seeds)))).interval for _ in range(STUDIES)]
    held = sum(low <= 0.15 <= high for low, high in found)
    assert 0.93 <= held / STUDIES <= 0.97


def test_the_interval_of_two_seeds_is_that_of_tables():
    # Student's t of one degree of freedom is 12.706.
    found = seed_mean({0: 0.1, 1: 0.2})
    assert found.deviation == pytest.approx(0.1 / math.sqrt(2))
    assert found.interval == pytest.approx((0.15 - 12.706 * 0.05, 0.15 + 12.706 * 0.05), rel=1e-4)


def test_one_seed_has_a_mean_and_no_interval():
    assert seed_mean({7: 0.1}) == (0.1, None, None, (7,), ())


def test_failed_runs_are_left_out_and_named():
    found = seed_mean({3: 0.1, 1: math.nan, 2: 0.3, 4: math.inf})
    assert (found.mean, found.seeds, found.failed) == (pytest.approx(0.2), (2, 3), (1, 4))
    assert seed_mean({1: math.nan}) == (None, None, None, (), (1,))
    assert seed_mean({}) == (None, None, None, (), ())


def test_equal_seeds_have_no_interval():
    found = seed_mean({1: 0.1, 2: 0.1, 3: 0.1})
    assert (found.deviation, found.interval) == (pytest.approx(0.0), None)
    # Three times 0.1 - 0.3 + 0.2 differ by rounding alone.
    assert student_mean([0.1 + 0.2, 0.3, 0.3]) is None


def test_the_p_value_is_that_of_tables():
    # t = 3 with two degrees of freedom.
    found = student_mean([3.0 - math.sqrt(3), 3.0, 3.0 + math.sqrt(3)])
    assert found.p_value() == pytest.approx(0.0955, abs=1e-4)
