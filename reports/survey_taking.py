"""Streams over prepared clips, one at a time, and fills in the survey's columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_modules.base_dataset import Split
from dataset_modules.clip_store import ClipStore, PreparedClip
from dataset_modules.labels import WORD_BOUNDARY
from dataset_modules.sampler import LengthBucketSampler, padding_share
from phonetics import Vocabulary
from reports.clip_measures import measure
from reports.data_survey import NO_SPEAKER, Batching, ClipColumns, SourceSkips, SplitSurvey

_EXAMPLES = 5  # clips named for each unknown phoneme
FrameCounts = Callable[[NDArray[np.int64]], NDArray[np.int64]]


class SurveyTaker:
    """Surveys splits one after another; speakers are numbered across all of them.

    Args:
        vocabulary: of the model.
        unknown_policy: what training does with phonemes outside it.
        frame_counts: samples → frames, for the configured network.
        sampling_rate: of the prepared clips.
    """

    def __init__(
        self, vocabulary: Vocabulary, unknown_policy: str, frame_counts: FrameCounts, sampling_rate: int
    ) -> None:
        self.vocabulary = vocabulary
        self.unknown_policy = unknown_policy
        self.frame_counts = frame_counts
        self.sampling_rate = sampling_rate
        self._numbers: dict[str, int] = {}

    @property
    def speakers(self) -> tuple[str, ...]:
        """All speakers met so far, in the order of their numbers."""
        return tuple(self._numbers)

    def survey(
        self, name: Split, stores: Sequence[ClipStore], skips: Sequence[SourceSkips] = ()
    ) -> SplitSurvey:
        """Look at every clip of a split once."""
        columns = ClipColumns.empty(sum(len(store) for store in stores))
        split = SplitSurvey(name, self.sampling_rate, columns, IdLookup(stores), skips=tuple(skips))
        clips = tqdm(_clips(stores), total=len(split), desc=f"{name}: looking at clips", unit="clip", delay=1)
        for row, clip in enumerate(clips):
            self._note_audio(columns, row, clip)
            self._note_labels(split, row, clip)
        columns.frames[:] = self.frame_counts(columns.num_samples)
        return split

    def _note_audio(self, columns: ClipColumns, row: int, clip: PreparedClip) -> None:
        columns.num_samples[row] = len(clip.samples)
        measures = measure(clip.samples)
        columns.peak[row], columns.rms[row], columns.clipped_share[row] = measures[:3]
        columns.content[row] = measures.content
        columns.speaker[row] = (
            self._numbers.setdefault(clip.speaker, len(self._numbers)) if clip.speaker else NO_SPEAKER
        )

    def _note_labels(self, split: SplitSurvey, row: int, clip: PreparedClip) -> None:
        unknown = [phoneme for phoneme in clip.phonemes if is_unknown(phoneme, self.vocabulary)]
        labels = training_labels(clip.phonemes, self.vocabulary, self.unknown_policy)
        split.phonemes.update(phoneme for phoneme in clip.phonemes if phoneme != WORD_BOUNDARY)
        split.unknown.update(unknown)
        for phoneme in dict.fromkeys(unknown):
            examples = split.unknown_examples.setdefault(phoneme, [])
            if len(examples) < _EXAMPLES:
                examples.append(clip.id)
        columns = split.clips
        columns.num_unknown[row] = len(unknown)
        columns.num_labels[row] = len(labels)
        columns.frames_needed[row] = frames_needed(labels)


class IdLookup:
    """The id of a row, from the store that holds it."""

    def __init__(self, stores: Sequence[ClipStore]) -> None:
        self.stores = stores
        self._ends = np.cumsum([len(store) for store in stores], dtype=np.int64)

    def clip(self, row: int) -> PreparedClip:
        """The whole clip."""
        number = int(np.searchsorted(self._ends, row, side="right"))
        return self.stores[number][row - int(self._ends[number]) + len(self.stores[number])]

    def __call__(self, row: int) -> str:
        """The id alone."""
        return self.clip(row).id


def _clips(stores: Sequence[ClipStore]) -> Iterator[PreparedClip]:
    return (store[index] for store in stores for index in range(len(store)))


def is_unknown(phoneme: str, vocabulary: Vocabulary) -> bool:
    """Whether a label lies outside the vocabulary; word boundaries may be left out silently."""
    return phoneme != WORD_BOUNDARY and phoneme not in vocabulary.ids


def training_labels(phonemes: Sequence[str], vocabulary: Vocabulary, unknown_policy: str) -> list[str]:
    """The labels that training would use.

    >>> vocabulary = Vocabulary(("[PAD]", "[UNK]", "a"))
    >>> training_labels(["a", "|", "ø", "a"], vocabulary, "map_to_unknown")
    ['a', '[UNK]', 'a']
    >>> training_labels(["a", "|", "ø", "a"], vocabulary, "drop")
    ['a', 'a']
    """
    kept = [phoneme for phoneme in phonemes if phoneme in vocabulary.ids or phoneme != WORD_BOUNDARY]
    if unknown_policy == "map_to_unknown" and vocabulary.unknown_id is not None:
        stand_in = vocabulary.tokens[vocabulary.unknown_id]
        return [phoneme if phoneme in vocabulary.ids else stand_in for phoneme in kept]
    return [phoneme for phoneme in kept if phoneme in vocabulary.ids]


def frames_needed(labels: Sequence[str]) -> int:
    """The fewest frames that CTC can write these labels into: equal neighbours need a blank between them.

    >>> frames_needed(["a", "a", "b"])
    4
    """
    return len(labels) + sum(left == right for left, right in zip(labels, labels[1:], strict=False))


def with_batching(split: SplitSurvey, sampler: LengthBucketSampler, accumulate: int = 1) -> SplitSurvey:
    """The survey with what the sampler makes of the split; ``accumulate`` batches make a step."""
    batches = sampler.batches(epoch=0)
    lengths = sampler.num_samples
    padded = [int(lengths[batch].max()) * len(batch) for batch in batches]
    return replace(
        split,
        batching=Batching(
            num_batches=len(batches),
            padding_share=padding_share(lengths, batches),
            largest_clips=max((len(batch) for batch in batches), default=0),
            largest_seconds=max(padded, default=0) / split.sampling_rate,
            optimizer_steps=-(-len(batches) // accumulate) if sampler.shuffle else 0,
        ),
    )
