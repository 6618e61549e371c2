"""Batches of utterances of similar length; their order is a function of (seed, epoch)."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from dataset_modules.batches.batch import BUCKET_RATIO
from dataset_modules.batches.sampling import GroupedDraws

# (epoch, index); where a clip comes again within an epoch, its epoch counts on from here, so that it is
# augmented in another way.
ClipKey = tuple[int, int]
_AGAIN = 1_000_000


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
    before all others in the first epoch; with ``max_batch_seconds`` there are none. ``draws`` draw the clips
    of each epoch instead of taking each once; an epoch keeps its number of batches.
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
        draws: GroupedDraws | None = None,
    ) -> None:
        self.draws = draws if shuffle and len(num_samples) else None
        self.leading = leading if shuffle and max_batch_seconds is None else None
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.max_batch_samples = None if max_batch_seconds is None else int(max_batch_seconds * sampling_rate)
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._num_batches: int | None = None  # of an epoch whose clips are drawn
        self.skip_batches = 0  # in the next iteration only: the position at which a stopped run resumes

    @property
    def sampler(self) -> "LengthBucketSampler":
        """This object: Lightning sets the epoch on the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._length

    @functools.cached_property
    def _length(self) -> int:
        """The number of batches in every epoch; Lightning asks for it again and again."""
        return len(self._shares(epoch=0))

    def __iter__(self) -> Iterator[list[ClipKey]]:
        epoch, done, total = self.epoch, self.skip_batches, len(self.num_samples)
        self.skip_batches = 0
        for batch in self._shares(epoch)[done:]:
            yield [(epoch + _AGAIN * int(draw // total), int(draw % total)) for draw in batch]

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return this rank's batches of an epoch; their number is the same in every epoch."""
        return [draws % len(self.num_samples) for draws in self._shares(epoch)]

    def _shares(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return this rank's batches; a clip's number grows by N each time that it comes again."""
        joint = self._joint(epoch, len(self.num_samples))
        if self.draws is not None:
            joint = self._as_many_as_first(joint, epoch)
        shares = [batch[self.rank :: self.world_size] for batch in joint]
        return [share for share in shares if len(share)]

    def _joint(self, epoch: int, count: int) -> list[NDArray[np.int64]]:
        """Return the batches of all ranks together, made of ``count`` clips."""
        generator = np.random.default_rng((self.seed, epoch if self.shuffle else 0))
        order = self._bucketed_order(generator, count)
        clips = order % max(1, len(self.num_samples))
        leading = self.leading if epoch == 0 else None
        if leading is not None:
            first = np.argsort(~leading[clips], kind="stable")
            order, clips = order[first], clips[first]
        starts = joint_starts(self._clips_per_batch(clips), self.world_size)
        joint = np.split(order, starts[1:]) if len(order) else []
        if self.shuffle:
            ranks = self.world_size
            joint = [batch if len(batch) >= ranks else np.resize(batch, ranks) for batch in joint]
        generator.shuffle(joint)
        if leading is not None:
            joint.sort(key=lambda batch: not leading[batch[0] % len(leading)])
        return joint

    def _as_many_as_first(self, joint: list[NDArray[np.int64]], epoch: int) -> list[NDArray[np.int64]]:
        """Return as many batches as the first epoch has; clips of other lengths fill fewer or more."""
        if self._num_batches is None:
            self._num_batches = len(self._joint(0, len(self.num_samples)))
        count = len(self.num_samples)
        while len(joint) < self._num_batches:
            count += 1 + count // 50
            joint = self._joint(epoch, count)
        return joint[: self._num_batches]

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

    def _bucketed_order(self, generator: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Return clips ordered by bucket; within a bucket they are shuffled, or sorted by length."""
        if not self.shuffle:
            return np.argsort(self.num_samples, kind="stable")
        shuffled = generator.permutation(count if self.draws is None else self.draws(generator, count))
        clips = shuffled % max(1, len(self.num_samples))
        return shuffled[np.argsort(bucket_numbers(self.num_samples[clips]), kind="stable")]


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
