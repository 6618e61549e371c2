"""Prepared clips that a model can learn from: labels within its vocabulary, and frames enough for them."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from dataset_modules.cache.clip_store import ClipStore, PreparedClip
from dataset_modules.labels.encoder import LabelEncoder, frames_needed
from dataset_modules.recording import SkippedRecording

FrameCounter = Callable[[NDArray[np.int64]], NDArray[np.int64]]  # samples of utterances → frames of them


class UsableClips(NamedTuple):
    """The places of usable clips in a store, and what is wrong with the others."""

    indices: NDArray[np.int64]
    faults: list[SkippedRecording]
    unknown: Counter[str]  # phonemes outside the vocabulary


def usable_clips(store: ClipStore, encode: LabelEncoder, num_frames: FrameCounter | None) -> UsableClips:
    """Look through the labels of a store.

    Args:
        store: the clips.
        encode: what makes ids of a label, and what to do with phonemes that it does not know.
        num_frames: how many frames the model will have; None where no model is known.
    """
    num_samples = store.num_samples()
    frames = None if num_frames is None else num_frames(num_samples)
    usable = np.ones(len(store), dtype=np.bool_)
    faults: list[SkippedRecording] = []
    unknown: Counter[str] = Counter()
    for index, phonemes in enumerate(store.phoneme_lists()):
        foreign = encode.unknown_in(phonemes)
        unknown.update(foreign)
        reason = _foreign(foreign) if encode.policy == "skip" else None
        if reason is None and frames is not None:
            reason = _too_long(encode(phonemes), int(frames[index]))
        if reason:
            usable[index] = False
            faults.append(SkippedRecording(*store.name_of(index), reason))
    return UsableClips(np.flatnonzero(usable), faults, unknown)


def _foreign(phonemes: Sequence[str]) -> str | None:
    names = ", ".join(sorted(set(phonemes)))
    return f"phonemes must be in the vocabulary, these are not: {names}" if phonemes else None


def _too_long(ids: Sequence[int], frames: int) -> str | None:
    needed = max(1, frames_needed(ids))
    if needed <= frames:
        return None
    return (
        f"its {len(ids)} labels need {needed} frames, the model makes {frames} of this audio; "
        f"is the transcript another recording's?"
    )


class ClipSubset:
    """Some clips of a store, as a sequence."""

    def __init__(self, store: ClipStore, indices: NDArray[np.int64]) -> None:
        self.store = store
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> PreparedClip:
        return self.store[int(self.indices[index])]

    def num_samples(self) -> NDArray[np.int64]:
        """Length of every clip."""
        return self.store.num_samples()[self.indices]

    def name_of(self, index: int) -> tuple[str, str]:
        """The id and the path of a clip."""
        return self.store.name_of(int(self.indices[index]))

    def language_of(self, index: int) -> str | None:
        """The language of a clip."""
        return self.store.language_of(int(self.indices[index]))

    def phonemes_of(self, index: int) -> list[str]:
        """The label of a clip."""
        return self.store.phonemes_of(int(self.indices[index]))


class EncodedLabels(Sequence[list[int]]):
    """The labels of several subsets, one after another; read and encoded as they are asked for."""

    def __init__(self, subsets: Sequence[ClipSubset], encode: LabelEncoder) -> None:
        self._subsets = list(subsets)
        self._encode = encode
        self._ends = np.cumsum([len(subset) for subset in self._subsets], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if self._subsets else 0

    @overload
    def __getitem__(self, index: int) -> list[int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[int]]: ...
    def __getitem__(self, index: int | slice) -> list[int] | list[list[int]]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f"EncodedLabels: index must be in 0…{len(self) - 1}, got {index}")
        number = int(np.searchsorted(self._ends, index, side="right"))
        subset = self._subsets[number]
        return self._encode(subset.phonemes_of(index - int(self._ends[number]) + len(subset)))
