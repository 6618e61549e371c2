"""Intervals have the promised coverage."""

import numpy as np
import pytest

from evaluation.intervals import paired_difference, rate_interval, sums_by_unit

DRAWS = 1000  # of whole data sets


def utterances(generator, size, rate, spread):
    """Lengths that vary, and errors whose rate differs from utterance to utterance (beta-binomial)."""
    lengths = np.maximum(1, generator.gamma(4.0, 9.0, size).round()).astype(int)
    own = generator.beta(rate * (1 / spread - 1), (1 - rate) * (1 / spread - 1), size)
    return generator.binomial(lengths, own), lengths


@pytest.mark.parametrize(
    ("size", "rate", "spread"),
    [(10, 0.2, 0.1), (50, 0.2, 0.1), (100, 0.05, 0.02), (200, 0.05, 0.1), (200, 0.3, 0.02)],
)
def test_intervals_cover_the_true_rate_in_93_to_97_per_cent_of_draws(size, rate, spread):
    generator = np.random.default_rng(2)
    held = 0
    for _ in range(DRAWS):
        interval = rate_interval(*utterances(generator, size, rate, spread), draws=600)
        held += interval.low <= rate <= interval.high
    assert 0.93 <= held / DRAWS <= 0.97


@pytest.mark.parametrize("expected_errors", [2.3, 4.6, 10.0])
def test_intervals_of_few_errors_cover_the_true_rate_in_at_least_93_per_cent_of_draws(expected_errors):
    generator, rate = np.random.default_rng(6), expected_errors / 36 / 200
    held = 0
    for _ in range(500):
        interval = rate_interval(*utterances(generator, 200, rate, 0.02), draws=300)
        held += interval.low <= rate <= interval.high
    assert held / 500 >= 0.93


def test_the_upper_end_grows_with_the_number_of_errors():
    lengths = [23] * 200
    ends = [rate_interval([1] * errors + [0] * (200 - errors), lengths).high for errors in range(6)]
    assert ends == sorted(ends)
    # With one in 200 utterances, Clopper's and Pearson's upper end is 0.02754.
    assert ends[1] == pytest.approx(0.02754 / 23, rel=1e-3)


def test_one_bad_utterance_does_not_bound_the_rate():
    interval = rate_interval([8] + [0] * 199, [23] * 200)
    assert interval.high > 4 * interval.rate


def test_equal_utterances_do_not_make_the_interval_empty():
    interval = rate_interval([1] * 20, [10] * 20)
    # Twenty errors in 200 independent phonemes, from tables of Clopper's and Pearson's intervals.
    assert (interval.low, interval.high) == pytest.approx((0.0622, 0.1502), abs=1e-4)
    collapsed = rate_interval([10] * 20, [10] * 20)
    assert (collapsed.rate, collapsed.high) == (1.0, 1.0)
    assert 0.97 < collapsed.low < 1.0


def test_intervals_by_speaker_cover_the_true_rate_if_speakers_differ():
    generator = np.random.default_rng(3)
    held = too_narrow = 0
    for _ in range(DRAWS):
        own = generator.beta(2.0, 18.0, 20)  # of 20 speakers; 0.1 on average
        lengths = generator.integers(10, 60, (20, 10))
        errors = generator.binomial(lengths, own[:, None])
        speakers = np.repeat(np.arange(20), 10).astype(str)
        interval = rate_interval(*sums_by_unit(speakers, errors.ravel(), lengths.ravel()), draws=600)
        held += interval.low <= 0.1 <= interval.high
        naive = rate_interval(errors.ravel(), lengths.ravel(), draws=200)
        too_narrow += not naive.low <= 0.1 <= naive.high
    assert 0.93 <= held / DRAWS <= 0.97
    assert too_narrow / DRAWS > 0.2  # what intervals by utterance would do there


def test_the_interval_of_a_paired_difference_covers_the_true_difference():
    generator = np.random.default_rng(4)
    held = 0
    for _ in range(DRAWS):
        lengths = np.maximum(1, generator.gamma(4.0, 9.0, 100).round()).astype(int)
        hard = generator.beta(2.0, 18.0, 100)  # both find the same utterances hard
        first, second = generator.binomial(lengths, hard), generator.binomial(lengths, 0.8 * hard)
        found = paired_difference(first, second, lengths, draws=600)
        held += found.low <= -0.02 <= found.high
    assert 0.93 <= held / DRAWS <= 0.97


@pytest.mark.parametrize("changed", [2, 5, 12, 25])
@pytest.mark.parametrize("share_of_bursts", [0.0, 0.6], ids=["single errors", "bursts"])
def test_few_changes_between_equal_models_are_seldom_significant(changed, share_of_bursts):
    generator, size = np.random.default_rng(5), 200
    verdicts = 0
    for _ in range(300):
        lengths = np.maximum(1, generator.gamma(4.0, 9.0, size).round()).astype(int)
        happened = generator.random(size) < changed / size
        gained = happened * generator.choice([-1, 1], size) * generator.geometric(1.0 - share_of_bursts, size)
        found = paired_difference(np.maximum(-gained, 0), np.maximum(gained, 0), lengths, draws=300)
        verdicts += not found.low <= 0.0 <= found.high
    assert verdicts / 300 <= 0.075  # 5 % and two standard errors of 300 draws


def test_two_changed_utterances_are_not_significant():
    second = np.zeros(200)
    second[:2] = 1
    found = paired_difference(second, np.zeros(200), [23] * 200)
    assert found.difference == pytest.approx(-2 / 4600)
    assert found.low < found.difference < 0 < found.high


def test_six_improvements_without_a_loss_are_significant():
    first = np.zeros(200)
    first[:6] = 1
    assert paired_difference(first, np.zeros(200), [23] * 200).high < 0


def test_the_same_data_gives_the_same_interval():
    errors, lengths = utterances(np.random.default_rng(0), 80, 0.1, 0.05)
    assert rate_interval(errors, lengths) == rate_interval(errors, lengths)
    assert rate_interval(errors, lengths) != rate_interval(errors, lengths, seed=1)


def test_drawing_in_blocks_gives_the_same_interval(monkeypatch):
    errors, lengths = utterances(np.random.default_rng(0), 80, 0.1, 0.05)
    whole = rate_interval(errors, lengths)
    monkeypatch.setattr("evaluation.intervals._BLOCK", 1000)
    blocks = rate_interval(errors, lengths)
    assert blocks == whole  # the generator draws the same numbers in the same order


def test_no_error_does_not_make_the_interval_empty():
    interval = rate_interval([0] * 30, [10] * 30)
    assert (interval.rate, interval.low) == (0.0, 0.0)
    assert (1 - interval.high) ** 300 == pytest.approx(0.025)


def test_few_utterances_have_no_interval():
    assert rate_interval([1] * 9, [10, 11, 12] * 3) is None
    assert rate_interval([], []) is None
    assert rate_interval([0] * 10, [0] * 10) is None
    assert paired_difference([1] * 9, [0] * 9, [10] * 9) is None


def test_utterances_without_reference_are_allowed():
    interval = rate_interval([1, 0, 2, 0, 1] * 2, [10, 0, 12, 0, 9] * 2)
    assert interval.low <= interval.rate <= interval.high
    assert np.isfinite([interval.low, interval.high]).all()


def test_lengths_must_match_errors():
    with pytest.raises(ValueError, match="equal length"):
        rate_interval([1, 2], [1, 2, 3])


def test_fewer_errors_in_all_utterances_are_significant():
    found = paired_difference([3, 4, 5, 6] * 10, [2, 3, 3, 5] * 10, [20] * 40)
    assert found.difference == pytest.approx(-50 / 800)
    assert found.high < 0
    assert found.probability_lower == 1.0


def test_equal_experiments_have_an_interval_around_zero():
    found = paired_difference([3, 4] * 5, [3, 4] * 5, [20, 20] * 5)
    assert (found.difference, found.probability_lower) == (0.0, 0.5)
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / 200) - 1, 1 - 0.025 ** (1 / 200)))


def test_the_same_gain_in_all_utterances_does_not_make_the_interval_empty():
    found = paired_difference([2] * 20, [1] * 20, [10] * 20)
    assert found.low < found.difference < found.high < 0
