"""Prepared data sets → one split: the usable clips of all, which come first, and how they are drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataset_modules.augmentations import AugmentationPipeline
from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.batches.sampling import GroupedDraws, Sampling, grouped_draws
from dataset_modules.cache.clip_cache import PreparedSplit
from dataset_modules.cache.clip_store import ClipSelection
from dataset_modules.labels.encoder import LabelEncoder
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.labels.usable_clips import EncodedLabels, FrameCounter, usable_clips


def parts_of(
    split: Split,
    datasets: Sequence[BaseDataset],
    prepared: Sequence[PreparedSplit],
    encode: LabelEncoder,
    num_frames: FrameCounter | None,
) -> list[SplitPart]:
    """Return what each data set adds to a split."""
    return [
        SplitPart(
            dataset,
            split,
            part,
            usable_clips(part.clips, encode, num_frames),
            uses=dataset.times_used(split),
            is_synthetic=dataset.is_synthetic,
        )
        for dataset, part in zip(datasets, prepared, strict=True)
    ]


def clips_of(
    parts: Sequence[SplitPart],
    augment: AugmentationPipeline | None,
    sampling_rate: int,
    num_frames: FrameCounter | None,
) -> ClipDataset:
    """Return the usable clips of all parts, which follow one another."""
    clips = ClipSelection([part.prepared.clips for part in parts], [part.usable.indices for part in parts])
    labels = EncodedLabels.joined([part.usable.labels for part in parts])
    numbers = np.repeat(np.arange(len(parts)), _sizes(parts))
    return ClipDataset(clips, labels, augment, sampling_rate, num_frames, numbers)


def leading_clips(parts: Sequence[SplitPart]) -> NDArray[np.bool_]:
    """Return which clips the first epoch begins with, (N,)."""
    return np.repeat([part.dataset.comes_first for part in parts], _sizes(parts))


def draws_of(parts: Sequence[SplitPart], clips: ClipDataset, sampling: Sampling) -> GroupedDraws:
    """Return how the clips of each epoch are drawn."""
    names = clips.clips.texts_by_store(sampling.column)
    return grouped_draws(sampling, names, [part.dataset.weight for part in parts])


def _sizes(parts: Sequence[SplitPart]) -> list[int]:
    return [len(part.usable.indices) for part in parts]
