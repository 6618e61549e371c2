"""Batches of utterances of similar length; their order is a function of (seed, epoch)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from dataset_modules.batches.batch import BUCKET_RATIO

ClipKey = tuple[int, int]  # (epoch, index)


def bucket_numbers(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of each length; the limits of buckets have equal ratios.

    >>> bucket_numbers(np.array([100, 101, 200])).tolist()
    [59, 59, 68]
    """
    return np.floor(np.log(np.maximum(lengths, 1)) / np.log(BUCKET_RATIO)).astype(np.int64)


def padding_share(lengths: NDArray[np.int64], batches: Sequence[NDArray[np.int64]]) -> float:
    """Return the share of padding in padded batches.

    >>> padding_share(np.array([1, 3]), [np.array([0, 1])])
    0.3333333333333333
    """
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    real = sum(int(lengths[batch].sum()) for batch in batches)
    return (padded - real) / padded if padded else 0.0


class LengthBucketSampler(Sampler[list[ClipKey]]):
    """Yields batches of ``(epoch, index)``.

    A rank's batch holds ``batch_size`` clips or, if ``max_batch_seconds`` is given, as many clips as this
    padded time allows. The batches of all ranks are formed together, and each rank takes its share, so
    that the order does not depend on the number of ranks. While shuffling, every rank gets the same
    number of batches, because ranks wait for each other; if there are fewer clips than ranks, the last
    batch repeats clips. Without shuffling, clips are batched by length in the same way in every epoch, and
    the order of batches is random, so that the first few represent all. Clips marked as ``leading`` come
    before all others in the first epoch; with ``max_batch_seconds`` there are none.
    """

    def __init__(
        self,
        num_samples: NDArray[np.int64],  # (N,)
        sampling_rate: int,
        *,
        batch_size: int,
        max_batch_seconds: float | None = None,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        leading: NDArray[np.bool_] | None = None,  # (N,)
    ) -> None:
        self.leading = leading if shuffle and max_batch_seconds is None else None
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.max_batch_samples = None if max_batch_seconds is None else int(max_batch_seconds * sampling_rate)
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.skip_batches = 0  # in the next iteration only: the position at which a stopped run resumes

    @property
    def sampler(self) -> "LengthBucketSampler":
        """This object: Lightning sets the epoch on the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.batches(epoch=0))

    def __iter__(self) -> Iterator[list[ClipKey]]:
        epoch, done = self.epoch, self.skip_batches
        self.skip_batches = 0
        for batch in self.batches(epoch)[done:]:
            yield [(epoch, int(index)) for index in batch]

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return this rank's batches of an epoch; their number is the same in every epoch."""
        generator = np.random.default_rng((self.seed, epoch if self.shuffle else 0))
        order = self._bucketed_order(generator)
        leading = self.leading if epoch == 0 else None
        if leading is not None:
            order = order[np.argsort(~leading[order], kind="stable")]
        starts = joint_starts(self._clips_per_batch(order), self.world_size)
        joint = np.split(order, starts[1:]) if len(order) else []
        if self.shuffle:
            joint = [np.resize(batch, max(len(batch), self.world_size)) for batch in joint]
        generator.shuffle(joint)
        if leading is not None:
            joint.sort(key=lambda batch: not leading[batch[0]])
        shares = [batch[self.rank :: self.world_size] for batch in joint]
        return [share for share in shares if len(share)]

    def _clips_per_batch(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many clips a rank's batch may hold if it ends with this clip, for each clip."""
        if self.max_batch_samples is None:
            return np.full(len(order), self.batch_size)
        lengths = self.num_samples[order]
        numbers = bucket_numbers(lengths)
        # The longest clip of the bucket decides, so that batches have the same sizes in every epoch.
        _, first, bucket = np.unique(numbers, return_index=True, return_inverse=True)
        longest = np.maximum.reduceat(lengths, first)[bucket] if len(order) else lengths
        # A clip that exceeds the limit forms a batch alone.
        return np.maximum(1, self.max_batch_samples // np.maximum(longest, 1))

    def _bucketed_order(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """Return indices ordered by bucket; within a bucket they are shuffled, or sorted by length."""
        if not self.shuffle:
            return np.argsort(self.num_samples, kind="stable")
        shuffled = generator.permutation(len(self.num_samples))
        return shuffled[np.argsort(bucket_numbers(self.num_samples[shuffled]), kind="stable")]


def joint_starts(clips_per_batch: NDArray[np.int64], world_size: int) -> list[int]:
    """Return the start of each joint batch of all ranks; a last batch too small for all ranks is extended.

    >>> joint_starts(np.array([2, 2, 2, 2, 1]), world_size=1)
    [0, 2, 4]
    >>> joint_starts(np.full(5, 2), world_size=2)
    [0, 3]
    """
    starts, start, total = [0], 0, len(clips_per_batch)
    for end in range(1, total + 1):
        if end - start > world_size * int(clips_per_batch[end - 1]):
            start = end - 1
            starts.append(start)
    if len(starts) > 1 and total - starts[-1] < world_size:
        starts[-1] = max(total - world_size, starts[-2] + world_size)
    return starts
