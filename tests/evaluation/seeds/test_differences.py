"""Paired differences between variants, and their correction."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.special import stdtr

from evaluation.intervals import LEVEL
from evaluation.seeds.crossed import crossed_mean
from evaluation.seeds.differences import SeedResults, compare_seeds, holm

STUDIES = 1000


def variant(name, values, **more):
    return SeedResults(name, dict(enumerate(values)), **more)


def simulated(generator, seeds, effects):
    """Variants whose seeds have a part in common with the baseline, so that pairing helps."""
    common = generator.normal(0.2, 0.02, seeds)
    return [
        variant(str(place), common + effect + generator.normal(0.0, 0.01, seeds))
        for place, effect in enumerate((0.0, *effects))
    ]


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("effect", [0.0, -0.005, -0.1], ids=["none", "small", "large"])
def test_the_interval_holds_the_true_difference_in_93_to_97_per_cent_of_studies(seeds, effect):
    generator, held = np.random.default_rng(seeds), 0
    for _ in range(STUDIES):
        first, second = simulated(generator, seeds, [effect])
        low, high = compare_seeds(first, [second])[0].by_seeds.interval
        held += low <= effect <= high
    assert 0.93 <= held / STUDIES <= 0.97


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("effects", [(0.0,) * 5, (-0.1, -0.05, 0.0, 0.0, 0.0)], ids=["none", "two differ"])
def test_equal_variants_are_called_different_in_at_most_5_per_cent_of_studies(seeds, effects):
    generator = np.random.default_rng(10 + seeds)
    results = generator.normal(0.2, 0.01, (10 * STUDIES, 6, seeds))
    gained = results[:, 1:] - results[:, :1] + np.array(effects)[:, None]
    errors = gained.std(axis=2, ddof=1) / math.sqrt(seeds)
    p_values = 2.0 * stdtr(seeds - 1, -np.abs(gained.mean(axis=2)) / errors)
    equal = np.array(effects) == 0
    corrected = np.array([[one.p_value for one in holm(study)] for study in p_values])
    assert (corrected[:, equal] < 0.05).any(axis=1).mean() <= 0.05
    assert (p_values[:, equal] < 0.05).any(axis=1).mean() > 0.1  # what the correction is for


def test_the_p_values_of_variants_are_corrected_together():
    first, *others = simulated(np.random.default_rng(1), 4, [-0.04, -0.02, 0.0])
    tests = [found.by_seeds for found in compare_seeds(first, others)]
    assert [test.corrected_p for test in tests] == [
        one.p_value for one in holm([test.p_value for test in tests])
    ]
    assert {test.comparisons for test in tests} == {3}


def test_equal_variants_are_seldom_called_different_over_seeds_and_utterances(monkeypatch):
    monkeypatch.setattr("evaluation.seeds.differences.crossed_mean", partial(crossed_mean, draws=300))
    generator, wrong = np.random.default_rng(2), 0
    lengths = np.full(40, 30.0)
    for _ in range(STUDIES):
        hard = generator.beta(2.0, 8.0, 40)
        variants = []
        for place in range(4):
            rates = hard * generator.gamma(25.0, 1.0 / 25.0, 40) * generator.normal(1.0, 0.1, (3, 1))
            errors = generator.binomial(30, np.clip(rates, 0.0, 1.0))
            variants.append(
                variant(str(place), errors.mean(axis=1) / 30, errors=dict(enumerate(errors)), lengths=lengths)
            )
        found = compare_seeds(variants[0], variants[1:])
        wrong += any(each.by_both.corrected.excludes_zero for each in found)
    assert wrong / STUDIES <= 0.05


def test_the_corrected_interval_excludes_zero_exactly_if_the_corrected_p_value_is_below_5_per_cent():
    generator, decisions = np.random.default_rng(0), []
    for _ in range(200):
        first, *others = simulated(generator, 4, [-0.04, -0.03, -0.02, -0.01, 0.0])
        tests = [found.by_seeds for found in compare_seeds(first, others)]
        decisions += [test.corrected_p < 0.05 for test in tests]
        assert [test.corrected.excludes_zero for test in tests] == decisions[-5:]
    assert 0.2 < np.mean(decisions) < 0.8


def test_holm_stops_at_the_first_that_is_not_significant():
    # By hand: 4 · 0.01, 3 · 0.02 and, because that is 0.06, no less for the others.
    found = holm([0.024, 0.01, 0.02, 0.9])
    assert [each.p_value for each in found] == pytest.approx([0.06, 0.04, 0.06, 0.9])
    assert [each.level for each in found] == pytest.approx([1 - 0.05 / 3, 1 - 0.05 / 4] + [1 - 0.05 / 3] * 2)
    assert holm([]) == []
    assert holm([0.03]) == [(0.03, pytest.approx(LEVEL))]


def test_seeds_without_a_partner_are_left_out_and_named():
    first = SeedResults("a", {1: 0.2, 2: 0.3, 3: math.nan, 5: 0.1})
    (found,) = compare_seeds(first, [SeedResults("b", {1: 0.1, 2: 0.3, 3: 0.2, 4: 0.1})])
    assert (found.seeds, found.left_out) == ((1, 2), (3, 4, 5))
    assert found.mean == pytest.approx(-0.05)


def test_one_seed_none_and_equal_differences_have_no_test():
    first = SeedResults("a", {1: 0.2, 2: 0.3})
    one, none, equal, tested = compare_seeds(
        first,
        [
            SeedResults("one", {1: 0.1}),
            SeedResults("none", {9: 0.1}),
            SeedResults("equal", {1: 0.1, 2: 0.2}),
            SeedResults("tested", {1: 0.1, 2: 0.1}),
        ],
    )
    assert (one.mean, one.deviation, one.by_seeds) == (pytest.approx(-0.1), None, None)
    assert (none.mean, none.deviation, none.by_seeds) == (None, None, None)
    assert (equal.mean, equal.by_seeds) == (pytest.approx(-0.1), None)
    assert tested.by_seeds.comparisons == 1
    assert tested.by_seeds.corrected_p == tested.by_seeds.p_value


def test_a_seed_without_errors_by_utterance_is_left_out_of_the_interval_over_both():
    errors = np.random.default_rng(0).binomial(20, 0.1, (3, 30)).astype(float)
    lengths = np.full(30, 20.0)
    first = variant("a", [0.1, 0.2, 0.3], errors={0: errors[0], 1: errors[1]}, lengths=lengths)
    second = variant("b", [0.1, 0.1, 0.1], errors=dict(enumerate(errors[::-1])), lengths=lengths)
    (found,) = compare_seeds(first, [second])
    expected = (errors[2] - errors[0]).sum() / 600 / 2
    assert found.by_both.mean == pytest.approx(expected)
    (alone,) = compare_seeds(first._replace(errors={0: errors[0]}), [second])
    assert alone.by_both is None
    assert alone.by_seeds is not None
