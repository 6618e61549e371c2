"""Clips are drawn by group: in which numbers, when again, and the same in any number of processes."""

import numpy as np
import pytest

from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.batches.sampling import GroupedDraws, Sampling, check_weights, grouped_draws

SIZES = {"ru": 900, "en": 90, "es": 10}
NAMES = [name for name, size in SIZES.items() for _ in range(size)]
TOTAL = len(NAMES)
LENGTHS = np.random.default_rng(5).integers(8000, 160_000, TOTAL)
ONE_DATASET = np.zeros(TOTAL, dtype=np.int64)


def draws(temperature=0.5, datasets=ONE_DATASET, weights=(1.0,)):
    return GroupedDraws(NAMES, datasets, weights, temperature)


def sampler(rank=0, world_size=1, seed=3, seconds=None, drawn=None):
    return LengthBucketSampler(
        LENGTHS,
        16000,
        batch_size=8,
        max_batch_seconds=seconds,
        shuffle=True,
        seed=seed,
        rank=rank,
        world_size=world_size,
        draws=drawn or draws(),
    )


def batches(*arguments, epoch=0, **options):
    return [batch.tolist() for batch in sampler(*arguments, **options).batches(epoch)]


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_groups_have_the_probability_of_their_size_to_the_temperature(temperature):
    powers = {name: size**temperature for name, size in SIZES.items()}
    shares = draws(temperature).shares
    assert shares == pytest.approx({name: power / sum(powers.values()) for name, power in powers.items()})


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_counts_of_groups_lie_within_their_binomial_interval(temperature):
    """Over 40 epochs; four standard deviations either way, missed in 1 of 16,000."""
    drawn, epochs = draws(temperature), 40
    batches_of = sampler(drawn=drawn)
    clips = np.concatenate([clip for epoch in range(epochs) for clip in batches_of.batches(epoch)])
    assert len(clips) == epochs * TOTAL
    names = np.array(NAMES)[clips]
    for name, share in drawn.shares.items():
        spread = np.sqrt(len(clips) * share * (1 - share))
        assert abs((names == name).sum() - len(clips) * share) < 4 * spread
        per_epoch = [(one == name).sum() for one in np.split(names, epochs)]
        assert np.std(per_epoch) == pytest.approx(spread / np.sqrt(epochs), rel=0.5)


def test_a_weight_makes_each_clip_of_a_data_set_as_much_likelier():
    datasets = np.arange(TOTAL) % 2
    weighted = GroupedDraws(["all"] * TOTAL, datasets, (1.0, 3.0), 1.0)
    clips = weighted(np.random.default_rng(0), 200_000) % TOTAL
    assert (datasets[clips] == 1).mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 200_000))
    by_dataset = grouped_draws(Sampling("dataset"), [["ru"] * 400, ["ru"] * 100], (1.0, 2.0))
    assert by_dataset.shares == pytest.approx(
        {"data.dataset_classes[0]": 20 / 40, "data.dataset_classes[1]": 2 * 10 / 40}
    )


def test_speakers_of_two_data_sets_are_two_and_a_language_of_two_is_one():
    names = [["ann"] * 4, ["ann"] * 16]
    assert sorted(grouped_draws(Sampling("speaker"), names, (1, 1)).shares.values()) == pytest.approx(
        [1 / 3, 2 / 3]
    )
    assert grouped_draws(Sampling("language"), names, (1, 1)).shares == pytest.approx({"ann": 1.0})


def test_the_clips_of_a_group_come_equally_often_up_to_one():
    for epoch in range(5):
        clips = np.concatenate(batches(epoch=epoch))
        times = np.bincount(clips, minlength=TOTAL)
        for name in SIZES:
            own = times[np.array(NAMES) == name]
            assert own.max() - own.min() <= 1


def test_a_clip_that_comes_again_is_another_draw():
    keys = [key for batch in sampler() for key in batch]
    assert len(set(keys)) == len(keys) == TOTAL
    times = np.bincount([index for _, index in keys])
    assert times.max() > 5
    assert {epoch % 1_000_000 for epoch, _ in keys} == {0}


@pytest.mark.parametrize("seconds", [None, 60.0], ids=["count", "seconds"])
@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_draws_of_one(seconds, world_size):
    if seconds is None:
        each = [batches(rank, world_size, epoch=2) for rank in range(world_size)]
        whole = sorted(np.concatenate([np.concatenate(one) for one in each]))
        assert whole == sorted(np.concatenate(batches(epoch=2)))
    lengths = {len(sampler(rank, world_size, seconds=seconds)) for rank in range(world_size)}
    assert len(lengths) == 1
    together = [batches(rank, world_size, seconds=seconds, epoch=1) for rank in range(world_size)]
    assert together == [batches(rank, world_size, seconds=seconds, epoch=1) for rank in range(world_size)]
    assert not any(one == other for one, other in zip(together[0], together[1], strict=True))


@pytest.mark.parametrize("seconds", [None, 60.0], ids=["count", "seconds"])
def test_draws_are_a_function_of_seed_and_epoch_and_an_epoch_keeps_its_length(seconds):
    first = batches(seconds=seconds, epoch=4)
    assert first == batches(seconds=seconds, epoch=4)
    assert first != batches(seconds=seconds, epoch=5)
    assert first != batches(seconds=seconds, epoch=4, seed=9)
    assert len({len(batches(seconds=seconds, epoch=epoch)) for epoch in range(12)}) == 1
    if seconds is not None:
        padded = [LENGTHS[batch].max() * len(batch) / 16000 for batch in first]
        assert max(padded) <= seconds


def test_a_resumed_epoch_goes_on_with_the_same_draws():
    whole, resumed = sampler(), sampler()
    for one in (whole, resumed):
        one.set_epoch(3)
    resumed.skip_batches = 17
    assert list(resumed) == list(whole)[17:]


def test_clips_of_a_group_are_drawn_evenly_over_epochs():
    """The clips that a large group leaves out are others in each epoch."""
    assert len({clip for epoch in range(12) for batch in batches(epoch=epoch) for clip in batch}) == TOTAL


@pytest.mark.parametrize("temperature", [-0.1, float("inf"), float("nan")])
def test_temperatures_without_a_meaning_are_refused(temperature):
    with pytest.raises(ValueError, match="data: sampling: temperature must be 0 or more"):
        Sampling("language", temperature)


def test_the_weight_without_a_meaning_is_named():
    with pytest.raises(ValueError, match="above 0 and finite, got inf"):
        check_weights(Sampling("dataset"), [0.5, float("inf")])
