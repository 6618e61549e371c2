"""Prepared clips as a torch data set; access reads and augments audio."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from dataset_modules.augmentations import AugmentationPipeline, kept_random_state
from dataset_modules.batches.sampler import ClipKey
from dataset_modules.cache.clip_store import ClipSelection
from dataset_modules.labels.encoder import frames_needed
from dataset_modules.labels.usable_clips import EncodedLabels, FrameCounter
from dataset_modules.sources.audio import from_pcm16


class Example(NamedTuple):
    """One utterance before collation."""

    waveform: NDArray[np.float32]  # (T,)
    labels: list[int]
    id: str
    language: str | None = None
    row: int = -1  # the position in the data set
    num_samples: int | None = None  # the length of audio that was not read
    encoder_states: NDArray[np.float32] | None = None  # (F, C) features instead of a waveform


class ClipDataset(Dataset[Example]):
    """Clips with their labels; a key is ``(epoch, index)``.

    ``num_frames`` of the network keeps augmentation from making a clip too short for its labels.
    ``datasets`` are the numbers of the data sets of the clips, which decide how they are augmented.
    """

    def __init__(
        self,
        clips: ClipSelection,
        labels: EncodedLabels | Sequence[list[int]],
        augment: AugmentationPipeline | None,
        sampling_rate: int,
        num_frames: FrameCounter | None = None,
        datasets: NDArray[np.int64] | None = None,  # (N,); None: all are of the first
    ) -> None:
        self.clips = clips
        self.labels = labels
        self.augment = augment
        self.sampling_rate = sampling_rate
        self.num_frames = num_frames
        self.datasets = datasets

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def hours(self) -> float:
        """The hours of audio."""
        return float(self.clips.num_samples().sum()) / self.sampling_rate / 3600

    def __getitem__(self, key: ClipKey) -> Example:
        epoch, index = key
        clip, labels = self.clips[index], self.labels[index]
        source = partial(from_pcm16, clip.samples)
        if self.augment is None:
            waveform = source()
        else:
            check, dataset = self._length_check(labels), 0 if self.datasets is None else self.datasets[index]
            waveform = self.augment.read(source, self.sampling_rate, epoch, index, check, int(dataset))
        return Example(waveform, labels, clip.id, clip.language, index)

    def __getitems__(self, keys: Sequence[ClipKey]) -> list[Example]:
        """Return the examples of a batch; random states are saved once for all of them."""
        with kept_random_state():
            return [self[key] for key in keys]

    def _length_check(self, labels: Sequence[int]) -> Callable[[int], bool] | None:
        """Return a check whether the network computes enough frames for these labels."""
        num_frames = self.num_frames
        if num_frames is None:
            return None
        return lambda num_samples: int(num_frames(np.array([num_samples]))[0]) >= frames_needed(labels)
