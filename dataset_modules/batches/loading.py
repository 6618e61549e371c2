"""Loaders: batches of clips, read and augmented by worker processes, padded to the longest."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from dataset_modules.batches.batch import Batch
from dataset_modules.batches.clip_dataset import Example
from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.batches.worker_watch import LOOK_EVERY_S, NotedClips, WatchedLoader, WorkerLedger, shared

_PREFETCHED_BATCHES = 4  # per worker


def clip_loader(
    clips: Dataset[Example],
    sampler: LengthBucketSampler,
    blank_id: int,
    num_workers: int,
    *,
    patience_s: float | None = None,
    pinned: bool = False,
    generator: Generator | None = None,
) -> DataLoader[Any]:
    """Return a loader of the sampler's batches; without a generator, worker seeds use the run's.

    Workers may take ``patience_s`` for a batch; None waits for ever.
    """
    loader = WatchedLoader(
        NotedClips(clips, WorkerLedger(num_workers)) if num_workers else clips,
        batch_sampler=sampler,
        collate_fn=Collator(blank_id),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        prefetch_factor=_PREFETCHED_BATCHES if num_workers else None,
        pin_memory=pinned,
        timeout=LOOK_EVERY_S if num_workers else 0,
        generator=generator,
    )
    loader.patience_s = math.inf if patience_s is None else patience_s
    return loader


class Collator:
    """Pads waveforms with zeros (the model sets its padding value) and labels with the blank."""

    def __init__(self, blank_id: int) -> None:
        self.blank_id = blank_id

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Return the batch of these examples, in their order."""
        lengths = [len(one.waveform) if one.num_samples is None else one.num_samples for one in examples]
        num_samples = np.array(lengths)
        num_labels = np.array([len(example.labels) for example in examples])
        states = [example.encoder_states for example in examples if example.encoder_states is not None]
        batch = Batch(
            waveforms=_padded([example.waveform for example in examples]),
            waveform_lengths=torch.from_numpy(num_samples.copy()),
            labels=_padded([np.array(example.labels, dtype=np.int64) for example in examples], self.blank_id),
            label_lengths=torch.from_numpy(num_labels.copy()),
            ids=tuple(example.id for example in examples),
            languages=tuple(example.language for example in examples),
            rows=tuple(example.row for example in examples),
            num_samples=num_samples,
            num_labels=num_labels,
            encoder_states=_padded(states) if states else None,
        )
        return batch if get_worker_info() is None else shared(batch)


def _padded(rows: Sequence[NDArray[np.generic]], value: int = 0) -> Tensor:
    """Return one tensor, (B, longest, …); every row is copied once.

    >>> _padded([np.array([1]), np.array([2, 3])], value=9).tolist()
    [[1, 9], [2, 3]]
    """
    shape = (len(rows), max(len(row) for row in rows), *rows[0].shape[1:])
    padded = np.empty(shape, dtype=rows[0].dtype)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
        padded[number, len(row) :] = value
    return torch.from_numpy(padded)
