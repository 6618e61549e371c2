"""Prepare every split of a configuration like training does, and survey it recording by recording."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from dataset_modules.base_dataset import SPLITS, Split
from dataset_modules.batches.sampler import LengthBucketSampler, padding_share
from dataset_modules.batches.trainer_limits import limited
from dataset_modules.cache.clip_store import ClipSelection, PreparedClip
from dataset_modules.cache.progress_bars import refreshing
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.labels.encoder import LabelEncoder, frames_needed
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.labels.usable_clips import FrameCounter
from doctor.clip_measures import measure
from doctor.survey import CLIP, NO_SPEAKER, Batching, OddTexts, RunPlan, SplitSurvey, Survey
from phonetics import WORD_DELIMITER
from phonetics.text_oddities import text_oddities
from stop_signals import stop_if_requested

_EXAMPLES = 5  # clips named for each unknown phoneme


def examine(data: PhonemeDataModule, num_frames: FrameCounter, plan: RunPlan) -> Survey:
    """Survey every recording of every split; faults that would stop training become findings later."""
    surveyor = Surveyor(data.encode, num_frames, data.audio_params.sampling_rate)
    splits: dict[Split, SplitSurvey] = {}
    num_batches: dict[Split, int] = {}  # per device and epoch, before any limit
    for name in SPLITS:
        split = surveyor.survey(name, data.open_split(name, rebuild=data.sources.create_dataset))
        sampler = data.sampler(name, shuffle=name == "train")
        sampler.world_size = plan.world_size
        is_used = len(data.splits[name]) > 0
        num_batches[name] = len(sampler) if is_used else 0
        splits[name] = with_batching(split, sampler, plan) if is_used else split
    return Survey(
        splits=splits,
        speakers=surveyor.speakers,
        vocabulary=data.vocabulary.phonemes,
        unknown_policy=data.encode.policy,
        max_batch_seconds=data.batch_seconds("train"),
        labels=tuple(dataset.label_summary for dataset in data.sources.datasets if dataset.label_summary),
        plan=plan,
        plan_faults=tuple(plan.faults(num_batches)),
        odd_texts=surveyor.odd_texts,
    )


class Surveyor:
    """Surveys splits one after another; speakers are numbered across all of them."""

    def __init__(self, encode: LabelEncoder, num_frames: FrameCounter, sampling_rate: int) -> None:
        self.encode = encode
        self.num_frames = num_frames
        self.sampling_rate = sampling_rate
        self._speaker_numbers: dict[str, int] = {}
        self.odd_texts: dict[str, OddTexts] = {}
        self._texts_seen: set[int] = set()  # their hashes: copies of a recording count once

    @property
    def speakers(self) -> tuple[str, ...]:
        """All speakers so far, in the order of their numbers."""
        return tuple(self._speaker_numbers)

    def survey(self, name: Split, parts: Sequence[SplitPart]) -> SplitSurvey:
        """Survey a split; it reads every recording once."""
        surveyed, left_out = _divided(parts)
        rows = [np.arange(part.num_prepared) for part in surveyed]
        prepared = ClipSelection([part.prepared.clips for part in surveyed], rows)
        clips = np.zeros(len(prepared), CLIP)
        usable = [np.isin(own, part.usable.indices) for own, part in zip(rows, surveyed, strict=True)]
        clips["used"] = np.concatenate(usable)
        split = SplitSurvey(name, self.sampling_rate, clips, prepared.id_of, parts=parts)
        split.synthetic.update(self._phonemes_of(left_out))
        progress = tqdm(
            prepared, desc=f"{name}: surveying clips", unit="clip", delay=1, **refreshing(sys.stderr)
        )
        is_converted = np.repeat([_converts_texts(name, part) for part in surveyed], list(map(len, rows)))
        for row, clip, converted in zip(clips, progress, is_converted, strict=True):  # rows are views
            stop_if_requested()
            self._add(split, row, clip)
            if converted and clip.text and hash(clip.text) not in self._texts_seen:
                self._texts_seen.add(hash(clip.text))
                self._note_oddities(clip.text, clip.language, f"{clip.id} ({name})")
        clips["frames"] = self.num_frames(clips["num_samples"])
        return split

    def _phonemes_of(self, parts: Sequence[SplitPart]) -> Counter[str]:
        """Count the phonemes of data sets that are not surveyed."""
        counts: Counter[str] = Counter()
        for part in parts:
            occurrences = part.usable.labels.counts().tolist()
            counts.update(dict(zip(self.encode.vocabulary.tokens, occurrences, strict=False)))
        return counts

    def _add(self, split: SplitSurvey, row: np.void, clip: PreparedClip) -> None:
        """Fill the row of a clip, and count its phonemes."""
        labels, unknown = self.encode.with_unknown(clip.phonemes)
        row["num_samples"] = len(clip.samples)
        row["frames_needed"] = frames_needed(labels)
        row["num_labels"], row["num_unknown"] = len(labels), len(unknown)
        boundary = self.encode.vocabulary.id_of(WORD_DELIMITER)
        row["num_phonemes"] = sum(label != boundary for label in labels)
        row["peak"], row["rms"], row["clipped_share"], row["content"] = measure(clip.samples)
        numbers = self._speaker_numbers
        row["speaker"] = numbers.setdefault(clip.speaker, len(numbers)) if clip.speaker else NO_SPEAKER
        if row["used"]:
            vocabulary = self.encode.vocabulary
            spelled = (name for name in vocabulary.spelled(clip.phonemes) if name != WORD_DELIMITER)
            split.phonemes.update(map(vocabulary.token_of, spelled))
        split.unknown.update(unknown)
        for phoneme in dict.fromkeys(unknown):
            examples = split.unknown_examples.setdefault(phoneme, [])
            if len(examples) < _EXAMPLES:
                examples.append(clip.id)

    def _note_oddities(self, text: str, language: str | None, place: str) -> None:
        kinds: dict[str, list[str]] = {}
        for oddity in text_oddities(text, language):
            kinds.setdefault(oddity.kind, []).append(oddity.part)
        for kind, parts in kinds.items():
            odd = self.odd_texts.setdefault(kind, OddTexts())
            odd.number += 1
            if len(odd.examples) < _EXAMPLES:
                odd.examples.append(f"{place}: {' '.join(parts)}")


def _divided(parts: Sequence[SplitPart]) -> tuple[Sequence[SplitPart], Sequence[SplitPart]]:
    """Leave synthetic speech out where there are recordings: findings are about these."""
    recorded = [part for part in parts if not part.is_synthetic]
    if not any(len(part.usable.indices) for part in recorded):
        return parts, ()
    return recorded, [part for part in parts if part.is_synthetic]


def _converts_texts(split: Split, part: SplitPart) -> bool:
    """Return whether a data set's labels are made from texts."""
    return part.dataset.backend_of(part.dataset.recordings(split)) is not None


def with_batching(split: SplitSurvey, sampler: LengthBucketSampler, plan: RunPlan) -> SplitSurvey:
    """Add the batches of the sampler, per device and epoch, to the survey of a split."""
    batches = sampler.batches(epoch=0)
    taken = limited(len(batches), plan.limit_batches) if sampler.shuffle else len(batches)
    lengths = sampler.num_samples
    padded = [int(lengths[batch].max()) * len(batch) for batch in batches]
    return replace(
        split,
        batching=Batching(
            num_batches=taken,
            padding_share=padding_share(lengths, batches),
            largest_clips=max((len(batch) for batch in batches), default=0),
            largest_seconds=max(padded, default=0) / split.sampling_rate,
            optimizer_steps=-(-taken // plan.accumulate) if sampler.shuffle else 0,
        ),
    )
