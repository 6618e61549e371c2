"""Intervals over seeds and utterances have the promised coverage."""

import numpy as np
import pytest

from evaluation.intervals import rate_interval
from evaluation.seeds.crossed import crossed_mean
from evaluation.seeds.means import student_mean

STUDIES = 1000
RATE = 0.15
# Spread of the seeds, and spread that neither seeds nor utterances explain.
SPREADS = [(0.0, 0.3), (0.1, 1.0), (0.3, 0.3)]


def lengths_of(generator, size):
    return np.maximum(1, generator.gamma(4.0, 9.0, size).round()).astype(int)


def errors_of(generator, lengths, hard, *, seeds, of_seeds, of_both):
    """Errors (S, U): the rates of ``hard`` vary with the seed, and with seed and utterance together."""
    own = 1.0 + of_seeds * generator.standard_normal((seeds, 1))
    both = generator.gamma(1.0 / of_both**2, of_both**2, (seeds, len(lengths)))
    return generator.binomial(lengths, np.clip(hard * own * both, 0.0, 1.0))


def study_of(generator, utterances, effect, spreads, rate=RATE):
    """Errors of two variants in the same utterances; the second has fewer by the share ``effect``."""
    lengths = lengths_of(generator, utterances)
    hard = generator.beta(2.0, 2.0 / rate - 2.0, utterances)
    easier = hard * (1.0 - effect) * generator.gamma(25.0, 1.0 / 25.0, utterances)
    return lengths, *(errors_of(generator, lengths, each, **spreads) for each in (hard, easier))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("of_seeds", "of_both"), SPREADS)
def test_the_interval_holds_the_true_rate_in_93_to_97_per_cent_of_studies(seeds, of_seeds, of_both):
    generator, held = np.random.default_rng(seeds), 0
    spreads = {"seeds": seeds, "of_seeds": of_seeds, "of_both": of_both}
    for _ in range(STUDIES):
        lengths, errors, _ = study_of(generator, 60, 0.0, spreads)
        low, high = crossed_mean(errors, lengths, draws=200).ends()
        held += low <= RATE <= high
    assert 0.93 <= held / STUDIES <= 0.97


@pytest.mark.parametrize("effect", [0.0, 0.03, 0.4], ids=["none", "small", "large"])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_holds_the_true_difference_in_93_to_97_per_cent_of_studies(seeds, effect):
    generator, held = np.random.default_rng(100 + seeds), 0
    spreads = {"seeds": seeds, "of_seeds": 0.1, "of_both": 0.3}
    for _ in range(STUDIES):
        lengths, first, second = study_of(generator, 60, effect, spreads)
        low, high = crossed_mean(second - first, lengths, of_difference=True, draws=200).ends()
        held += low <= -effect * RATE <= high
    assert 0.93 <= held / STUDIES <= 0.97


def test_the_interval_of_few_errors_holds_the_true_rate_in_at_least_93_per_cent_of_studies():
    generator, held, rate = np.random.default_rng(6), 0, 0.001
    spreads = {"seeds": 3, "of_seeds": 0.1, "of_both": 0.3}
    for _ in range(STUDIES):
        lengths, errors, _ = study_of(generator, 60, 0.0, spreads, rate=rate)
        low, high = crossed_mean(errors, lengths, draws=200).ends()
        held += low <= rate <= high
    assert held / STUDIES >= 0.93


def test_equal_seeds_leave_the_interval_over_utterances():
    generator = np.random.default_rng(0)
    lengths = lengths_of(generator, 80)
    errors = generator.binomial(lengths, RATE)
    found = crossed_mean([errors] * 3, lengths).ends()
    alone = rate_interval(errors, lengths)
    assert found == pytest.approx((alone.low, alone.high))


def test_seeds_that_differ_much_leave_the_interval_over_seeds():
    generator, lengths = np.random.default_rng(1), np.full(2000, 50)
    errors = generator.binomial(lengths, np.array([[0.1], [0.2], [0.3]]))
    low, high = crossed_mean(errors, lengths).ends()
    # 0.2 ± 4.3027 · 0.1 / √3, Student's interval of two degrees of freedom; no rate lies below zero.
    assert (low, high) == pytest.approx((0.0, 0.4484), abs=0.005)


@pytest.mark.parametrize("of_seeds", [0.02, 0.1, 0.5])
def test_the_interval_holds_that_of_the_seeds_alone(of_seeds):
    generator = np.random.default_rng(7)
    spreads = {"seeds": 3, "of_seeds": of_seeds, "of_both": 0.3}
    for _ in range(50):
        lengths, first, second = study_of(generator, 60, 0.0, spreads)
        both = crossed_mean(second - first, lengths, of_difference=True, draws=200).ends()
        alone = student_mean((second - first).sum(axis=1) / lengths.sum()).ends()
        assert both.low <= alone.low + 1e-12
        assert both.high >= alone.high - 1e-12


def test_the_p_value_is_that_of_the_interval_that_just_holds_zero():
    generator = np.random.default_rng(3)
    lengths, first, second = study_of(generator, 60, 0.2, {"seeds": 4, "of_seeds": 0.05, "of_both": 0.3})
    found = crossed_mean(second - first, lengths, of_difference=True)
    p = found.p_value()
    assert 0.002 < p < 0.5
    assert found.ends(1.0 - 1.01 * p).excludes_zero
    assert not found.ends(1.0 - 0.99 * p).excludes_zero


def test_no_change_at_all_is_no_difference():
    found = crossed_mean(np.zeros((3, 40)), [20] * 40, of_difference=True)
    assert found.p_value() == 1.0
    assert found.ends().low < 0 < found.ends().high


def test_no_seed_one_seed_and_few_utterances_have_no_interval():
    assert crossed_mean([], [20] * 40) is None
    assert crossed_mean(np.ones((1, 40)), [20] * 40) is None
    assert crossed_mean(np.ones((3, 9)), [20] * 9) is None
    assert crossed_mean(np.ones((3, 10)), [0] * 10) is None


def test_two_seeds_have_an_interval_that_chance_of_seeds_makes_wide():
    generator = np.random.default_rng(4)
    lengths = lengths_of(generator, 100)
    errors = generator.binomial(lengths, [[0.1], [0.15]])
    low, high = crossed_mean(errors, lengths).ends()
    alone = rate_interval(errors.mean(axis=0), lengths)
    assert high - low > 5 * (alone.high - alone.low)


def test_seeds_must_have_the_same_utterances():
    with pytest.raises(ValueError, match=r"got \(3, 40\) and \(39,\)"):
        crossed_mean(np.ones((3, 40)), [20] * 39)
