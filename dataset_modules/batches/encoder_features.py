"""Clips whose input is the cached features of the frozen encoder instead of audio."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from dataset_modules.batches.clip_dataset import ClipDataset, Example
from dataset_modules.batches.collate import Collator
from dataset_modules.batches.sampler import ClipKey, LengthBucketSampler
from dataset_modules.cache.encoder_states import EncoderStates, IndexedBatch

_NO_AUDIO = np.zeros(0, dtype=np.float32)


class EncodedClips(Dataset[Example]):
    """A split's clips with features of the frozen encoder; audio is not read."""

    def __init__(self, clips: ClipDataset, states: EncoderStates) -> None:
        self.clips = clips
        self.states = states
        self._num_samples = clips.num_samples()

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: ClipKey) -> Example:
        _, index = key
        name, language = self.clips.name_of(index)
        return Example(
            _NO_AUDIO,
            self.clips.labels[index],
            name,
            language,
            row=index,
            num_samples=int(self._num_samples[index]),
            encoder_states=self.states[index],
        )


def every_clip(
    clips: ClipDataset, batch_size: int, blank_id: int, num_workers: int
) -> Iterator[IndexedBatch]:
    """Yield all clips of a split in batches of similar length, with their positions in the split."""
    sampler = LengthBucketSampler(
        clips.num_samples(), clips.sampling_rate, batch_size=batch_size, shuffle=False, seed=0
    )
    loader = DataLoader(
        clips,
        batch_sampler=sampler,
        collate_fn=Collator(blank_id),
        num_workers=num_workers,
        generator=torch.Generator(),  # a loader draws a seed for its workers: not from the run's generator
    )
    for keys, batch in zip(sampler.batches(epoch=0), loader, strict=True):
        yield keys.tolist(), batch
