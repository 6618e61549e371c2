"""Clips whose input is the cached features of the frozen encoder instead of audio."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from dataset_modules.batches.batch import FrozenEncoder
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


class FeatureSource:
    """Finds or computes the features of a run's splits."""

    def __init__(
        self, folder: Path, encoder: FrozenEncoder, batch_size: int, blank_id: int, num_workers: int
    ) -> None:
        self._cache = EncoderStateCache(folder, encoder)
        self._batch_size = batch_size
        self._blank_id = blank_id
        self._num_workers = num_workers

    def inputs(
        self, split: str, dataset: ClipDataset, identity: str, *, pays: bool
    ) -> ClipDataset | EncodedClips:
        """Return the clips with features, or with audio if there are none; ``pays`` allows computing them."""
        batches = self._batches(dataset) if pays else None
        states = self._cache.open_or_build(split, identity, dataset.clips.num_samples(), batches)
        if states is not None:
            return EncodedClips(dataset, states)
        if split == "train" and not pays:
            log.info("encoder cache: not used: this run processes each clip once")
        return dataset

    def _batches(self, dataset: ClipDataset) -> Iterator[IndexedBatch]:
        """Yield all clips in batches of similar length, with their positions in the split."""
        lengths, rate = dataset.clips.num_samples(), dataset.sampling_rate
        sampler = LengthBucketSampler(lengths, rate, batch_size=self._batch_size, shuffle=False, seed=0)
        # A loader draws a seed for its workers; the run's generator must not change.
        generator = torch.Generator()
        loader = clip_loader(dataset, sampler, self._blank_id, self._num_workers, generator=generator)
        for keys, batch in zip(sampler.batches(epoch=0), loader, strict=True):
            yield keys.tolist(), batch
