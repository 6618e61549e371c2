import math

import numpy as np
import pytest

from dataset_modules.batches.sampler import LengthBucketSampler, padding_share

RATE = 16000
# Clips of 2 to 12 seconds, as Common Voice holds them.
LENGTHS = np.random.default_rng(0).integers(2 * RATE, 12 * RATE, 2000)
BY_COUNT = {"batch_size": 8, "max_batch_seconds": None}
BY_SECONDS = {"batch_size": 8, "max_batch_seconds": 60.0}


def _sampler(
    lengths: np.ndarray = LENGTHS,
    *,
    batch_size: int = 8,
    max_batch_seconds: float | None = None,
    shuffle: bool = True,
    seed: int = 1,
    rank: int = 0,
    world_size: int = 1,
) -> LengthBucketSampler:
    return LengthBucketSampler(
        lengths,
        RATE,
        batch_size=batch_size,
        max_batch_seconds=max_batch_seconds,
        shuffle=shuffle,
        seed=seed,
        rank=rank,
        world_size=world_size,
    )


def _batches(sampler: LengthBucketSampler, epoch: int = 0) -> list[list[int]]:
    return [batch.tolist() for batch in sampler.batches(epoch)]


@pytest.mark.parametrize("limits", [BY_COUNT, BY_SECONDS], ids=["count", "seconds"])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
def test_every_clip_comes_once_per_epoch_over_all_ranks(limits: dict, shuffle: bool, world_size: int) -> None:
    ranks = [
        _sampler(**limits, shuffle=shuffle, rank=rank, world_size=world_size) for rank in range(world_size)
    ]
    seen = [index for sampler in ranks for batch in _batches(sampler, epoch=3) for index in batch]
    assert sorted(seen) == list(range(len(LENGTHS)))


@pytest.mark.parametrize("limits", [BY_COUNT, BY_SECONDS], ids=["count", "seconds"])
@pytest.mark.parametrize("count", [9, 16, 17, 33, 100])
def test_every_rank_trains_on_equally_many_batches(limits: dict, count: int) -> None:
    ranks = [_sampler(LENGTHS[:count], **limits, rank=rank, world_size=8) for rank in range(8)]
    assert len({len(sampler) for sampler in ranks}) == 1


def test_where_clips_are_too_few_the_last_training_batch_repeats_some() -> None:
    shares = [_batches(_sampler(LENGTHS[:3], batch_size=1, rank=rank, world_size=2)) for rank in range(2)]
    assert [len(share) for share in shares] == [2, 2]
    assert {index for share in shares for batch in share for index in batch} == {0, 1, 2}


def test_evaluation_never_repeats_a_clip() -> None:
    shares = [
        _batches(_sampler(LENGTHS[:3], batch_size=1, shuffle=False, rank=r, world_size=2)) for r in range(2)
    ]
    assert sorted(index for share in shares for batch in share for index in batch) == [0, 1, 2]


def test_two_ranks_share_what_one_takes_in_double_batches() -> None:
    double = _batches(_sampler(batch_size=8))
    shares = [_batches(_sampler(batch_size=4, rank=rank, world_size=2)) for rank in range(2)]
    assert [sorted(first + second) for first, second in zip(*shares, strict=True)] == [
        sorted(b) for b in double
    ]


@pytest.mark.parametrize("limits", [BY_COUNT, BY_SECONDS], ids=["count", "seconds"])
def test_order_is_a_function_of_seed_and_epoch(limits: dict) -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        return _batches(_sampler(**limits, seed=seed), epoch)

    assert order(1, 5) == order(1, 5)
    assert order(1, 5) != order(1, 6)
    assert order(1, 5) != order(2, 5)


@pytest.mark.parametrize("limits", [BY_COUNT, BY_SECONDS], ids=["count", "seconds"])
def test_length_is_the_same_in_every_epoch_and_what_is_yielded(limits: dict) -> None:
    sampler = _sampler(**limits)
    for epoch in range(5):
        sampler.set_epoch(epoch)
        assert len(list(sampler)) == len(sampler)


def test_keys_carry_the_epoch() -> None:
    sampler = _sampler(LENGTHS[:5])
    sampler.set_epoch(7)
    assert {epoch for batch in sampler for epoch, _ in batch} == {7}


@pytest.mark.parametrize("limits", [BY_COUNT, BY_SECONDS], ids=["count", "seconds"])
def test_little_is_padding(limits: dict) -> None:
    batches = _sampler(**limits).batches(0)
    assert padding_share(LENGTHS, batches) < 0.05
    assert padding_share(LENGTHS, [np.arange(i, i + 8) for i in range(0, 2000, 8)]) > 0.3  # unbucketed


def test_batch_size_is_filled() -> None:
    sizes = [len(batch) for batch in _batches(_sampler())]
    assert sizes == [8] * 250
    assert len(_sampler(LENGTHS[:21])) == math.ceil(21 / 8)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world_size", [1, 3])
def test_batches_stay_within_max_batch_seconds_and_come_near_it(shuffle: bool, world_size: int) -> None:
    sampler = _sampler(max_batch_seconds=60.0, shuffle=shuffle, world_size=world_size)
    padded = [LENGTHS[batch].max() * len(batch) / RATE for batch in sampler.batches(0)]
    assert max(padded) <= 60.0
    assert np.mean(padded) > 48.0


def test_a_clip_longer_than_the_limit_comes_alone() -> None:
    lengths = np.array([RATE, RATE, RATE, 20 * RATE])
    batches = _batches(_sampler(lengths, max_batch_seconds=4.0))
    assert sorted(map(sorted, batches)) == [[0, 1, 2], [3]]


def test_unshuffled_clips_are_batched_by_length_and_the_first_batches_stand_for_all() -> None:
    """A limit on evaluation batches must not evaluate a model on its shortest clips alone."""
    batches = _sampler(shuffle=False).batches(0)
    by_length = sorted(batches, key=lambda batch: LENGTHS[batch].min())
    assert (np.diff(LENGTHS[np.concatenate(by_length)].astype(float)) >= 0).all()
    first_fifth = np.concatenate(batches[: len(batches) // 5])
    assert LENGTHS[first_fifth].mean() == pytest.approx(LENGTHS.mean(), rel=0.25)
    assert all(
        (batch == again).all()
        for batch, again in zip(batches, _sampler(shuffle=False).batches(7), strict=True)
    )


@pytest.mark.parametrize("limits", [BY_COUNT, BY_SECONDS], ids=["count", "seconds"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_no_clips_are_no_batches(limits: dict, shuffle: bool) -> None:
    assert list(_sampler(np.zeros(0, dtype=np.int64), **limits, shuffle=shuffle)) == []


def test_clips_of_one_length_are_still_shuffled() -> None:
    lengths = np.full(100, RATE)
    assert _batches(_sampler(lengths), 0) != _batches(_sampler(lengths), 1)


@pytest.mark.parametrize("batch_size", [4, 8, 16, 32])
def test_padding_stays_small_at_every_batch_size(batch_size: int) -> None:
    for spread in (LENGTHS, (2 * RATE + 10 * RATE * np.random.default_rng(1).beta(2, 3.2, 2000)).astype(int)):
        shares = [padding_share(spread, _sampler(spread, batch_size=batch_size).batches(e)) for e in range(3)]
        assert max(shares) < 0.05


def test_companions_change_and_nobody_has_a_place_of_its_own() -> None:
    """Over epochs: other companions, and each clip as likely early as late, whatever its length."""
    epochs, correlations = 60, []
    for seed in range(6):
        sampler = _sampler(LENGTHS[:400], batch_size=8, seed=seed)
        companions: list[set[int]] = [set() for _ in range(400)]
        places = np.zeros(400)
        for epoch in range(epochs):
            batches = sampler.batches(epoch)
            for number, batch in enumerate(batches):
                places[batch] += number / (len(batches) - 1) / epochs
                for index in batch:
                    companions[index].update(batch.tolist())
        assert np.median([len(met) for met in companions]) > 16  # a bucket holds about 400 / 23 clips
        # Means of 60 uniform draws: standard deviation 0.29 / √60 = 0.037; five of them either way.
        assert np.abs(places - 0.5).max() < 0.19
        assert places.std() == pytest.approx(0.29 / np.sqrt(epochs), rel=0.3)
        correlations.append(np.corrcoef(LENGTHS[:400], places)[0, 1])
    # Clips of like length share batches, about 23 groups: 0.21 / √6 = 0.09 is a standard deviation.
    assert abs(np.mean(correlations)) < 0.35


def test_leading_clips_fill_the_first_batches_of_the_first_epoch_alone():
    num_samples = np.random.default_rng(0).integers(8000, 64000, 100)
    leading = np.arange(100) % 2 == 0
    plain = LengthBucketSampler(num_samples, 16000, batch_size=10, shuffle=True, seed=1)
    sampler = LengthBucketSampler(num_samples, 16000, batch_size=10, shuffle=True, seed=1, leading=leading)
    first, second = sampler.batches(0), sampler.batches(1)
    assert np.concatenate(first[:5]).tolist() != sorted(np.concatenate(first[:5]).tolist())
    assert leading[np.concatenate(first[:5])].all()
    assert not leading[np.concatenate(first[5:])].any()
    assert sorted(np.concatenate(first).tolist()) == list(range(100))
    assert [batch.tolist() for batch in second] == [batch.tolist() for batch in plain.batches(1)]
    assert len(first) == len(second)
