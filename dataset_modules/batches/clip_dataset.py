"""Prepared clips as a torch data set: labels encoded, audio read and augmented on access."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from dataset_modules.augmentations import AugmentationPipeline, kept_random_state
from dataset_modules.batches.sampler import ClipKey
from dataset_modules.cache.clip_store import ClipStore, PreparedClip
from dataset_modules.labels.encoder import frames_needed
from dataset_modules.labels.usable_clips import ClipSubset, FrameCounter
from dataset_modules.sources.audio import from_pcm16


class Example(NamedTuple):
    """One utterance, ready to be put into a batch."""

    waveform: NDArray[np.float32]  # (T,)
    labels: list[int]
    id: str
    language: str | None = None
    row: int = -1  # its place in the data set
    num_samples: int | None = None  # of audio that was not read
    encoder_states: NDArray[np.float32] | None = None  # (F, C) instead of a waveform


class ClipDataset(Dataset[Example]):
    """The clips of several stores, one after another; a key is ``(epoch, index)``.

    Args:
        stores: the clips.
        labels: of every clip.
        augment: what changes waveforms; None leaves them as they are.
        sampling_rate: of the clips.
        num_frames: of the network, so that no clip becomes too short for its labels; None where no
            network is known.
    """

    def __init__(
        self,
        stores: Sequence[ClipStore | ClipSubset],
        labels: Sequence[list[int]],
        augment: AugmentationPipeline | None,
        sampling_rate: int,
        num_frames: FrameCounter | None = None,
    ) -> None:
        self.stores = list(stores)
        self.labels = labels
        self.augment = augment
        self.sampling_rate = sampling_rate
        self.num_frames = num_frames
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

    def id_of(self, index: int) -> str:
        """The id of a clip, without touching audio."""
        return self.name_of(index)[0]

    def _place(self, index: int) -> tuple[ClipStore | ClipSubset, int]:
        """The store that holds a clip, and its index there."""
        number = int(np.searchsorted(self._ends, index, side="right"))
        return self.stores[number], index - int(self._ends[number]) + len(self.stores[number])

    def __getitem__(self, key: ClipKey) -> Example:
        epoch, index = key
        clip = self.clip(index)
        labels = self.labels[index]
        return Example(self._waveform(clip, epoch, index, labels), labels, clip.id, clip.language, index)

    def __getitems__(self, keys: Sequence[ClipKey]) -> list[Example]:
        """A batch; random states are put aside once for all of it."""
        with kept_random_state():
            return [self[key] for key in keys]

    def clip(self, index: int) -> PreparedClip:
        """A clip as it was prepared, with all that is known of it."""
        store, place = self._place(index)
        return store[place]

    def _waveform(
        self, clip: PreparedClip, epoch: int, index: int, labels: Sequence[int]
    ) -> NDArray[np.float32]:
        """The clip as an epoch hears it."""
        if self.augment is None:
            return from_pcm16(clip.samples)
        source = functools.partial(from_pcm16, clip.samples)
        return self.augment.read(source, self.sampling_rate, epoch, index, self._fits(labels))

    def _fits(self, labels: Sequence[int]) -> Callable[[int], bool] | None:
        """Whether the network makes frames enough for these labels out of so many samples."""
        num_frames = self.num_frames
        if num_frames is None:
            return None
        return lambda num_samples: int(num_frames(np.array([num_samples]))[0]) >= frames_needed(labels)
