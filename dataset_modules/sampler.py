"""Batches of utterances of like length, in an order that is a function of (seed, epoch)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

ClipKey = tuple[int, int]  # (epoch, index)

# Lengths within one bucket differ by at most this factor, which bounds the padding.
BUCKET_RATIO = 1.08


def bucket_numbers(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bucket of each length; buckets are stretches of equal ratio.

    >>> bucket_numbers(np.array([100, 101, 200])).tolist()
    [59, 59, 68]
    """
    return np.floor(np.log(np.maximum(lengths, 1)) / np.log(BUCKET_RATIO)).astype(np.int64)


def padding_share(lengths: NDArray[np.int64], batches: Sequence[NDArray[np.int64]]) -> float:
    """The share of padded batches that is padding.

    >>> padding_share(np.array([1, 3]), [np.array([0, 1])])
    0.3333333333333333
    """
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    real = sum(int(lengths[batch].sum()) for batch in batches)
    return 1.0 - real / padded if padded else 0.0


class LengthBucketSampler(Sampler[list[ClipKey]]):
    """Yields batches of ``(epoch, index)``.

    A batch holds ``batch_size`` clips or, where ``max_batch_seconds`` is given, as many as fit in
    that time when padded. With several ranks the batches of all of them are formed together, and
    each takes its share, so that the order does not depend on their number.

    Args:
        num_samples: length of every clip.
        sampling_rate: to turn lengths into seconds.
        batch_size: clips per batch and rank.
        max_batch_seconds: padded seconds per batch and rank, instead of ``batch_size``.
        shuffle: whether the order changes with the epoch; if not, clips come sorted by length.
        seed: of the order.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        num_samples: NDArray[np.int64],
        sampling_rate: int,
        *,
        batch_size: int,
        max_batch_seconds: float | None = None,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.max_batch_samples = None if max_batch_seconds is None else int(max_batch_seconds * sampling_rate)
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    @property
    def sampler(self) -> "LengthBucketSampler":
        """Itself: Lightning announces the epoch to the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order the next iteration yields."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.batches(epoch=0))

    def __iter__(self) -> Iterator[list[ClipKey]]:
        epoch = self.epoch
        for batch in self.batches(epoch):
            yield [(epoch, int(index)) for index in batch]

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """This rank's batches of one epoch; their number is the same for every epoch and rank."""
        generator = np.random.default_rng((self.seed, epoch))
        joint = self._joint_batches(generator)
        if self.shuffle:
            generator.shuffle(joint)
        shares = [batch[self.rank :: self.world_size] for batch in joint]
        return [share for share in shares if len(share)]

    def _joint_batches(self, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        order = self._bucketed_order(generator)
        if self.max_batch_samples is None:
            return _cut(order, self.batch_size * self.world_size)
        numbers = bucket_numbers(self.num_samples[order])
        buckets = np.split(order, np.flatnonzero(np.diff(numbers)) + 1) if len(order) else []
        # One that exceeds the limit by itself comes alone.
        fitting = [max(1, self.max_batch_samples // int(self.num_samples[bucket].max())) for bucket in buckets]
        return [
            batch for bucket, fit in zip(buckets, fitting, strict=True) for batch in _cut(bucket, fit * self.world_size)
        ]

    def _bucketed_order(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """Indices by bucket; within a bucket shuffled, or sorted by length."""
        if not self.shuffle:
            return np.argsort(self.num_samples, kind="stable")
        shuffled = generator.permutation(len(self.num_samples))
        return shuffled[np.argsort(bucket_numbers(self.num_samples[shuffled]), kind="stable")]


def _cut(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [order[start : start + size] for start in range(0, len(order), size)]
