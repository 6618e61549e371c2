"""Loaders: batches of clips, read and augmented by worker processes."""

from typing import Any

from torch import Generator
from torch.utils.data import DataLoader, Dataset

from dataset_modules.batches.clip_dataset import Example
from dataset_modules.batches.collate import Collator
from dataset_modules.batches.sampler import LengthBucketSampler

_PREFETCHED_BATCHES = 4  # per worker


def clip_loader(
    clips: Dataset[Example],
    sampler: LengthBucketSampler,
    blank_id: int,
    num_workers: int,
    *,
    pinned: bool = False,
    generator: Generator | None = None,
) -> DataLoader[Any]:
    """Return a loader of the sampler's batches; without a generator, worker seeds use the run's."""
    return DataLoader(
        clips,
        batch_sampler=sampler,
        collate_fn=Collator(blank_id),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        prefetch_factor=_PREFETCHED_BATCHES if num_workers else None,
        pin_memory=pinned,
        generator=generator,
    )
