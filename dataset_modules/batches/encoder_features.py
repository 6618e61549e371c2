"""Clips whose input is the cached features of the frozen encoder instead of audio."""

import logging
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Dataset

from dataset_modules.batches.clip_dataset import ClipDataset, Example
from dataset_modules.batches.loading import clip_loader
from dataset_modules.batches.sampler import ClipKey, LengthBucketSampler
from dataset_modules.cache.encoder_states import EncoderStateCache, EncoderStates, IndexedBatch

log = logging.getLogger(__name__)

_NO_AUDIO = np.zeros(0, dtype=np.float32)


class EncodedClips(Dataset[Example]):
    """A split's clips with features of the frozen encoder; audio is not read."""

    def __init__(self, dataset: ClipDataset, states: EncoderStates) -> None:
        self.clips = dataset.clips
        self.labels = dataset.labels
        self.states = states
        self._num_samples = dataset.clips.num_samples()

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: ClipKey) -> Example:
        _, index = key
        name = self.clips.name_of(index)
        return Example(
            _NO_AUDIO,
            self.labels[index],
            name.id,
            name.language,
            row=index,
            num_samples=int(self._num_samples[index]),
            encoder_states=self.states[index],
        )


def with_features(
    dataset: ClipDataset,
    cache: EncoderStateCache,
    split: str,
    identity: str,
    batches: Iterator[IndexedBatch] | None,
) -> ClipDataset | EncodedClips:
    """Return the clips with features, or with audio if there are none; without batches none are computed."""
    states = cache.open_or_build(split, identity, dataset.clips.num_samples(), batches)
    if states is not None:
        return EncodedClips(dataset, states)
    if split == "train" and batches is None:
        log.info("encoder cache: not used: this run processes each clip once")
    return dataset


def clips_once(
    dataset: ClipDataset, batch_size: int, blank_id: int, num_workers: int, patience_s: float | None = None
) -> Iterator[IndexedBatch]:
    """Yield all clips in batches of similar length, with their positions in the split."""
    lengths = dataset.clips.num_samples()
    sampler = LengthBucketSampler(
        lengths, dataset.sampling_rate, batch_size=batch_size, shuffle=False, seed=0
    )
    # A loader draws a seed for its workers; the run's generator must not change.
    loader = clip_loader(
        dataset, sampler, blank_id, num_workers, patience_s=patience_s, generator=torch.Generator()
    )
    for keys, batch in zip(sampler.batches(epoch=0), loader, strict=True):
        yield keys.tolist(), batch
