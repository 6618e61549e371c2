"""Read prepared clips one by one, and fill the columns of a survey."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from tqdm import tqdm

from dataset_modules.base_dataset import Split
from dataset_modules.batches.sampler import LengthBucketSampler, padding_share
from dataset_modules.batches.trainer_limits import limited
from dataset_modules.cache.clip_store import PreparedClip
from dataset_modules.cache.progress_bars import refreshing
from dataset_modules.labels.encoder import LabelEncoder, frames_needed
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.labels.usable_clips import FrameCounter
from doctor.clip_measures import measure
from doctor.survey import NO_SPEAKER, Batching, ClipColumns, SourceSkips, SplitSurvey
from phonetics import WORD_DELIMITER

_EXAMPLES = 5  # clips named for each unknown phoneme


class Surveyor:
    """Surveys splits one after another; speakers are numbered across all of them."""

    def __init__(self, encode: LabelEncoder, frame_counts: FrameCounter, sampling_rate: int) -> None:
        self.encode = encode
        self.frame_counts = frame_counts
        self.sampling_rate = sampling_rate
        self._numbers: dict[str, int] = {}

    @property
    def speakers(self) -> tuple[str, ...]:
        """All speakers so far, in the order of their numbers."""
        return tuple(self._numbers)

    def survey(self, name: Split, parts: Sequence[SplitPart]) -> SplitSurvey:
        """Survey a split; it reads every clip once."""
        stores = [part.prepared.clips for part in parts]
        columns = ClipColumns.empty(sum(len(store) for store in stores))
        columns.used[:] = used_rows(parts)
        skips = tuple(skips_of(number, part) for number, part in enumerate(parts))
        split = SplitSurvey(name, self.sampling_rate, columns, ClipLookup(stores).id_of, skips=skips)
        clips = tqdm(
            _clips(stores),
            total=len(columns.used),
            desc=f"{name}: surveying clips",
            unit="clip",
            delay=1,
            **refreshing(sys.stderr),
        )
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
        unknown, labels = self.encode.unknown_in(clip.phonemes), self.encode(clip.phonemes)
        split.unknown.update(unknown)
        for phoneme in dict.fromkeys(unknown):
            examples = split.unknown_examples.setdefault(phoneme, [])
            if len(examples) < _EXAMPLES:
                examples.append(clip.id)
        columns = split.clips
        if columns.used[row]:
            token_of = self.encode.vocabulary.token_of
            split.phonemes.update(token_of(name) for name in clip.phonemes if name != WORD_DELIMITER)
        columns.num_unknown[row] = len(unknown)
        columns.num_labels[row] = len(labels)
        columns.frames_needed[row] = frames_needed(labels)


class ClipSource(Protocol):
    """A sequence of clips."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> PreparedClip: ...


class ClipLookup:
    """Finds a clip in several stores by its row in all of them."""

    def __init__(self, stores: Sequence[ClipSource]) -> None:
        self.stores = stores
        self._ends = np.cumsum([len(store) for store in stores], dtype=np.int64)

    def __getitem__(self, row: int) -> PreparedClip:
        number = int(np.searchsorted(self._ends, row, side="right"))
        return self.stores[number][row - int(self._ends[number]) + len(self.stores[number])]

    def id_of(self, row: int) -> str:
        """Return the id of a row."""
        return self[row].id


def _clips(stores: Sequence[ClipSource]) -> Iterator[PreparedClip]:
    return (store[index] for store in stores for index in range(len(store)))


def used_rows(parts: Sequence[SplitPart]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the prepared clips of all parts that training would use."""
    starts = np.cumsum([0, *(len(part.prepared.clips) for part in parts)])
    used = np.zeros(int(starts[-1]), dtype=np.bool_)
    for start, part in zip(starts, parts, strict=False):
        used[start + part.usable.indices] = True
    return used


def skips_of(number: int, part: SplitPart) -> SourceSkips:
    """Count the recordings that a data set skips in a split."""
    return SourceSkips(
        number,
        type(part.dataset).__name__,
        part.num_recordings,
        part.num_skipped,
        part.skipped,
        part.dataset.max_skipped_share,
    )


def with_batching(
    split: SplitSurvey,
    sampler: LengthBucketSampler,
    accumulate: int = 1,
    limit_batches: int | float | None = None,
) -> SplitSurvey:
    """Add the batches of the sampler to a survey; ``accumulate`` batches make a step.

    ``limit_batches`` limits the training batches: to a number, or to a share as a float.
    """
    batches = sampler.batches(epoch=0)
    taken = limited(len(batches), limit_batches) if sampler.shuffle else len(batches)
    lengths = sampler.num_samples
    padded = [int(lengths[batch].max()) * len(batch) for batch in batches]
    return replace(
        split,
        batching=Batching(
            num_batches=taken,
            padding_share=padding_share(lengths, batches),
            largest_clips=max((len(batch) for batch in batches), default=0),
            largest_seconds=max(padded, default=0) / split.sampling_rate,
            optimizer_steps=-(-taken // accumulate) if sampler.shuffle else 0,
        ),
    )
