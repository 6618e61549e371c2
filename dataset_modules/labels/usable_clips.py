"""Prepared clips that a model can be trained on: known phonemes, and enough frames for the label."""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset_modules.cache.clip_store import ClipStore
from dataset_modules.labels.encoder import LabelEncoder, frames_needed
from dataset_modules.recording import SkippedRecording

FrameCounter = Callable[[NDArray[np.int64]], NDArray[np.int64]]  # samples of utterances → frames, (N,)


class EncodedLabels:
    """Labels as ids in one flat array: a few bytes per phoneme, which forked readers share.

    >>> labels = EncodedLabels(np.array([1, 2, 3]), np.array([2, 2, 3]))
    >>> list(labels), len(EncodedLabels.joined([labels, labels]))
    ([[1, 2], [], [3]], 6)
    """

    def __init__(
        self,
        ids: NDArray[np.integer],  # (sum of lengths,)
        ends: NDArray[np.int64],  # (N,) the end of each label in ids
    ) -> None:
        self._ids = ids
        self._ends = ends

    @classmethod
    def joined(cls, parts: Sequence["EncodedLabels"]) -> "EncodedLabels":
        """Return the labels of several stores, one after another."""
        none = cls(np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64))
        parts = [none, *parts]  # arrays can only be joined if there is one
        starts = np.cumsum([0, *(len(part._ids) for part in parts)])
        ends = [part._ends + start for part, start in zip(parts, starts[:-1], strict=True)]
        return cls(np.concatenate([part._ids for part in parts]), np.concatenate(ends))

    def counts(self) -> NDArray[np.int64]:
        """Return how often each id occurs, (largest id + 1,)."""
        return np.bincount(self._ids)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> list[int]:
        if not 0 <= index < len(self):
            raise IndexError(f"EncodedLabels: index must be in 0…{len(self) - 1}, got {index}")
        start = int(self._ends[index - 1]) if index else 0
        ids: list[int] = self._ids[start : self._ends[index]].tolist()
        return ids


class UsableClips(NamedTuple):
    """The rows of usable clips in a store, their labels, and the faults of the other clips."""

    indices: NDArray[np.int64]  # (N,)
    faults: list[SkippedRecording]
    unknown: Counter[str]  # phonemes outside the vocabulary, of all clips
    labels: EncodedLabels  # (N,)


def usable_clips(store: ClipStore, encode: LabelEncoder, num_frames: FrameCounter | None) -> UsableClips:
    """Encode the labels of a store once, and choose the clips that can be trained on."""
    frames = None if num_frames is None else num_frames(store.num_samples())
    smallest = next(code for code in "BHIQ" if len(encode.vocabulary) <= 1 << 8 * array(code).itemsize)
    ids, ends, indices = array(smallest), array("q"), array("q")
    faults: list[SkippedRecording] = []
    unknown: Counter[str] = Counter()
    for index, phonemes in enumerate(store.phoneme_lists()):
        label, unknown_here = encode.with_unknown(phonemes)
        unknown.update(unknown_here)
        reason = None
        if unknown_here and encode.policy == "skip":
            names = ", ".join(sorted(set(unknown_here)))
            reason = f"phonemes must be in the vocabulary, these are not: {names}"
        elif frames is not None:
            reason = _length_fault(label, int(frames[index]))
        if reason:
            name = store.name_of(index)
            faults.append(SkippedRecording(name.id, name.path, reason))
            continue
        ids.extend(label)
        ends.append(len(ids))
        indices.append(index)
    labels = EncodedLabels(np.array(ids), np.array(ends, dtype=np.int64))
    return UsableClips(np.array(indices, dtype=np.int64), faults, unknown, labels)


def _length_fault(ids: Sequence[int], frames: int) -> str | None:
    needed = max(1, frames_needed(ids))
    if needed <= frames:
        return None
    return (
        f"its {len(ids)} labels need {needed} frames, the model makes {frames} of this audio; "
        f"is the transcript another recording's?"
    )
