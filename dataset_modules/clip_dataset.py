"""Prepared clips as a torch data set: labels encoded, audio read and augmented on access."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from dataset_modules.audio import from_pcm16
from dataset_modules.augmentations import AugmentationPipeline
from dataset_modules.clip_store import ClipStore, PreparedClip
from dataset_modules.sampler import ClipKey
from dataset_modules.usable_clips import ClipSubset


class Example(NamedTuple):
    """One utterance, ready to be put into a batch."""

    waveform: NDArray[np.float32]  # (T,)
    labels: list[int]
    id: str
    language: str | None = None
    row: int = -1  # its place in the data set
    num_samples: int | None = None  # of audio that was not read
    encoder_states: NDArray[np.float32] | None = None  # (F, H) instead of a waveform


class ClipDataset(Dataset[Example]):
    """The clips of several stores, one after another; a key is ``(epoch, index)``."""

    def __init__(
        self,
        stores: Sequence[ClipStore | ClipSubset],
        labels: Sequence[list[int]],
        augment: AugmentationPipeline | None,
        sampling_rate: int,
    ) -> None:
        self.stores = list(stores)
        self.labels = labels
        self.augment = augment
        self.sampling_rate = sampling_rate
        self._ends = np.cumsum([len(store) for store in self.stores])

    def __len__(self) -> int:
        return len(self.labels)

    def num_samples(self) -> NDArray[np.int64]:
        """Length of every clip."""
        lengths = [store.num_samples() for store in self.stores]
        return np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)

    def name_of(self, index: int) -> tuple[str, str | None]:
        """The id and the language of a clip, without touching audio."""
        store, place = self._place(index)
        return store.name_of(place)[0], store.language_of(place)

    def _place(self, index: int) -> tuple[ClipStore | ClipSubset, int]:
        """The store that holds a clip, and its index there."""
        number = int(np.searchsorted(self._ends, index, side="right"))
        return self.stores[number], index - int(self._ends[number]) + len(self.stores[number])

    def __getitem__(self, key: ClipKey) -> Example:
        epoch, index = key
        clip = self.clip(index)
        waveform = from_pcm16(clip.samples)
        if self.augment is not None:
            waveform = self.augment(waveform, self.sampling_rate, epoch, index)
        return Example(waveform, self.labels[index], clip.id, clip.language, index)

    def clip(self, index: int) -> PreparedClip:
        """A clip as it was prepared, with all that is known of it."""
        store, place = self._place(index)
        return store[place]
